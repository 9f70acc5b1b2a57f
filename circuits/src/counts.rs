//! How large a class's circuit is, by arithmetic.

use crate::model::{Bounds, SizeClass};
use crate::statement::PublicInputs;
use crate::witness::{extra_slots, model_wires};

/// How many wires and constraints a class has: by arithmetic, so that it costs nothing. A test compares it with
/// the synthesised circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Instance variables, the constant 1 included.
    pub instance: usize,
    /// Witness wires under `D_w`.
    pub model_wires: usize,
    /// Witness wires under `D`.
    pub committed_wires: usize,
    /// Witness wires after the challenges.
    pub determined_wires: usize,
    pub constraints: usize,
}

impl Counts {
    pub fn of(class: &SizeClass, bounds: &Bounds) -> Self {
        let (n, h, c, l) = (class.rows, class.hidden(), class.classes, class.margin_limbs);
        let table = 1usize << class.table_bits;
        let chains = bounds.output_packing.map_or(0, |packing| h.div_ceil(packing.terms));
        let steps = n.div_ceil(bounds.row_packing.terms) - 1;
        let (weights, extra) = (model_wires(class, bounds), extra_slots(class, bounds));
        let committed = n * (2 * h + chains + c + 3 + (c + 1) + c * (l - 1)) + extra + table;
        let outputs = chains * (n - 1 + class.features + 1);
        let rows = h * steps + c * (steps + class.last_inputs() + 1);
        let selection = (n - 1) + n + n + n * (c + 1);
        let ranges = n * (h + c * l) + extra + table;
        let determined = outputs + rows + selection + ranges;
        // Besides one for each determined wire: C1, C2, C3, C6, C9, C11, C15, C18, C19, C20.
        let constraints = determined + n + n * h + n * chains + chains + c + 4 + weights;
        Self {
            instance: PublicInputs::count(class) + 1,
            model_wires: weights,
            committed_wires: committed,
            determined_wires: determined,
            constraints,
        }
    }

    /// Instance and witness variables.
    pub fn variables(&self) -> usize {
        self.instance + self.model_wires + self.committed_wires + self.determined_wires
    }

    /// Size of the evaluation domain.
    pub fn domain(&self) -> usize {
        (self.constraints + self.instance).next_power_of_two()
    }
}
