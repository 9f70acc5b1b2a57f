//! The production prover against a whole synthesis and `ark-groth16`'s prover.

use super::support::*;
use crate::circuit::Circuit;
use crate::engine::Scalars;
use crate::gadgets::{Builder, Lin, Phase};
use crate::groth16::TwoPhaseCircuit;
use crate::groth16::internal::{RawKey, assign, setup};
use crate::groth16::keys::KeyBases;
use crate::groth16::prove::{Blinded, create};
use crate::groth16::reference::committed_values;
use crate::groth16::relation::{Relation, RelationError};
use crate::model::CATALOGUE;
use crate::statement::PublicInputs;
use crate::witness::Assignment;
use ark_bn254::{Bn254, Fr, G1Affine};
use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, Field, UniformRand};
use ark_groth16::Groth16;
use ark_relations::gr1cs::SynthesisError;
use rand::{SeedableRng, rngs::StdRng};

/// Both kinds of witness of a case.
fn both(case: &Case) -> [Assignment; 2] {
    [case.score_values(case.reach), case.model_values()]
}

#[test]
fn committed_values_stand_in_the_order_of_the_circuit() {
    for class in tiny().iter().chain(&CATALOGUE) {
        let case = Case::new(class, 3);
        for values in both(&case) {
            let expected = committed_values(&case.circuit, &values).unwrap();
            assert!(values.committed(class, &case.circuit.bounds) == expected, "{}", class.id);
        }
    }
}

/// Cheating values too: what is out of range is counted in no multiplicity.
#[test]
fn multiplicities_of_cheating_values_are_those_of_the_circuit() {
    for class in tiny() {
        let case = Case::new(&class, 3);
        let mut values = case.score_values(case.reach);
        values.rows[0].logits[1] += Fr::from(1u64 << 40);
        values.rows[1].selection.selected -= Fr::ONE;
        values.rows[2].ok = !values.rows[2].ok;
        values.rows[3].high[0][0] = -Fr::ONE;
        let expected = committed_values(&case.circuit, &values).unwrap();
        assert!(values.committed(&class, &case.circuit.bounds) == expected);
    }
}

#[test]
fn solving_finds_the_wires_of_a_synthesis() {
    for class in tiny().iter().chain(&CATALOGUE[..1]) {
        let case = Case::new(class, 4);
        let relation = Relation::of(&case.circuit).unwrap();
        for (values, mode) in both(&case).into_iter().zip(["score", "model"]) {
            let mut public = Vec::new();
            let assigned = assign(&case.circuit, &values, |model, rest| {
                let (class, bounds, ch) = (&case.circuit.class, &case.circuit.bounds, draw(model, rest));
                public = match mode {
                    "score" => {
                        PublicInputs::score(class, bounds, ch, &case.set, &case.chunk, case.reach).to_vec()
                    }
                    _ => PublicInputs::model(class, bounds, ch).to_vec(),
                };
                public.clone()
            })
            .unwrap();
            let committed = values.committed(class, &case.circuit.bounds);
            let known = [&[Fr::ONE][..], &public, &committed.model, &committed.rest].concat();
            let solved = relation.solve(known).unwrap();
            assert!(solved.assignment == assigned.assignment, "{mode}");
            let row =
                |row: &[(Fr, usize)]| -> Fr { row.iter().map(|(c, i)| *c * assigned.assignment[*i]).sum() };
            for (i, (a, b)) in assigned.matrices[0].iter().zip(&assigned.matrices[1]).enumerate() {
                assert_eq!((solved.a[i], solved.b[i]), (row(a), row(b)), "{mode}: constraint {i}");
            }
        }
    }
}

/// Another number of values than the circuit has is refused.
#[test]
fn too_few_known_wires_are_refused() {
    let relation = Relation::of(&Circuit::new(&tiny()[0]).unwrap()).unwrap();
    assert!(relation.solve(vec![Fr::ONE; 5]).is_err());
}

/// The same blinders give the points of `ark-groth16`'s prover.
#[test]
fn proofs_are_those_of_ark_groth16() {
    let mut rng = StdRng::seed_from_u64(9);
    for class in [tiny()[1], CATALOGUE[0]] {
        let case = Case::new(&class, 4);
        let raw: RawKey = setup(&case.circuit, &mut rng, &|_, _| ()).unwrap();
        let assigned = case.score(&case.score_values(case.reach), case.reach);
        let [r, s] = [Fr::rand(&mut rng), Fr::rand(&mut rng)];
        let expected = Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
            &raw.key,
            r,
            s,
            &assigned.matrices,
            assigned.inputs,
            assigned.constraints,
            &assigned.assignment,
        )
        .unwrap();
        let relation = Relation::of(&case.circuit).unwrap();
        let known = relation.inputs + relation.committed.0 + relation.committed.1;
        let solved = relation.solve(assigned.assignment[..known].to_vec()).unwrap();
        let scalars = Scalars::new(&solved.assignment);
        let (v, v_w) = (Fr::from(5u64), Fr::ZERO);
        let blinded = Blinded { d: G1Affine::identity(), v, v_w, r, s };
        let proof = create(&KeyBases::new(&raw).unwrap(), solved, &scalars, &blinded);
        assert_eq!((proof.a, proof.b), (expected.a, expected.b));
        assert_eq!(proof.c, (expected.c - raw.eta_g1 * v).into_affine());
    }
}

/// A circuit with a wire after the challenges that no constraint determines, or two that one constraint would have to.
struct Free {
    pair: bool,
}

impl TwoPhaseCircuit for Free {
    type Assignment = ();
    type Committed = ();

    fn commit(&self, b: &mut Builder, _: Option<&()>) -> Result<(), SynthesisError> {
        b.enter(Phase::Rest)
    }

    fn constrain(&self, b: &mut Builder, (): (), _: Option<&[Fr]>) -> Result<(), SynthesisError> {
        let one = b.determined(None)?;
        if self.pair {
            let other = b.determined(None)?;
            b.enforce(&Lin::from(&one), &Lin::from(&other), &Builder::one())?;
        }
        Ok(())
    }
}

#[test]
fn wires_that_no_constraint_determines_are_refused() {
    let refused = Relation::of(&Free { pair: false }).unwrap_err();
    assert_eq!(refused, RelationError::Count { expected: 1, got: 0 });
    let refused = Relation::of(&Free { pair: true }).unwrap_err();
    assert_eq!(refused, RelationError::Undetermined { constraint: 0 });
}
