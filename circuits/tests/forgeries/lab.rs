//! Toy size classes with keys of their own, and verifiers whose rules can be exchanged one at a time.

use super::script::{Blinders, close, open};
use crate::circuit::Circuit;
use crate::gadgets::ConstraintId;
use crate::groth16::api::check_claim;
use crate::groth16::keys::{KeyBases, RawKey, VerifyingKey};
use crate::groth16::prove::{Secrets, prove};
use crate::groth16::reference::{Assigned, assign, commit_wires, committed_values};
use crate::groth16::relation::Relation;
use crate::groth16::setup::{setup, synthesise};
use crate::groth16::verify::{VerifyError, verify};
use crate::groth16::{
    self, Commitment, Opening, Proof, ProvingKey, SetupTrust, Transcript, TwoPhaseCircuit, VerifiedModel,
};
use crate::model::{Bounds, CATALOGUE, Family, IntegerModel, Layer, SizeClass};
use crate::statement::{
    Challenges, Chunk, Competitor, Feature, PublicInputs, Scope, ScoreClaim, Task, TestSet,
};
use crate::witness::{self, Assignment, RowValues, fr};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, PrimeField};
use rand::{SeedableRng, rngs::StdRng};
use std::collections::BTreeSet;
use std::sync::LazyLock;

pub(super) const SECRET: [u8; 32] = [7; 32];

/// Rows that the toy model gets wrong: 5 of 12.
pub(super) const WRONG: [usize; 5] = [1, 3, 5, 8, 10];

pub(super) fn quiet(_: &str, _: f64) {}

pub(super) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Blinder of every `D_w` of this module.
pub(super) fn blinder() -> Fr {
    Fr::from(0x5eed_u64)
}

/// 12 rows, 4 features up to 7, 3 classes, T = 6: one block of packed rows.
pub(super) const LINEAR_CLASS: SizeClass = SizeClass {
    id: CATALOGUE[0].id,
    family: Family::Linear,
    rows: 12,
    features: 4,
    feature_bits: 3,
    classes: 3,
    table_bits: 6,
    margin_limbs: 2,
};

/// The same with 3 hidden units: one chain of packed outputs.
pub(super) const MLP_CLASS: SizeClass = SizeClass { family: Family::Mlp { hidden: 3 }, ..LINEAR_CLASS };

pub(super) static LINEAR: LazyLock<Lab<Circuit>> = LazyLock::new(|| Lab::production(&LINEAR_CLASS));
pub(super) static MLP: LazyLock<Lab<Circuit>> = LazyLock::new(|| Lab::production(&MLP_CLASS));

type Draw<'a> = Box<dyn Fn(&Transcript, Challenges) -> Challenges + 'a>;

/// What a verifier computes. Flawed verifiers replace one field.
pub(super) struct Rules<'a> {
    pub transcript: Box<dyn Fn(&Commitment) -> Transcript + 'a>,
    /// From the transcript, and what production draws of it.
    pub challenges: Draw<'a>,
    pub inputs: Box<dyn Fn(Challenges) -> PublicInputs + 'a>,
}

impl<'a> Rules<'a> {
    /// The same with public inputs that the prover could talk this verifier into.
    pub fn adjusted(self, change: impl Fn(&mut PublicInputs) + 'a) -> Self {
        let sound = self.inputs;
        let inputs = Box::new(move |ch| {
            let mut inputs = sound(ch);
            change(&mut inputs);
            inputs
        });
        Self { inputs, ..self }
    }
}

/// A circuit with its key.
pub(super) struct Lab<C> {
    pub circuit: C,
    pub class: SizeClass,
    pub bounds: Bounds,
    pub key: RawKey,
    pub bases: KeyBases,
    /// None for a flawed circuit with a wire that the production prover could not find.
    pub relation: Option<Relation>,
    pub vk: VerifyingKey,
}

impl Lab<Circuit> {
    pub fn production(class: &SizeClass) -> Self {
        let circuit = Circuit::new(class).unwrap();
        Self::new(circuit, circuit)
    }

    /// The production verifier of a score, all of it.
    pub fn verify_score(
        &self,
        set: &TestSet,
        claim: &ScoreClaim,
        commitment: &Commitment,
        proof: &Proof,
    ) -> Result<(), VerifyError> {
        check_claim(&self.class, set, claim)?;
        self.verify(&self.score_rules(set, claim), commitment, proof)
    }

