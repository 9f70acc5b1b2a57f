//! Every committed wire changed in turn, the rest computed as a cheater would: unsatisfied, at a constraint of
//! the class that should break. And every wire of a finished assignment changed in turn.

use super::support::*;
use crate::gadgets::ConstraintId::{self, *};
use crate::model::{Family, SizeClass};
use crate::witness::Assignment;
use ark_bn254::Fr;
use ark_ff::Field;

/// A change to one committed value, with the constraints that may catch it.
struct Tamper {
    what: String,
    change: Box<dyn Fn(&mut Assignment)>,
    caught_by: &'static [ConstraintId],
}

fn tamper(
    what: String,
    caught_by: &'static [ConstraintId],
    change: impl Fn(&mut Assignment) + 'static,
) -> Tamper {
    Tamper { what, change: Box::new(change), caught_by }
}

/// All committed values of a score, one by one.
fn every_value(values: &Assignment) -> Vec<Tamper> {
    let mut out = Vec::new();
    for k in 0..values.limbs.len() {
        out.push(tamper(format!("limb {k}"), &[OutputBinding, RowBinding], move |v| v.limbs[k] += Fr::ONE));
    }
    for (i, row) in values.rows.iter().enumerate() {
        for j in 0..row.hidden.len() {
            let by: &'static [ConstraintId] = &[Relu, OutputBinding, RowBinding, RangeSum];
            out.push(tamper(format!("row {i} a {j}"), by, move |v| v.rows[i].hidden[j].0 += Fr::ONE));
            out.push(tamper(format!("row {i} m {j}"), by, move |v| v.rows[i].hidden[j].1 += Fr::ONE));
        }
        for g in 0..row.slack.len() {
            let by: &'static [ConstraintId] = &[Slack, OutputBinding];
            out.push(tamper(format!("row {i} slack {g}"), by, move |v| v.rows[i].slack[g] += Fr::ONE));
        }
        for j in 0..row.logits.len() {
            let by: &'static [ConstraintId] = &[RowBinding, SelectSum, RangeSum];
            out.push(tamper(format!("row {i} logit {j}"), by, move |v| v.rows[i].logits[j] += Fr::ONE));
            for k in 0..row.high[j].len() {
                let by: &'static [ConstraintId] = &[RangeSum];
                out.push(tamper(format!("row {i} high {j} {k}"), by, move |v| {
                    v.rows[i].high[j][k] += Fr::ONE
                }));
            }
        }
        let by: &'static [ConstraintId] = &[Count, RangeSum, Slack];
        out.push(tamper(format!("row {i} ok"), by, move |v| v.rows[i].ok = !v.rows[i].ok));
        let by: &'static [ConstraintId] = &[LabelBinding];
        out.push(tamper(format!("row {i} label"), by, move |v| v.rows[i].selection.label += Fr::ONE));
        let by: &'static [ConstraintId] = &[SelectSum];
        out.push(tamper(format!("row {i} selected"), by, move |v| v.rows[i].selection.selected += Fr::ONE));
        for o in 0..row.selection.multiplicities.len() {
            out.push(tamper(format!("row {i} multiplicity {o}"), by, move |v| {
                v.rows[i].selection.multiplicities[o] += Fr::ONE;
            }));
        }
    }
    out
}

#[test]
fn every_committed_value_of_a_score_is_bound() {
    for class in tiny() {
        let case = Case::lively(&class);
        let honest = case.score_values(case.reach);
        assert_eq!(violated(&case.circuit, &case.score(&honest, case.reach)), None);
        for tamper in every_value(&honest) {
            let mut values = honest.clone();
            (tamper.change)(&mut values);
            let caught = violated(&case.circuit, &case.score(&values, case.reach));
            assert!(
                caught.is_some_and(|id| tamper.caught_by.contains(&id)),
                "{}: {} caught by {caught:?}",
                class.rows,
                tamper.what
            );
        }
    }
}

