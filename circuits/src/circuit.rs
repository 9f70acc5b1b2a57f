//! Composition only: which gadget is applied to which wires, in which order.

use crate::gadgets::count::{Margin, enforce_count, margin};
use crate::gadgets::linear::{OUTPUTS, Public, ROWS, bind, horner, pack, powers, row_blocks};
use crate::gadgets::lookup::RangeTable;
use crate::gadgets::mode::{Limb, WeightWires, commit_extra_slots, enforce_mode};
use crate::gadgets::relu::Relu;
use crate::gadgets::select::{Selection, enforce_labels, enforce_selection};
use crate::gadgets::{Builder, Challenge, Committed, CommittedWire, ConstraintId, Lin, Phase};
use crate::groth16::TwoPhaseCircuit;
use crate::model::{Bounds, BoundsError, Family, SizeClass};
use crate::statement::PublicInputs;
use crate::witness::{Assignment, RowValues, extra_slots};
use ark_bn254::Fr;
use ark_ff::Field;
use ark_r1cs_std::fields::fp::AllocatedFp;
use ark_relations::gr1cs::SynthesisError;

type Result<T> = std::result::Result<T, SynthesisError>;

/// The circuit of a size class: the same matrices for setup, scores and model proofs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circuit {
    pub class: SizeClass,
    pub bounds: Bounds,
}

/// Weights of one dense layer as signed expressions over limbs.
pub(crate) struct LayerWires {
    pub outputs: usize,
    pub weights: Vec<Committed>,
    pub biases: Vec<Committed>,
}

/// Committed wires of one row.
pub(crate) struct RowWires {
    pub hidden: Vec<Relu>,
    slack: Vec<CommittedWire>,
    pub logits: Vec<CommittedWire>,
    pub ok: CommittedWire,
    pub selection: Selection,
    pub ordered: Vec<Committed>,
    margins: Vec<Margin>,
}

/// Everything that phase one leaves for phase two.
pub(crate) struct CommittedCircuit {
    pub limbs: Vec<Limb>,
    pub layers: Vec<LayerWires>,
    pub rows: Vec<RowWires>,
    pub extra_slots: Vec<CommittedWire>,
    pub ranges: RangeTable,
}

/// Public inputs as wires.
pub(crate) struct PublicWires {
    pub x: Challenge,
    pub y: Challenge,
    pub rho: Challenge,
    pub correct: AllocatedFp<Fr>,
    pub mode: AllocatedFp<Fr>,
    features: Vec<AllocatedFp<Fr>>,
    pub plain_sum: AllocatedFp<Fr>,
    pub packed_sum: AllocatedFp<Fr>,
    pub labels: AllocatedFp<Fr>,
}

impl Circuit {
    pub fn new(class: &SizeClass) -> std::result::Result<Self, BoundsError> {
        Ok(Self { class: *class, bounds: Bounds::of(class)? })
    }

    /// Look-up shift of every limb of `D_w`, in order.
    pub fn limb_shifts(&self) -> Vec<u32> {
        let shapes = self.class.layer_shapes();
        let mut shifts = Vec::new();
        for (index, (inputs, outputs)) in shapes.iter().enumerate() {
            let weight = self.bounds.weight.limbs().iter().map(|limb| limb.shift);
            let bias = self.bias_spec(index).limbs().iter().map(|limb| limb.shift);
            (0..inputs * outputs).for_each(|_| shifts.extend(weight.clone()));
            (0..*outputs).for_each(|_| shifts.extend(bias.clone()));
        }
        shifts
    }

    fn bias_spec(&self, layer: usize) -> &crate::model::ValueSpec {
        let last = self.class.layer_shapes().len() - 1;
        if layer == last { &self.bounds.logit_bias } else { &self.bounds.hidden_bias }
    }

    pub fn commit_weights(
        &self,
        b: &mut Builder,
        limbs: Option<&[Fr]>,
    ) -> Result<(Vec<Limb>, Vec<LayerWires>)> {
        let mut wires = WeightWires::new(limbs);
        let mut layers = Vec::new();
        for (index, (inputs, outputs)) in self.class.layer_shapes().into_iter().enumerate() {
            let spec = self.bounds.weight;
            let weights = (0..inputs * outputs).map(|_| wires.value(b, &spec)).collect::<Result<_>>()?;
            let spec = *self.bias_spec(index);
            let biases = (0..outputs).map(|_| wires.value(b, &spec)).collect::<Result<_>>()?;
            layers.push(LayerWires { outputs, weights, biases });
        }
        Ok((wires.limbs, layers))
    }