    /// Makes a proof of a cheating witness with the production prover, and asserts that the production verifier
    /// refuses it and that exactly these constraints are violated.
    pub fn refuses(&self, values: &Assignment, set: &TestSet, claim: &ScoreClaim, violated: &[ConstraintId]) {
        let rules = self.score_rules(set, claim);
        let (commitment, proof) = self.prove(values, &values.limbs, &rules);
        assert_eq!(self.verify_score(set, claim, &commitment, &proof), Err(VerifyError::Invalid));
        assert_eq!(self.violations(values, &values.limbs, &rules), violated);
    }
}

impl<C: TwoPhaseCircuit> Lab<C> {
    /// `base` says which class and bounds the verifier uses.
    pub fn new(circuit: C, base: Circuit) -> Self {
        let key = setup(&circuit, &mut rng(1), &quiet).unwrap();
        Self::with_key(circuit, base, key)
    }

    pub fn with_key(circuit: C, base: Circuit, key: RawKey) -> Self {
        let vk = VerifyingKey::new(&base.class, SetupTrust::SingleParty, key.vk.clone()).unwrap();
        let (bases, relation) = (KeyBases::new(&key).unwrap(), Relation::of(&circuit).ok());
        Self { circuit, class: base.class, bounds: base.bounds, key, bases, relation, vk }
    }

    pub fn commit(&self, limbs: &[Fr]) -> Commitment {
        Commitment(commit_wires(&self.key, &self.key.ckw, limbs, blinder()))
    }

    pub fn score_rules<'a>(&'a self, set: &'a TestSet, claim: &'a ScoreClaim) -> Rules<'a> {
        let key = self.vk.digest();
        let (class, bounds) = (&self.class, &self.bounds);
        Rules {
            transcript: Box::new(move |dw| Transcript::score(&key, class, &set.digest(), claim, dw)),
            challenges: Box::new(|_, drawn| drawn),
            inputs: Box::new(move |ch| {
                PublicInputs::score(class, bounds, ch, set, &claim.chunk, claim.correct)
            }),
        }
    }

    pub fn model_rules(&self, scope: &Scope) -> Rules<'_> {
        let (key, scope) = (self.vk.digest(), *scope);
        Rules {
            transcript: Box::new(move |dw| Transcript::model(&key, &self.class, &scope, dw)),
            challenges: Box::new(|_, drawn| drawn),
            inputs: Box::new(|ch| PublicInputs::model(&self.class, &self.bounds, ch)),
        }
    }

    /// The production prover, under the rules of a verifier.
    pub fn prove(&self, values: &C::Assignment, limbs: &[Fr], rules: &Rules<'_>) -> (Commitment, Proof) {
        let commitment = self.commit(limbs);
        let transcript = (rules.transcript)(&commitment);
        let public = |drawn| (rules.inputs)((rules.challenges)(&transcript, drawn)).to_vec();
        let Some(relation) = &self.relation else {
            let blinders = Blinders { v_w: blinder(), ..Blinders::random(3) };
            let draw = |d| (d, public(transcript.challenges(&d)));
            let (assigned, d) = open(&self.circuit, &self.key, values, blinders.v, draw);
            return (commitment, close(&self.key, &assigned, d, &blinders).0);
        };
        let secrets = Secrets { local: &SECRET, model_blinder: blinder() };
        let values = committed_values(&self.circuit, values).unwrap();
        let proof = prove(relation, &self.bases, &values, &transcript, &secrets, public, &quiet).unwrap();
        (commitment, proof)
    }

    /// Public inputs that a verifier of these rules computes for a proof.
    pub fn inputs(&self, rules: &Rules<'_>, commitment: &Commitment, proof: &Proof) -> PublicInputs {
        let transcript = (rules.transcript)(commitment);
        (rules.inputs)((rules.challenges)(&transcript, transcript.challenges(&proof.d)))
    }

    /// The production equation under these rules.
    pub fn verify(
        &self,
        rules: &Rules<'_>,
        commitment: &Commitment,
        proof: &Proof,
    ) -> Result<(), VerifyError> {
        verify(&self.vk, commitment, proof, &self.inputs(rules, commitment, proof).to_vec())
    }

    /// Asserts that a flawed design accepts a forgery, yet does not accept everything: one more row fails.
    pub fn accepts(&self, values: &C::Assignment, limbs: &[Fr], rules: &Rules<'_>) -> (Commitment, Proof) {
        assert_eq!(self.violations(values, limbs, rules), [], "the forgery must satisfy the flawed circuit");
        let (commitment, proof) = self.prove(values, limbs, rules);
        assert_eq!(self.verify(rules, &commitment, &proof), Ok(()), "the forgery must be real");
        let mut more = self.inputs(rules, &commitment, &proof);
        more.correct += Fr::ONE;
        assert_eq!(verify(&self.vk, &commitment, &proof, &more.to_vec()), Err(VerifyError::Invalid));
        (commitment, proof)
    }

    /// Ids of the constraints with `A z o B z != C z`, computed from the matrices.
    pub fn violations(&self, values: &C::Assignment, limbs: &[Fr], rules: &Rules<'_>) -> Vec<ConstraintId> {
        let transcript = (rules.transcript)(&self.commit(limbs));
        let assigned = assign(&self.circuit, values, |_, rest| {
            let d = commit_wires(&self.key, &self.key.ck, rest, Fr::ONE);
            (rules.inputs)((rules.challenges)(&transcript, transcript.challenges(&d))).to_vec()
        })
        .unwrap();
        violated(&self.circuit, &assigned)
    }
}

