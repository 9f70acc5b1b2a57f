//! The production circuit with one flaw: production gadgets, and in one place a broken one.

use super::lab::{LINEAR_CLASS, Lab, MLP_CLASS};
use crate::circuit::{Circuit, CommittedCircuit, PublicWires};
use crate::gadgets::count::enforce_count;
use crate::gadgets::linear::{OUTPUTS, Public, ROWS, bind, horner, pack, powers, row_blocks};
use crate::gadgets::lookup::{LogUp, LookupIds, RangeTable};
use crate::gadgets::mode::enforce_mode;
use crate::gadgets::select::{Selection, enforce_labels, enforce_selection};
use crate::gadgets::{Builder, Challenge, Committed, CommittedWire, ConstraintId, Keyed, Lin};
use crate::groth16::TwoPhaseCircuit;
use crate::groth16::shape::shape_of;
use crate::witness::Assignment;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::SynthesisError;

type Result<T> = std::result::Result<T, SynthesisError>;

/// What is wrong with a circuit.
#[derive(Clone, Copy)]
pub(super) enum Flaw {
    /// Nothing.
    None,
    /// The logits are bound with packed outputs, like a layer whose terms have absolute bounds.
    PackedLogits,
    /// Rows that do not count have a slack in the row-packed layer too.
    RowSlack,
    /// Key and value of the selection are packed with this constant.
    ConstantKey(u64),
    /// The selection is tested at y = X.
    SameChallenge,
    /// So many labels share one element of the fingerprint, packed with c + 1.
    PackedLabels(usize),
    /// The label column is not bound.
    FreeLabels,
    /// The weights that compute are other wires than those under `D_w`.
    TwoModels,
    /// Weights without a slot are silently left out of the mode rows.
    ZippedSlots,
    /// Multiplicities are not committed.
    LateMultiplicities,
}

pub(super) struct Variant {
    pub base: Circuit,
    pub flaw: Flaw,
}

/// A witness of a variant: that of the production circuit, and what the flaw adds to it.
pub(super) struct Cheat {
    pub base: Assignment,
    pub extra: Vec<Fr>,
}

impl Lab<Variant> {
    pub fn flawed(base: &Circuit, flaw: Flaw) -> Self {
        Self::new(Variant { base: *base, flaw }, *base)
    }
}

impl From<&Assignment> for Cheat {
    fn from(base: &Assignment) -> Self {
        Self { base: base.clone(), extra: Vec::new() }
    }
}

const SELECT: LookupIds = LookupIds {
    query: ConstraintId::SelectQuery,
    entry: ConstraintId::SelectEntry,
    sum: ConstraintId::SelectSum,
};

impl TwoPhaseCircuit for Variant {
    type Assignment = Cheat;
    type Committed = (CommittedCircuit, Vec<CommittedWire>);

    fn commit(&self, b: &mut Builder, values: Option<&Cheat>) -> Result<Self::Committed> {
        let mut wires = self.base.commit(b, values.map(|v| &v.base))?;
        let extra = values.map(|v| v.extra.as_slice());
        let mut slack = Vec::new();
        match self.flaw {
            Flaw::TwoModels => wires.layers = self.base.commit_weights(b, extra)?.1,
            Flaw::RowSlack => slack = b.commit_all(self.base.class.rows * self.base.class.classes, extra)?,
            _ => (),
        }
        Ok((wires, slack))
    }