    fn commit_row(
        &self,
        b: &mut Builder,
        ranges: &mut RangeTable,
        row: Option<&RowValues>,
    ) -> Result<RowWires> {
        let (class, t) = (&self.class, self.class.table_bits);
        let hidden = (0..class.hidden())
            .map(|j| Relu::commit(b, ranges, row.map(|r| r.hidden[j].0), row.map(|r| r.hidden[j].1)))
            .collect::<Result<Vec<_>>>()?;
        let chains = self.bounds.output_packing.map_or(0, |packing| class.hidden().div_ceil(packing.terms));
        let slack = b.commit_all(chains, row.map(|r| r.slack.as_slice()))?;
        let logits = b.commit_all(class.classes, row.map(|r| r.logits.as_slice()))?;
        let ok = b.commit_bit(row.map(|r| r.ok))?;
        let selection = Selection::commit(b, class.classes, row.map(|r| &r.selection))?;
        let ordered = ordered_logits(&logits);
        let big = Fr::from(self.bounds.big);
        let margins = ordered
            .iter()
            .enumerate()
            .map(|(j, z)| {
                let value = margin(&selection.selected, z, &ok, big);
                Margin::commit(b, ranges, t, class.margin_limbs, &value, row.map(|r| r.high[j].as_slice()))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(RowWires { hidden, slack, logits, ok, selection, ordered, margins })
    }

    pub fn public_wires(&self, b: &mut Builder, values: Option<&[Fr]>) -> Result<PublicWires> {
        if values.is_some_and(|values| values.len() != PublicInputs::count(&self.class)) {
            return Err(SynthesisError::AssignmentMissing);
        }
        let mut values = values.map(<[Fr]>::iter);
        let mut next = || values.as_mut().and_then(Iterator::next).copied();
        Ok(PublicWires {
            x: b.challenge(next())?,
            y: b.challenge(next())?,
            rho: b.challenge(next())?,
            correct: b.input(next())?,
            mode: b.input(next())?,
            features: (0..self.class.features).map(|_| b.input(next())).collect::<Result<_>>()?,
            plain_sum: b.input(next())?,
            packed_sum: b.input(next())?,
            labels: b.input(next())?,
        })
    }

    /// Layer one of the MLP: C3 to C6, outputs packed, one chain at a time.
    pub fn bind_hidden(&self, b: &mut Builder, wires: &CommittedCircuit, public: &PublicWires) -> Result<()> {
        let Some(packing) = self.bounds.output_packing else { return Ok(()) };
        let layer = &wires.layers[0];
        let powers = powers(Fr::from(packing.base), packing.terms);
        let inputs: Vec<Lin> = public.features.iter().map(Lin::from).collect();
        b.section(ConstraintId::Slack);
        for row in &wires.rows {
            for slack in &row.slack {
                b.enforce(&Lin::from(slack.fp()), &Lin::from(row.ok.fp()), &Lin::zero())?;
            }
        }
        let sides = Public { rho: &public.rho, sum: &public.plain_sum, mode: &public.mode };
        for (chain, start) in (0..layer.outputs).step_by(packing.terms).enumerate() {
            let end = (start + packing.terms).min(layer.outputs);
            let block = |row: &RowWires| {
                let z: Vec<Committed> = row.hidden[start..end].iter().map(Relu::pre_activation).collect();
                pack(&z, &powers).plus_wire(Fr::ONE, &row.slack[chain])
            };
            let blocks: Vec<Committed> = wires.rows.iter().map(block).collect();
            let weights: Vec<Committed> =
                layer.weights.chunks(layer.outputs).map(|row| pack(&row[start..end], &powers)).collect();
            let bias = pack(&layer.biases[start..end], &powers);
            bind(b, &OUTPUTS, &sides, &blocks, &inputs, &weights, &bias)?;
        }
        Ok(())
    }

    /// The layer that makes the logits: C7 to C9, rows packed, one class at a time.
    pub fn bind_logits(&self, b: &mut Builder, wires: &CommittedCircuit, public: &PublicWires) -> Result<()> {
        let packing = self.bounds.row_packing;
        let powers = powers(Fr::from(packing.base), packing.terms);
        let layer = &wires.layers[wires.layers.len() - 1];
        let inputs = self.logit_inputs(b, wires, public, &powers)?;
        let sides = Public { rho: &public.rho, sum: &public.packed_sum, mode: &public.mode };
        for j in 0..layer.outputs {
            let column: Vec<Committed> =
                wires.rows.iter().map(|row| Committed::from(&row.logits[j])).collect();
            let blocks = row_blocks(&column, &powers);
            let weights: Vec<Committed> =
                layer.weights.chunks(layer.outputs).map(|row| row[j].clone()).collect();
            bind(b, &ROWS, &sides, &blocks, &inputs, &weights, &layer.biases[j])?;
        }
        Ok(())
    }

    /// `sum_i coef_i input_ik`: public for the linear family, Horner over the activations for the MLP.
    pub fn logit_inputs(
        &self,
        b: &mut Builder,
        wires: &CommittedCircuit,
        public: &PublicWires,
        powers: &[Fr],
    ) -> Result<Vec<Lin>> {
        b.section(ConstraintId::RowHorner);
        match self.class.family {
            Family::Linear => Ok(public.features.iter().map(Lin::from).collect()),
            Family::Mlp { hidden } => (0..hidden)
                .map(|j| {
                    let column: Vec<Committed> =
                        wires.rows.iter().map(|row| Committed::from(&row.hidden[j].active)).collect();
                    horner(b, &public.rho, &row_blocks(&column, powers))
                })
                .collect(),
        }
    }
}

/// `z'_j = c z_j + (c - 1 - j)`.
fn ordered_logits(logits: &[CommittedWire]) -> Vec<Committed> {
    let classes = logits.len() as u64;
    logits
        .iter()
        .zip((0..classes).rev())
        .map(|(z, rank)| Committed::zero().plus_wire(Fr::from(classes), z).plus_constant(Fr::from(rank)))
        .collect()
}

impl CommittedCircuit {
    /// Magnitudes, then the high margin limbs of classes 1.., then extra slots.
    pub fn slots(&self) -> Vec<&CommittedWire> {
        let magnitudes = self.rows.iter().flat_map(|row| row.hidden.iter().map(|relu| &relu.magnitude));
        let high = self.rows.iter().flat_map(|row| row.margins[1..].iter().flat_map(|margin| &margin.high));
        magnitudes.chain(high).chain(&self.extra_slots).collect()
    }
}

impl TwoPhaseCircuit for Circuit {
    type Assignment = Assignment;
    type Committed = CommittedCircuit;

    fn commit(&self, b: &mut Builder, values: Option<&Assignment>) -> Result<CommittedCircuit> {
        let (limbs, layers) = self.commit_weights(b, values.map(|v| v.limbs.as_slice()))?;
        b.enter(Phase::Rest)?;
        let mut ranges = RangeTable::new(self.class.table_bits);
        let rows = (0..self.class.rows)
            .map(|i| self.commit_row(b, &mut ranges, values.map(|v| &v.rows[i])))
            .collect::<Result<Vec<_>>>()?;
        let extra = extra_slots(&self.class, &self.bounds);
        let extra_slots =
            commit_extra_slots(b, &mut ranges, extra, values.map(|v| v.extra_slots.as_slice()))?;
        ranges.commit_multiplicities(b, values.is_none())?;
        Ok(CommittedCircuit { limbs, layers, rows, extra_slots, ranges })
    }

    fn constrain(&self, b: &mut Builder, wires: CommittedCircuit, public: Option<&[Fr]>) -> Result<()> {
        let public = self.public_wires(b, public)?;
        for relu in wires.rows.iter().flat_map(|row| &row.hidden) {
            relu.enforce(b)?;
        }
        self.bind_hidden(b, &wires, &public)?;
        self.bind_logits(b, &wires, &public)?;
        enforce_mode(b, &public.mode, &wires.limbs, &wires.slots())?;
        let CommittedCircuit { rows, ranges, .. } = wires;
        let ordered: Vec<Committed> = rows.iter().flat_map(|row| row.ordered.iter().cloned()).collect();
        let ok: Vec<CommittedWire> = rows.iter().map(|row| row.ok.clone()).collect();
        let selections: Vec<Selection> = rows.into_iter().map(|row| row.selection).collect();
        enforce_labels(b, &public.rho, &selections, &public.labels)?;
        enforce_selection(b, &public.x, &public.y, &selections, &ordered)?;
        ranges.enforce(b, &public.x)?;
        enforce_count(b, &ok, &public.correct)
    }
}
