//! Each gadget alone against the native function that it mirrors, on random and extreme values.

use super::support::{draw, tiny, unsatisfied};
use crate::circuit::Circuit;
use crate::gadgets::count::{Margin, high_limbs, margin};
use crate::gadgets::linear::{OUTPUTS, Public, bind, coefficients, horner, pack, powers, row_blocks};
use crate::gadgets::lookup::RangeTable;
use crate::gadgets::mode::{Limb, WeightWires, commit_extra_slots, enforce_mode};
use crate::gadgets::relu::{Relu, relu};
use crate::gadgets::select::{
    Selection, SelectionValues, enforce_labels, enforce_selection, ordered, select,
};
use crate::gadgets::{Builder, Committed, CommittedWire, Lin, Phase};
use crate::groth16::TwoPhaseCircuit;
use crate::groth16::internal::{Assigned, assign};
use crate::model::ValueSpec;
use crate::witness::fr;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{ConstraintSystem, SynthesisError};
use rand::{Rng, SeedableRng, rngs::StdRng};

type Result<T> = std::result::Result<T, SynthesisError>;

/// A circuit of one gadget: X, y, rho and then `more` public inputs.
struct Mini<P, Q> {
    commit: P,
    constrain: Q,
}

impl<S, P, Q> TwoPhaseCircuit for Mini<P, Q>
where
    P: Fn(&mut Builder) -> Result<S>,
    Q: Fn(&mut Builder, S, &[Fr]) -> Result<()>,
{
    type Assignment = ();
    type Committed = S;

    fn commit(&self, b: &mut Builder, _: Option<&()>) -> Result<S> {
        b.enter(Phase::Rest)?;
        (self.commit)(b)
    }

    fn constrain(&self, b: &mut Builder, committed: S, public: Option<&[Fr]>) -> Result<()> {
        (self.constrain)(b, committed, public.unwrap_or_default())
    }
}

/// A gadget with the values that its closures hold.
fn assigned<S>(
    commit: impl Fn(&mut Builder) -> Result<S>,
    constrain: impl Fn(&mut Builder, S, &[Fr]) -> Result<()>,
) -> Result<Assigned> {
    assign(&Mini { commit, constrain }, &(), |model, rest| {
        let ch = draw(model, rest);
        vec![ch.x, ch.y, ch.rho]
    })
}

/// Whether a gadget is satisfied by the values that its closures hold.
fn holds<S>(
    commit: impl Fn(&mut Builder) -> Result<S>,
    constrain: impl Fn(&mut Builder, S, &[Fr]) -> Result<()>,
) -> bool {
    unsatisfied(&assigned(commit, constrain).unwrap()).is_none()
}

const T: u32 = 6;

fn extremes(top: i64, rng: &mut StdRng) -> Vec<i64> {
    let mut values = vec![-top, 1 - top, -1, 0, 1, top - 1, top];
    values.extend((0..20).map(|_| rng.gen_range(-top..=top)));
    values
}

#[test]
fn relu_is_its_twin() {
    let try_values = |z: Fr, active: Fr, magnitude: Fr| {
        holds(
            |b| {
                let mut ranges = RangeTable::new(T);
                let unit = Relu::commit(b, &mut ranges, Some(active), Some(magnitude))?;
                ranges.commit_multiplicities(b, false)?;
                Ok((unit, ranges))
            },
            |b, (unit, ranges), public| {
                let x = b.challenge(Some(public[0]))?;
                unit.enforce(b)?;
                ranges.enforce(b, &x)?;
                b.enforce_zero(unit.pre_activation().plus_constant(-z).lin())
            },
        )
    };
    let top = (1 << T) - 1;
    for z in extremes(top, &mut StdRng::seed_from_u64(1)) {
        let (active, magnitude) = relu(z);
        let values = [z, active, magnitude].map(|v| fr(v.into()));
        assert!(try_values(values[0], values[1], values[2]), "{z}");
        assert!(!try_values(values[0], values[1] + Fr::ONE, values[2]), "{z}");
        assert!(!try_values(values[0] + Fr::ONE, values[1], values[2]), "{z}");
    }
    // Beyond the table there is no witness: |z| = 2^T.
    assert!(!try_values(fr(1 << T), fr(1 << T), fr(1 << T)));
}