    fn constrain(&self, b: &mut Builder, wires: Self::Committed, public: Option<&[Fr]>) -> Result<()> {
        let (wires, slack) = wires;
        let public = self.base.public_wires(b, public)?;
        for relu in wires.rows.iter().flat_map(|row| &row.hidden) {
            relu.enforce(b)?;
        }
        self.base.bind_hidden(b, &wires, &public)?;
        match self.flaw {
            Flaw::PackedLogits => self.bind_packed_logits(b, &wires, &public)?,
            Flaw::RowSlack => self.bind_slack_logits(b, &wires, &slack, &public)?,
            _ => self.base.bind_logits(b, &wires, &public)?,
        }
        let slots = wires.slots();
        let shared = slots.len() - wires.extra_slots.len();
        let guarded = if matches!(self.flaw, Flaw::ZippedSlots) { shared } else { wires.limbs.len() };
        enforce_mode(b, &public.mode, &wires.limbs[..guarded.min(wires.limbs.len())], &slots)?;
        let CommittedCircuit { rows, ranges, .. } = wires;
        let ordered: Vec<Committed> = rows.iter().flat_map(|row| row.ordered.iter().cloned()).collect();
        let ok: Vec<CommittedWire> = rows.iter().map(|row| row.ok.clone()).collect();
        let selections: Vec<Selection> = rows.into_iter().map(|row| row.selection).collect();
        match self.flaw {
            Flaw::FreeLabels => (),
            Flaw::PackedLabels(terms) => self.packed_labels(b, &selections, &public, terms)?,
            _ => enforce_labels(b, &public.rho, &selections, &public.labels)?,
        }
        match self.flaw {
            Flaw::SameChallenge => enforce_selection(b, &public.x, &public.x, &selections, &ordered)?,
            Flaw::ConstantKey(key) => constant_key(b, &public.x, &selections, &ordered, key)?,
            _ => enforce_selection(b, &public.x, &public.y, &selections, &ordered)?,
        }
        match self.flaw {
            Flaw::LateMultiplicities => late_multiplicities(b, &ranges, &public.x)?,
            _ => ranges.enforce(b, &public.x)?,
        }
        enforce_count(b, &ok, &public.correct)
    }
}

impl Variant {
    fn bind_packed_logits(
        &self,
        b: &mut Builder,
        wires: &CommittedCircuit,
        public: &PublicWires,
    ) -> Result<()> {
        let layer = &wires.layers[wires.layers.len() - 1];
        let powers = powers(Fr::from(self.base.bounds.row_packing.base), layer.outputs);
        b.section(ConstraintId::RowHorner);
        let inputs = (0..self.base.class.hidden())
            .map(|j| {
                let column: Vec<_> = wires.rows.iter().map(|row| (&row.hidden[j].active).into()).collect();
                horner(b, &public.rho, &column)
            })
            .collect::<Result<Vec<Lin>>>()?;
        let row = |wires: &[CommittedWire]| -> Vec<Committed> { wires.iter().map(Into::into).collect() };
        let blocks: Vec<_> = wires.rows.iter().map(|r| pack(&row(&r.logits), &powers)).collect();
        let weights: Vec<_> = layer.weights.chunks(layer.outputs).map(|w| pack(w, &powers)).collect();
        let sides = Public { rho: &public.rho, sum: &public.plain_sum, mode: &public.mode };
        bind(b, &ROWS, &sides, &blocks, &inputs, &weights, &pack(&layer.biases, &powers))
    }

    fn bind_slack_logits(
        &self,
        b: &mut Builder,
        wires: &CommittedCircuit,
        slack: &[CommittedWire],
        public: &PublicWires,
    ) -> Result<()> {
        let layer = &wires.layers[wires.layers.len() - 1];
        let powers = powers(Fr::from(self.base.bounds.row_packing.base), self.base.bounds.row_packing.terms);
        b.section(ConstraintId::Slack);
        for (row, slack) in wires.rows.iter().zip(slack.chunks(layer.outputs)) {
            for slack in slack {
                b.enforce(&Lin::from(slack.fp()), &Lin::from(row.ok.fp()), &Lin::zero())?;
            }
        }
        let inputs = self.base.logit_inputs(b, wires, public, &powers)?;
        let sides = Public { rho: &public.rho, sum: &public.packed_sum, mode: &public.mode };
        for j in 0..layer.outputs {
            let rows = wires.rows.iter().zip(slack.chunks(layer.outputs));
            let column: Vec<Committed> = rows
                .map(|(row, slack)| Committed::from(&row.logits[j]).plus_wire(Fr::ONE, &slack[j]))
                .collect();
            let weights: Vec<_> = layer.weights.chunks(layer.outputs).map(|row| row[j].clone()).collect();
            bind(b, &OUTPUTS, &sides, &row_blocks(&column, &powers), &inputs, &weights, &layer.biases[j])?;
        }
        Ok(())
    }