/// Never `cs.is_satisfied()`, which reads cached values.
pub(super) fn violated<C: TwoPhaseCircuit>(circuit: &C, assigned: &Assigned) -> Vec<ConstraintId> {
    let sections = synthesise(circuit).unwrap().sections;
    let [a, b, c] = &assigned.matrices[..] else { panic!("three matrices") };
    let dot = |row: &[(Fr, usize)]| row.iter().map(|(k, at)| *k * assigned.assignment[*at]).sum::<Fr>();
    let name = |index: usize| sections[sections.partition_point(|(_, start)| *start <= index) - 1].0;
    let wrong = (0..assigned.constraints).filter(|&i| dot(&a[i]) * dot(&b[i]) != dot(&c[i]));
    wrong.map(name).collect::<BTreeSet<_>>().into_iter().collect()
}

pub(super) fn scope() -> Scope {
    Scope { competition: [1; 32], competitor: Competitor::Node([2; 32]) }
}

/// A claim on the first chunk.
pub(super) fn claim(class: &SizeClass, set: &TestSet, correct: u64) -> ScoreClaim {
    let chunk = Chunk::all(set.rows(), class)[0];
    ScoreClaim { scope: scope(), entry: [3; 32], roster: [4; 32], chunk, rows: set.rows() as u64, correct }
}

pub(super) fn task(features: usize, feature_bits: u32, classes: usize) -> Task {
    let feature = |i| Feature { name: format!("f{i}"), offset: 0.0, step: 1.0 };
    Task {
        features: (0..features).map(feature).collect(),
        feature_bits: feature_bits as u8,
        classes: (0..classes).map(|i| format!("c{i}")).collect(),
    }
}

/// Class j's logit grows with feature j; the last feature counts for all alike.
pub(super) fn toy_model(class: &SizeClass) -> IntegerModel {
    let layers: Vec<Layer> = class
        .layer_shapes()
        .into_iter()
        .map(|(inputs, outputs)| Layer {
            inputs,
            outputs,
            weights: (0..inputs * outputs)
                .map(|at| match (at / outputs, at % outputs) {
                    (k, j) if k == j => 4,
                    (k, _) if k >= outputs => 1,
                    _ => 0,
                })
                .collect(),
            biases: vec![1; outputs],
        })
        .collect();
    IntegerModel::new(class, &layers).unwrap()
}

/// Row i's largest feature is i mod 3: 7 in rows that the toy model gets right, 5 in the others.
pub(super) fn toy_set(class: &SizeClass) -> TestSet {
    let mut x = Vec::new();
    let mut labels = Vec::new();
    for i in 0..class.rows {
        let wrong = WRONG.contains(&i);
        x.extend((0..class.features).map(|k| if k != i % 3 { 1 } else { 7 - 2 * u16::from(wrong) }));
        labels.push(((i + usize::from(wrong)) % 3) as u16);
    }
    TestSet::new(task(class.features, class.feature_bits, class.classes), x, labels).unwrap()
}

/// The toy model and test set, the claim of all 12 rows, and the witness of the 7 that are right.
pub(super) fn toy(lab: &Lab<Circuit>) -> (IntegerModel, TestSet, ScoreClaim, Assignment) {
    let (model, set) = (toy_model(&lab.class), toy_set(&lab.class));
    assert_eq!(model.accuracy(&set).unwrap().correct, 7, "honest: 7 of 12");
    let claim = claim(&lab.class, &set, 12);
    let values = witness::score(&model, &lab.bounds, &set, &claim.chunk, 7);
    (model, set, claim, values)
}