#[test]
fn a_margin_is_in_range_exactly_when_its_twin_says_so() {
    for limbs in [2, 3] {
        let big = 1i128 << (limbs as u32 * T - 1);
        let try_margin = |difference: i128, ok: bool| {
            let value = difference + if ok { 0 } else { big };
            let high: Vec<Fr> = high_limbs(value, T, limbs).into_iter().map(fr).collect();
            holds(
                |b| {
                    let mut ranges = RangeTable::new(T);
                    let (s, z) = (b.commit(Some(fr(difference)))?, b.commit(Some(Fr::ZERO))?);
                    let ok = b.commit_bit(Some(ok))?;
                    let value = margin(&s, &Committed::from(&z), &ok, fr(big));
                    Margin::commit(b, &mut ranges, T, limbs, &value, Some(&high))?;
                    ranges.commit_multiplicities(b, false)?;
                    Ok(ranges)
                },
                |b, ranges, public| {
                    let x = b.challenge(Some(public[0]))?;
                    ranges.enforce(b, &x)
                },
            )
        };
        let mut rng = StdRng::seed_from_u64(2);
        let mut values = vec![1 - big, -2, -1, 0, 1, big - 1];
        values.extend((0..10).map(|_| rng.gen_range(1 - big..big)));
        for value in values {
            assert_eq!(try_margin(value, true), value >= 0, "{value}");
            assert!(try_margin(value, false), "{value}");
        }
        assert!(!try_margin(-big - 1, false));
    }
}

#[test]
fn selection_is_its_twin() {
    let mut rng = StdRng::seed_from_u64(3);
    let (rows, classes) = (4usize, 3usize);
    let logits: Vec<Vec<i64>> =
        (0..rows).map(|_| (0..classes).map(|_| rng.gen_range(-50..50)).collect()).collect();
    let try_shift = |labels: &[usize], row: usize, shift: Fr| {
        let values: Vec<SelectionValues> = labels
            .iter()
            .enumerate()
            .map(|(i, &label)| SelectionValues {
                label: Fr::from(label as u64),
                selected: fr(select(&ordered(&logits[i]), label)) + if i == row { shift } else { Fr::ZERO },
                multiplicities: (0..=classes).map(|o| Fr::from(u64::from(o == label))).collect(),
            })
            .collect();
        holds(
            |b| {
                let table: Vec<Committed> = logits
                    .iter()
                    .flat_map(|row| ordered(row))
                    .map(|z| Ok(Committed::from(&b.commit(Some(fr(z)))?)))
                    .collect::<Result<_>>()?;
                let rows: Vec<Selection> =
                    values.iter().map(|v| Selection::commit(b, classes, Some(v))).collect::<Result<_>>()?;
                Ok((rows, table))
            },
            |b, (rows, table), public| {
                let [x, y, rho] = [0, 1, 2].map(|i| b.challenge(Some(public[i])));
                let fingerprint: Fr = labels
                    .iter()
                    .zip(coefficients(public[2], Fr::ONE, 1, rows.len()))
                    .map(|(&label, c)| Fr::from(label as u64) * c)
                    .sum();
                let fingerprint = b.input(Some(fingerprint))?;
                enforce_labels(b, &rho?, &rows, &fingerprint)?;
                enforce_selection(b, &x?, &y?, &rows, &table)
            },
        )
    };
    for label in 0..=classes {
        let labels = [label, 0, classes, 1];
        assert!(try_shift(&labels, 0, Fr::ZERO), "{label}");
        for row in 0..rows {
            assert!(!try_shift(&labels, row, Fr::ONE), "{label} {row}");
        }
    }
}

/// `X W + b` in plain integers, columns first.
fn product(x: &[Vec<i64>], w: &[Vec<i64>], bias: &[i64]) -> Vec<Vec<i64>> {
    let cell = |row: &[i64], j: usize| row.iter().zip(w).map(|(v, weights)| v * weights[j]).sum::<i64>();
    (0..bias.len()).map(|j| x.iter().map(|row| cell(row, j) + bias[j]).collect()).collect()
}

