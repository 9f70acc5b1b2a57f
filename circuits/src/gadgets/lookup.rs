//! LogUp (Haböck 2022/1530): `sum_j 1/(X - v_j) = sum_t m_t/(X - t)`, one constraint a query and one an entry.
//!
//! If the identity of rational functions in X holds, then every looked-up value is in the table whatever the
//! multiplicities are. X is drawn after values and multiplicities are committed. The two tables of the circuit
//! have sums of their own: in a common sum, a value could be found in the wrong table.

use super::{Builder, Challenge, Committed, CommittedWire, ConstraintId, Keyed, Lin};
use ark_bn254::Fr;
use ark_ff::{Field, PrimeField, batch_inversion};
use ark_relations::gr1cs::SynthesisError;

type Result<T> = std::result::Result<T, SynthesisError>;

/// The ids of one look-up argument's constraints.
pub(crate) struct LookupIds {
    pub query: ConstraintId,
    pub entry: ConstraintId,
    pub sum: ConstraintId,
}

const RANGE: LookupIds = LookupIds {
    query: ConstraintId::RangeQuery,
    entry: ConstraintId::RangeEntry,
    sum: ConstraintId::RangeSum,
};

/// Queries and table entries of one argument, both with the expression that is looked up.
pub(crate) struct LogUp {
    queries: Vec<Lin>,
    entries: Vec<(Lin, CommittedWire)>,
}

impl LogUp {
    pub fn new() -> Self {
        Self { queries: Vec::new(), entries: Vec::new() }
    }

    pub fn query(&mut self, value: &Keyed) {
        self.queries.push(value.lin().clone());
    }

    pub fn entry(&mut self, value: &Keyed, multiplicity: &CommittedWire) {
        self.entries.push((value.lin().clone(), multiplicity.clone()));
    }

    /// Emits the argument. Inverses stand on the A side: the G2 query of B then sees small scalars only.
    pub fn enforce(self, b: &mut Builder, x: &Challenge, ids: &LookupIds) -> Result<()> {
        let mut sum = Lin::zero();
        b.section(ids.query);
        let queries: Vec<Lin> = self.queries.iter().map(|v| minus(x, v)).collect();
        for (denominator, inverse) in queries.iter().zip(inverses(&queries)) {
            let wire = b.determined(inverse)?;
            b.enforce(&Lin::from(&wire), denominator, &Builder::one())?;
            sum.add_wire(Fr::ONE, &wire);
        }
        b.section(ids.entry);
        let entries: Vec<Lin> = self.entries.iter().map(|(t, _)| minus(x, t)).collect();
        for ((denominator, inverse), (_, multiplicity)) in
            entries.iter().zip(inverses(&entries)).zip(&self.entries)
        {
            let quotient = inverse.zip(multiplicity.fp().value().ok()).map(|(i, m)| i * m);
            let wire = b.determined(quotient)?;
            b.enforce(&Lin::from(&wire), denominator, &Lin::from(multiplicity.fp()))?;
            sum.add_wire(-Fr::ONE, &wire);
        }
        b.section(ids.sum);
        b.enforce_zero(&sum)
    }
}

fn minus(x: &Challenge, value: &Lin) -> Lin {
    let mut out = Lin::from(x.fp());
    out.add_scaled(-Fr::ONE, value);
    out
}

/// All inverses at once. A zero stays zero (probability about 2^-230): the proof then fails its own check.
fn inverses(values: &[Lin]) -> Vec<Option<Fr>> {
    let Some(mut inverses) = values.iter().map(Lin::value).collect::<Option<Vec<_>>>() else {
        return vec![None; values.len()];
    };
    batch_inversion(&mut inverses);
    inverses.into_iter().map(Some).collect()
}

/// Range checks in `0..2^T`: collects expressions in phase one, commits their multiplicities, and emits the
/// argument in phase two from the same list.
pub(crate) struct RangeTable {
    pub table_bits: u32,
    pub queries: Vec<Committed>,
    multiplicities: Vec<CommittedWire>,
}

impl RangeTable {
    pub fn new(table_bits: u32) -> Self {
        Self { table_bits, queries: Vec::new(), multiplicities: Vec::new() }
    }

    pub fn query(&mut self, value: Committed) {
        self.queries.push(value);
    }

    /// Commits how often each table value is looked up; last in phase one.
    pub fn commit_multiplicities(&mut self, b: &mut Builder, setup: bool) -> Result<()> {
        let counts = (!setup).then(|| multiplicities(&self.queries, self.table_bits));
        self.multiplicities = b.commit_all(1 << self.table_bits, counts.as_deref())?;
        Ok(())
    }

    pub fn enforce(self, b: &mut Builder, x: &Challenge) -> Result<()> {
        let mut argument = LogUp::new();
        for value in self.queries {
            argument.query(&Keyed::from(value));
        }
        for (t, multiplicity) in self.multiplicities.iter().enumerate() {
            argument.entry(&Keyed::from(Committed::constant(Fr::from(t as u64))), multiplicity);
        }
        argument.enforce(b, x, &RANGE)
    }
}

/// Native twin: how often each of `0..2^T` occurs. Values outside the table are not counted anywhere.
fn multiplicities(queries: &[Committed], table_bits: u32) -> Vec<Fr> {
    let mut counts = vec![0u64; 1 << table_bits];
    for value in queries.iter().filter_map(Committed::value) {
        let digits = value.into_bigint().0;
        if digits[1..] == [0, 0, 0] && digits[0] < 1 << table_bits {
            counts[digits[0] as usize] += 1;
        }
    }
    counts.into_iter().map(Fr::from).collect()
}