/// The integer of small absolute value that a field element stands for.
pub(super) fn small(value: Fr) -> Option<i128> {
    let positive = |value: Fr| {
        let digits = value.into_bigint().0;
        (digits[2..] == [0, 0] && digits[1] < 1 << 62)
            .then(|| i128::from(digits[0]) | i128::from(digits[1]) << 64)
    };
    positive(value).or_else(|| positive(-value).map(|v| -v))
}

/// `z'_j = c z_j + (c - 1 - j)` in the field.
pub(super) fn ordered(row: &RowValues) -> Vec<Fr> {
    let c = row.logits.len();
    row.logits
        .iter()
        .enumerate()
        .map(|(j, z)| Fr::from(c as u64) * z + Fr::from((c - 1 - j) as u64))
        .collect()
}

/// The high limbs that a row's logits, selection and ok bit ask for; zeros where no small integer fits.
pub(super) fn settle(class: &SizeClass, bounds: &Bounds, row: &mut RowValues) {
    let big = if row.ok { Fr::ZERO } else { fr(bounds.big) };
    let limbs = |z: Fr| {
        let margin = small(row.selection.selected - z + big).unwrap_or(0);
        crate::gadgets::count::high_limbs(margin, class.table_bits, class.margin_limbs)
    };
    row.high = ordered(row).into_iter().map(|z| limbs(z).into_iter().map(fr).collect()).collect();
}

/// Makes a row count with the ordered logit `label` as it is.
pub(super) fn count(class: &SizeClass, bounds: &Bounds, row: &mut RowValues, label: u16) {
    row.ok = true;
    row.selection.selected = ordered(row)[usize::from(label)];
    settle(class, bounds, row);
}

/// Asks for `label` to win by one logit: what to add to each.
pub(super) fn lift(row: &RowValues, label: u16) -> Vec<Fr> {
    let z: Vec<i128> = row.logits.iter().map(|z| small(*z).unwrap()).collect();
    let top = z.iter().max().unwrap();
    (0..z.len()).map(|j| if j == usize::from(label) { fr(top + 1 - z[j]) } else { Fr::ZERO }).collect()
}

#[test]
fn honest_witnesses_are_accepted_and_one_row_more_is_not() {
    for lab in [&*LINEAR, &*MLP] {
        let (model, set, mut claim, values) = toy(lab);
        claim.correct = 7;
        let rules = lab.score_rules(&set, &claim);
        let (commitment, proof) = lab.accepts(&values, &values.limbs, &rules);
        assert_eq!(lab.verify_score(&set, &claim, &commitment, &proof), Ok(()));
        let values = witness::model(&model, &lab.bounds, &lab.circuit.limb_shifts());
        lab.accepts(&values, &values.limbs, &lab.model_rules(&scope()));
    }
}

/// Everything real about one entry of the smallest class of the catalogue, for the public interface.
pub(super) struct Real {
    pub pk: ProvingKey,
    pub set: TestSet,
    pub claim: ScoreClaim,
    pub opening: Opening,
    pub model_proof: Proof,
    pub verified: VerifiedModel,
    pub proof: Proof,
}

pub(super) static REAL: LazyLock<Real> = LazyLock::new(|| {
    let class = &CATALOGUE[0];
    let pk = ProvingKey::generate(class, &mut rng(21), &quiet).unwrap();
    let (model, set) = real_model(class);
    let correct = model.accuracy(&set).unwrap().correct as u64;
    assert_eq!(correct, 14, "honest: 14 of 20");
    let claim = claim(class, &set, correct);
    let opening = groth16::commit(&pk, &model, &scope().competition, &SECRET).unwrap();
    let model_proof = groth16::prove_model(&pk, &opening, &scope(), &SECRET, &quiet).unwrap();
    let verified =
        groth16::verify_model(pk.verifying_key(), &scope(), &opening.commitment(), &model_proof).unwrap();
    let proof = groth16::prove_score(&pk, &opening, &set, &claim, &SECRET, &quiet).unwrap();
    Real { pk, set, claim, opening, model_proof, verified, proof }
});

/// Class 1 where feature 1 is the larger; 6 of 20 labels say otherwise.
fn real_model(class: &SizeClass) -> (IntegerModel, TestSet) {
    let layer = Layer { inputs: 2, outputs: 2, weights: vec![3, 0, 0, 3], biases: vec![0, 0] };
    let model = IntegerModel::new(class, &[layer]).unwrap();
    let x = (0..20).flat_map(|i| if i % 2 == 0 { [39, i] } else { [i, 40] }).collect();
    let labels = (0..20).map(|i| u16::from((i % 2 == 1) != (i < 6))).collect();
    (model, TestSet::new(task(2, class.feature_bits, 2), x, labels).unwrap())
}