#[test]
fn linear_bindings_are_the_matrix_product() {
    let mut rng = StdRng::seed_from_u64(5);
    let (rows, inputs, outputs) = (7usize, 3usize, 4usize);
    let mut matrix = |n: usize, m: usize, top: i64| -> Vec<Vec<i64>> {
        (0..n).map(|_| (0..m).map(|_| rng.gen_range(-top..=top)).collect()).collect()
    };
    let (x, w, bias) = (matrix(rows, inputs, 9), matrix(inputs, outputs, 9), matrix(1, outputs, 9).remove(0));
    let base = Fr::from(1u64 << 20);
    // Packed outputs (all four in one chain) and packed rows (three a block), with a cell off by `error`.
    let try_error = |by_rows: bool, row: usize, column: usize, error: i64| {
        let mut z = product(&x, &w, &bias);
        z[column][row] += error;
        let terms = if by_rows { 3 } else { 1 };
        let commit = |b: &mut Builder, m: &[Vec<i64>]| -> Result<Vec<Vec<CommittedWire>>> {
            m.iter().map(|v| v.iter().map(|&v| b.commit(Some(fr(v.into())))).collect()).collect()
        };
        holds(
            |b| Ok((commit(b, &z)?, commit(b, &w)?, commit(b, std::slice::from_ref(&bias))?.remove(0))),
            |b, (z, w, bias), public| {
                let rho = b.challenge(Some(public[2]))?;
                let coefficients = coefficients(public[2], base, terms, rows);
                let sum = b.input(Some(coefficients.iter().sum()))?;
                let mode = b.input(Some(Fr::ZERO))?;
                let u: Vec<Lin> = (0..inputs)
                    .map(|k| {
                        let u = x.iter().zip(&coefficients).map(|(row, c)| fr(row[k].into()) * c).sum();
                        Ok(Lin::from(&b.input(Some(u))?))
                    })
                    .collect::<Result<_>>()?;
                let public = Public { rho: &rho, sum: &sum, mode: &mode };
                let of = |wires: &[CommittedWire]| wires.iter().map(Committed::from).collect::<Vec<_>>();
                if by_rows {
                    let inside = powers(base, terms);
                    for j in 0..outputs {
                        let column: Vec<Committed> = w.iter().map(|row| Committed::from(&row[j])).collect();
                        let blocks = row_blocks(&of(&z[j]), &inside);
                        bind(b, &OUTPUTS, &public, &blocks, &u, &column, &Committed::from(&bias[j]))?;
                    }
                    return Ok(());
                }
                let inside = powers(base, outputs);
                let blocks: Vec<Committed> = (0..rows)
                    .map(|i| pack(&z.iter().map(|c| Committed::from(&c[i])).collect::<Vec<_>>(), &inside))
                    .collect();
                let weights: Vec<Committed> = w.iter().map(|row| pack(&of(row), &inside)).collect();
                bind(b, &OUTPUTS, &public, &blocks, &u, &weights, &pack(&of(&bias), &inside))
            },
        )
    };
    for by_rows in [false, true] {
        assert!(try_error(by_rows, 0, 0, 0));
        for row in 0..rows {
            for column in 0..outputs {
                assert!(!try_error(by_rows, row, column, 1), "{by_rows} {row} {column}");
            }
        }
    }
}

#[test]
fn horner_is_the_sum_of_powers() {
    for count in [1usize, 2, 9] {
        let values: Vec<Fr> = (1..=count as u64).map(Fr::from).collect();
        assert!(holds(
            |b| b.commit_all(count, Some(&values)),
            |b, wires, public| {
                let rho = b.challenge(Some(public[2]))?;
                let blocks: Vec<Committed> = wires.iter().map(Committed::from).collect();
                let sum = horner(b, &rho, &blocks)?;
                let expected: Fr = values.iter().zip(powers(public[2], count)).map(|(v, p)| *v * p).sum();
                let mut error = Lin::constant(-expected);
                error.add_scaled(Fr::ONE, &sum);
                b.enforce_zero(&error)
            },
        ));
    }
}

#[test]
fn weights_are_their_limbs_and_mode_copies_them_into_slots() {
    for spec in [ValueSpec::weight(T), ValueSpec::hidden_bias(T), ValueSpec::logit_bias(T)] {
        for value in [spec.min(), -1, 0, 1, spec.honest_max(T)] {
            let limbs: Vec<Fr> = spec.split(value, T).unwrap().into_iter().map(Fr::from).collect();
            let try_slot = |mode: Fr, shift: Fr| {
                let slots: Vec<Fr> = limbs
                    .iter()
                    .zip(spec.limbs())
                    .map(|(l, s)| *l * Fr::from(1u64 << s.shift) + shift)
                    .collect();
                holds(
                    |b| {
                        let mut wires = WeightWires::new(Some(&limbs));
                        let signed = wires.value(b, &spec)?;
                        let mut ranges = RangeTable::new(T);
                        let slots = commit_extra_slots(b, &mut ranges, limbs.len(), Some(&slots))?;
                        Ok((signed, wires.limbs, slots))
                    },
                    |b, (signed, limbs, slots), _| {
                        let mode = b.input(Some(mode))?;
                        enforce_mode(b, &mode, &limbs, &slots.iter().collect::<Vec<_>>())?;
                        b.enforce_zero(signed.plus_constant(-fr(value.into())).lin())
                    },
                )
            };
            assert!(try_slot(Fr::ONE, Fr::ZERO), "{value}");
            assert!(!try_slot(Fr::ONE, Fr::ONE), "{value}");
            assert!(try_slot(Fr::ZERO, Fr::ONE), "{value}: in a score slots are free");
        }
    }
}