/// In mode 1 the limbs are bound to slots, and slots to the table: every limb and every slot in turn.
#[test]
fn every_limb_of_a_model_proof_is_bound_to_a_looked_up_slot() {
    for class in tiny() {
        let case = Case::lively(&class);
        let honest = case.model_values();
        for k in 0..honest.limbs.len() {
            let mut values = honest.clone();
            values.limbs[k] += Fr::ONE;
            assert_eq!(violated(&case.circuit, &case.prove_model(&values)), Some(Mode), "limb {k}");
        }
        // A limb and its slot both out of range: the look-up refuses.
        for k in 0..honest.limbs.len() {
            let mut values = honest.clone();
            let out = Fr::from(1u64 << class.table_bits);
            let shift = Fr::from(1u64 << case.circuit.limb_shifts()[k]);
            values.limbs[k] = out / shift;
            set_slot(&case, &mut values, k, out);
            let caught = violated(&case.circuit, &case.prove_model(&values));
            assert!(matches!(caught, Some(RangeSum)), "limb {k} caught by {caught:?}");
        }
    }
}

/// Writes the k-th slot as a cheater would: the magnitude with its ReLU, or the high limb with a logit to match.
fn set_slot(case: &Case, values: &mut Assignment, k: usize, value: Fr) {
    let class = &case.circuit.class;
    let magnitudes = class.rows * class.hidden();
    if k < magnitudes {
        values.rows[k / class.hidden()].hidden[k % class.hidden()].1 = value;
        return;
    }
    let each = class.margin_limbs - 1;
    let per_row = (class.classes - 1) * each;
    let k = k - magnitudes;
    if k >= class.rows * per_row {
        values.extra_slots[k - class.rows * per_row] = value;
        return;
    }
    let (row, j, limb) = (k / per_row, 1 + k % per_row / each, k % each);
    let row = &mut values.rows[row];
    let weight = Fr::from(1u128 << ((limb as u32 + 1) * class.table_bits));
    let delta = (value - row.high[j][limb]) * weight;
    row.high[j][limb] = value;
    row.logits[j] -= delta * Fr::from(class.classes as u64).inverse().unwrap();
}

/// One wire of a finished assignment at a time, committed or determined, in both modes.
#[test]
fn every_wire_of_a_finished_assignment_is_in_a_constraint_that_fixes_it() {
    for class in tiny() {
        let case = Case::lively(&class);
        let score = case.score(&case.score_values(case.reach), case.reach);
        let model = case.prove_model(&case.model_values());
        for (name, mut assigned) in [("score", score), ("model", model)] {
            let mut free = Vec::new();
            for wire in assigned.inputs..assigned.assignment.len() {
                let honest = assigned.assignment[wire];
                assigned.assignment[wire] += Fr::from(3u64);
                if violated(&case.circuit, &assigned).is_none() {
                    free.push(wire - assigned.inputs);
                }
                assigned.assignment[wire] = honest;
            }
            assert_eq!(free, Vec::<usize>::new(), "{name}: wires that nothing binds");
        }
    }
}

/// Layer one of many units is bound in several chains, the logits of many rows in several blocks.
#[test]
fn every_chain_and_every_block_is_bound() {
    let class = SizeClass { rows: 30, family: Family::Mlp { hidden: 30 }, ..tiny()[1] };
    let case = Case::new(&class, 5);
    let (outputs, rows) = (case.circuit.bounds.output_packing.unwrap(), case.circuit.bounds.row_packing);
    assert!(outputs.terms < 30 && rows.terms < 30, "more than one chain and more than one block");
    let honest = case.score_values(case.reach);
    assert_eq!(violated(&case.circuit, &case.score(&honest, case.reach)), None);
    for unit in 0..30 {
        // The bias of each unit: the low limb after all weights of layer one.
        let mut values = honest.clone();
        values.limbs[class.features * 30 + 2 * unit] += Fr::ONE;
        assert_eq!(
            violated(&case.circuit, &case.score(&values, case.reach)),
            Some(OutputBinding),
            "unit {unit}"
        );
    }
    for row in 0..30 {
        let mut values = honest.clone();
        values.rows[row].logits.iter_mut().for_each(|z| *z += Fr::ONE);
        values.rows[row].selection.selected += Fr::from(class.classes as u64);
        assert_eq!(violated(&case.circuit, &case.score(&values, case.reach)), Some(RowBinding), "row {row}");
    }
}
