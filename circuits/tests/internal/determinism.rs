//! Nothing is chosen after the challenges: starting from public inputs and committed wires, every other wire
//! follows from constraints that contain it alone among the unknown.

use super::support::*;
use crate::circuit::Circuit;
use crate::groth16::internal::synthesise;
use crate::model::{CATALOGUE, SizeClass};
use ark_relations::gr1cs::R1CS_PREDICATE_LABEL;

/// Wires that are not determined, counted from the first witness wire.
fn undetermined(class: &SizeClass) -> Vec<usize> {
    let circuit = Circuit::new(class).unwrap();
    let synthesised = synthesise(&circuit).unwrap();
    let cs = &synthesised.cs;
    let matrices = cs.to_matrices().unwrap().remove(R1CS_PREDICATE_LABEL).unwrap();
    let inputs = cs.num_instance_variables();
    let total = inputs + cs.num_witness_variables();
    let committed = inputs + synthesised.model_wires + synthesised.committed_wires;
    let mut known: Vec<bool> = (0..total).map(|wire| wire < committed).collect();
    let unknown_in = |known: &[bool], m: usize, i: usize| -> Vec<usize> {
        matrices[m][i].iter().map(|(_, wire)| *wire).filter(|&wire| !known[wire]).collect()
    };
    loop {
        let before = known.iter().filter(|k| **k).count();
        for (i, row) in matrices[1].iter().enumerate() {
            let [a, b, c] = [0, 1, 2].map(|m| unknown_in(&known, m, i));
            match (a.as_slice(), b.as_slice(), c.as_slice()) {
                // a * b = c with everything known but one wire of C, or one of A (B is X - v: not 0 but with
                // probability about 2^-230).
                ([], [], [wire]) => known[*wire] = true,
                ([wire], [], []) if !row.is_empty() => known[*wire] = true,
                _ => {}
            }
        }
        if known.iter().filter(|k| **k).count() == before {
            break;
        }
    }
    (0..total).filter(|&wire| !known[wire]).map(|wire| wire - inputs).collect()
}

#[test]
fn every_wire_after_the_challenges_is_determined() {
    for class in tiny().iter().chain(&CATALOGUE[..1]) {
        assert_eq!(undetermined(class), Vec::<usize>::new(), "{:?}", class.family);
    }
}
