//! Tiny classes, real witnesses, and a satisfaction check of our own.

use crate::circuit::Circuit;
use crate::gadgets::ConstraintId;
use crate::groth16::internal::{Assigned, assign, synthesise};
use crate::model::{CATALOGUE, Family, IntegerModel, Layer, SizeClass};
use crate::statement::{Challenges, Chunk, Feature, PublicInputs, Task, TestSet};
use crate::witness::{self, Assignment};
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField, Zero};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Two classes small enough to try every wire. The ids are labels only.
pub fn tiny() -> [SizeClass; 2] {
    let linear = SizeClass {
        rows: 7,
        features: 3,
        feature_bits: 3,
        classes: 3,
        table_bits: 6,
        margin_limbs: 2,
        ..CATALOGUE[0]
    };
    let mlp = SizeClass { family: Family::Mlp { hidden: 3 }, margin_limbs: 3, ..linear };
    [linear, mlp]
}

pub fn task(class: &SizeClass) -> Task {
    Task {
        features: (0..class.features)
            .map(|i| Feature { name: format!("f{i}"), offset: 0.0, step: 1.0 })
            .collect(),
        feature_bits: class.feature_bits as u8,
        classes: (0..class.classes).map(|i| format!("c{i}")).collect(),
    }
}

/// A random model; hidden weights are small enough that most rows stay in range.
pub fn random_model(class: &SizeClass, seed: u64) -> IntegerModel {
    let mut rng = StdRng::seed_from_u64(seed);
    let shapes = class.layer_shapes();
    for scale in [8, 4, 2, 1] {
        let layers: Vec<Layer> = shapes
            .iter()
            .map(|&(inputs, outputs)| Layer {
                inputs,
                outputs,
                weights: (0..inputs * outputs).map(|_| rng.gen_range(-scale..=scale)).collect(),
                biases: (0..outputs).map(|_| rng.gen_range(-9..=9)).collect(),
            })
            .collect();
        if let Ok(model) = IntegerModel::new(class, &layers) {
            return model;
        }
    }
    panic!("no scale fits");
}

/// Five real rows and two padding rows; labels are predictions, but for the last.
pub fn test_set(model: &IntegerModel, seed: u64) -> TestSet {
    let class = model.class();
    let mut rng = StdRng::seed_from_u64(seed);
    let rows = class.rows - 2;
    let x: Vec<u16> = (0..rows * class.features).map(|_| rng.gen_range(0..=class.x_max())).collect();
    let mut labels: Vec<u16> =
        x.chunks(class.features).map(|row| model.forward(row).prediction() as u16).collect();
    labels[rows - 1] = (labels[rows - 1] + 1) % class.classes as u16;
    TestSet::new(task(class), x, labels).unwrap()
}

/// Challenges that depend on every committed wire, as the transcript's do.
pub fn draw(model: &[Fr], rest: &[Fr]) -> Challenges {
    let mut hash = blake3::Hasher::new();
    for wire in model.iter().chain(rest) {
        hash.update(&wire.into_bigint().to_bytes_le());
    }
    let mut reader = hash.finalize_xof();
    let mut next = || {
        let mut wide = [0; 64];
        reader.fill(&mut wide);
        Fr::from_le_bytes_mod_order(&wide)
    };
    Challenges { x: next(), y: next(), rho: next() }
}

pub struct Case {
    pub circuit: Circuit,
    pub model: IntegerModel,
    pub set: TestSet,
    pub chunk: Chunk,
    pub reach: u64,
}

impl Case {
    pub fn new(class: &SizeClass, seed: u64) -> Self {
        let model = random_model(class, seed);
        let set = test_set(&model, seed + 1);
        Self::with(model, set)
    }

    /// A case in which every hidden unit is active in some row: weights of a dead unit do not matter.
    pub fn lively(class: &SizeClass) -> Self {
        (0..).map(|seed| Self::new(class, seed)).find(Self::all_units_active).unwrap()
    }

    fn all_units_active(&self) -> bool {
        let outcomes: Vec<_> = (0..self.set.rows()).map(|i| self.model.forward(self.set.row(i))).collect();
        (0..self.circuit.class.hidden())
            .all(|j| outcomes.iter().any(|outcome| !outcome.overflow && outcome.hidden[j] > 0))
    }

    pub fn with(model: IntegerModel, set: TestSet) -> Self {
        let circuit = Circuit::new(model.class()).unwrap();
        let chunk = Chunk::all(set.rows(), model.class())[0];
        let reach = model.accuracy(&set).unwrap().correct as u64;
        Self { circuit, model, set, chunk, reach }
    }

    pub fn score_values(&self, claim: u64) -> Assignment {
        witness::score(&self.model, &self.circuit.bounds, &self.set, &self.chunk, claim)
    }

    pub fn model_values(&self) -> Assignment {
        witness::model(&self.model, &self.circuit.bounds, &self.circuit.limb_shifts())
    }

    pub fn score(&self, values: &Assignment, claim: u64) -> Assigned {
        assign(&self.circuit, values, |model, rest| {
            let ch = draw(model, rest);
            let (class, bounds) = (&self.circuit.class, &self.circuit.bounds);
            PublicInputs::score(class, bounds, ch, &self.set, &self.chunk, claim).to_vec()
        })
        .unwrap()
    }

    pub fn prove_model(&self, values: &Assignment) -> Assigned {
        assign(&self.circuit, values, |model, rest| {
            PublicInputs::model(&self.circuit.class, &self.circuit.bounds, draw(model, rest)).to_vec()
        })
        .unwrap()
    }
}

/// The first constraint that `A z o B z = C z` violates, by its index. `cs.is_satisfied()` reads cached values and
/// can pass falsely, so the product is computed from the matrices.
pub fn unsatisfied(assigned: &Assigned) -> Option<usize> {
    let row = |row: &Vec<(Fr, usize)>| -> Fr { row.iter().map(|(c, i)| *c * assigned.assignment[*i]).sum() };
    let [a, b, c] = &assigned.matrices[..] else { panic!("three matrices") };
    (0..assigned.constraints).find(|&i| !(row(&a[i]) * row(&b[i]) - row(&c[i])).is_zero())
}

/// The id of that constraint in the circuit of a class.
pub fn violated(circuit: &Circuit, assigned: &Assigned) -> Option<ConstraintId> {
    let bad = unsatisfied(assigned)?;
    let sections = synthesise(circuit).unwrap().sections;
    sections.iter().rev().find(|(_, start)| *start <= bad).map(|(id, _)| *id)
}