    fn packed_labels(
        &self,
        b: &mut Builder,
        rows: &[Selection],
        public: &PublicWires,
        terms: usize,
    ) -> Result<()> {
        let powers = powers(Fr::from(self.base.class.classes as u64 + 1), terms);
        let labels: Vec<Committed> = rows.iter().map(|row| Committed::from(&row.label)).collect();
        b.section(ConstraintId::LabelHorner);
        let mut error = horner(b, &public.rho, &row_blocks(&labels, &powers))?;
        error.add_scaled(-Fr::ONE, &Lin::from(&public.labels));
        b.section(ConstraintId::LabelBinding);
        b.enforce_zero(&error)
    }
}

fn constant_key(
    b: &mut Builder,
    x: &Challenge,
    rows: &[Selection],
    ordered: &[Committed],
    constant: u64,
) -> Result<()> {
    let mut argument = LogUp::new();
    let (classes, constant) = (ordered.len() / rows.len(), Fr::from(constant));
    let keyed = |value: Committed, key: usize| value.plus_constant(constant * Fr::from(key as u64));
    for (i, (row, ordered)) in rows.iter().zip(ordered.chunks(classes)).enumerate() {
        let first = i * (classes + 1);
        let query = Committed::from(&row.selected).plus_wire(constant, &row.label);
        argument.query(&Keyed::from(keyed(query, first)));
        let padding = ordered[0].clone().plus_constant(-Fr::ONE);
        let entries = ordered.iter().chain(std::iter::once(&padding));
        for (o, (entry, multiplicity)) in entries.zip(&row.multiplicities).enumerate() {
            argument.entry(&Keyed::from(keyed(entry.clone(), first + o)), multiplicity);
        }
    }
    argument.enforce(b, x, &SELECT)
}

/// The range look-ups with multiplicities that are chosen when X is known: that of 0 closes the sum.
fn late_multiplicities(b: &mut Builder, ranges: &RangeTable, x: &Challenge) -> Result<()> {
    let denominator = |value: &Committed| {
        let mut lin = Lin::from(x.fp());
        lin.add_scaled(-Fr::ONE, value.lin());
        lin
    };
    let mut sum = Lin::zero();
    b.section(ConstraintId::RangeQuery);
    for value in &ranges.queries {
        let denominator = denominator(value);
        let inverse = b.determined(denominator.value().and_then(|v| v.inverse()))?;
        b.enforce(&Lin::from(&inverse), &denominator, &Builder::one())?;
        sum.add_wire(Fr::ONE, &inverse);
    }
    b.section(ConstraintId::RangeEntry);
    for t in 0..1u64 << ranges.table_bits {
        let denominator = denominator(&Committed::constant(Fr::from(t)));
        let quotient = if t == 0 { sum.value() } else { denominator.value().map(|_| Fr::ZERO) };
        let multiplicity = b.determined(quotient.zip(denominator.value()).map(|(q, d)| q * d))?;
        let quotient = b.determined(quotient)?;
        b.enforce(&Lin::from(&quotient), &denominator, &Lin::from(&multiplicity))?;
        sum.add_wire(-Fr::ONE, &quotient);
    }
    b.section(ConstraintId::RangeSum);
    b.enforce_zero(&sum)
}

/// Every variant differs from production by its flaw alone.
#[test]
fn the_composition_without_a_flaw_is_the_production_circuit() {
    for class in [LINEAR_CLASS, MLP_CLASS] {
        let base = Circuit::new(&class).unwrap();
        let variant = Variant { base, flaw: Flaw::None };
        assert_eq!(shape_of(&variant).unwrap(), shape_of(&base).unwrap());
    }
}