#[test]
fn a_bit_is_zero_or_one() {
    let mut assigned = assigned(|b| b.commit_bit(Some(true)), |_, _, _| Ok(())).unwrap();
    let half = Fr::from(2u64).inverse().unwrap();
    for (value, fits) in
        [(Fr::ZERO, true), (Fr::ONE, true), (Fr::from(2u64), false), (-Fr::ONE, false), (half, false)]
    {
        assigned.assignment[1] = value;
        assert_eq!(unsatisfied(&assigned).is_none(), fits, "{value}");
    }
}

/// Phases go forward, and each has its own kinds of wires.
#[test]
fn a_builder_keeps_the_order_of_commitments_and_challenges() {
    let mut b = Builder::new(ConstraintSystem::new_ref());
    let late = |b: &mut Builder| b.input(Some(Fr::ONE)).is_ok() && b.determined(Some(Fr::ONE)).is_ok();
    let early = |b: &mut Builder| b.commit(Some(Fr::ONE)).is_ok() && b.commit_bit(Some(true)).is_ok();
    let all = [Phase::Model, Phase::Rest, Phase::Constraints];
    for next in [Phase::Rest, Phase::Constraints] {
        assert!(early(&mut b) && b.input(Some(Fr::ONE)).is_err() && b.determined(Some(Fr::ONE)).is_err());
        assert!(all.iter().all(|&phase| phase == next || b.enter(phase).is_err()));
        b.enter(next).unwrap();
    }
    assert!(late(&mut b) && b.commit(Some(Fr::ONE)).is_err() && b.commit_bit(Some(true)).is_err());
    assert!(all.iter().all(|&phase| b.enter(phase).is_err()));
    assert_eq!(b.committed(), (2, 2));
}

/// What is zipped has the same length: an iterator that ends early would leave the rest without constraints.
#[test]
fn sides_of_other_lengths_are_refused() {
    type Constrain<'a> = &'a dyn Fn(&mut Builder, Vec<CommittedWire>, &[Fr]) -> Result<()>;
    let refused = |constrain: Constrain<'_>| {
        let assigned = assigned(|b| b.commit_all(8, Some(&[Fr::ONE; 8])), constrain);
        matches!(assigned, Err(SynthesisError::Unsatisfiable))
    };
    assert!(refused(&|b, wires, public| {
        let rho = b.challenge(Some(public[2]))?;
        let (sum, mode) = (b.input(Some(Fr::ONE))?, b.input(Some(Fr::ZERO))?);
        let public = Public { rho: &rho, sum: &sum, mode: &mode };
        let of = |wires: &[CommittedWire]| wires.iter().map(Committed::from).collect::<Vec<_>>();
        let inputs = [Lin::from(wires[0].fp())];
        bind(b, &OUTPUTS, &public, &of(&wires[..2]), &inputs, &of(&wires[2..4]), &Committed::from(&wires[4]))
    }));
    // One row of two classes has three multiplicities; two rows have an even number of logits.
    for (rows, multiplicities, logits, fits) in [(1, 3, 2, true), (1, 2, 2, false), (2, 2, 3, false)] {
        let refused = refused(&|b, wires, public| {
            let row = |_| Selection {
                label: wires[0].clone(),
                selected: wires[1].clone(),
                multiplicities: wires[2..2 + multiplicities].to_vec(),
            };
            let rows: Vec<Selection> = (0..rows).map(row).collect();
            let ordered: Vec<Committed> = wires[..logits].iter().map(Committed::from).collect();
            let (x, y) = (b.challenge(Some(public[0]))?, b.challenge(Some(public[1]))?);
            enforce_selection(b, &x, &y, &rows, &ordered)
        });
        assert_eq!(refused, !fits, "{rows} {multiplicities} {logits}");
    }
    assert!(refused(&|b, wires, _| {
        let mode = b.input(Some(Fr::ONE))?;
        let limbs: Vec<Limb> = wires[..4].iter().map(|wire| Limb { wire: wire.clone(), shift: 0 }).collect();
        enforce_mode(b, &mode, &limbs, &wires[4..7].iter().collect::<Vec<_>>())
    }));
    for class in tiny() {
        let circuit = Circuit::new(&class).unwrap();
        let mut b = Builder::new(ConstraintSystem::new_ref());
        b.enter(Phase::Rest).unwrap();
        b.enter(Phase::Constraints).unwrap();
        let expected = crate::statement::PublicInputs::count(&class);
        assert!(circuit.public_wires(&mut b, Some(&vec![Fr::ONE; expected + 1])).is_err());
    }
}
