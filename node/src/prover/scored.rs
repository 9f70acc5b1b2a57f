//! What a model reaches, and what of it is claimed.

use super::{Contest, ProverError};
use circuits::statement::Chunk;
use circuits::{ClassId, IntegerModel, TestSet};
use datasets::{FloatModel, QuantisationReport};

/// A model in integers, and what it gets right.
pub struct Scored {
    /// The model.
    pub model: IntegerModel,
    /// What the rounding cost.
    pub report: QuantisationReport,
    /// The chunks of the test set.
    pub chunks: Vec<Chunk>,
    /// Rows that the integer model gets right in every chunk.
    pub correct: Vec<u64>,
}

impl Scored {
    /// Rounds and scores a model.
    ///
    /// # Errors
    /// If the model does not fit.
    pub fn new(
        contest: &Contest,
        model: &FloatModel,
        class: ClassId,
        set: &TestSet,
    ) -> Result<Self, ProverError> {
        let (model, report) = datasets::quantise(model, &contest.rules.task, class.class(), Some(set))?;
        model.check_test_set(set)?;
        let chunks = Chunk::all(set.rows(), class.class());
        let right = |chunk: &Chunk| {
            let rows = chunk.lo as usize..chunk.hi as usize;
            rows.filter(|&i| model.forward(set.row(i)).counts(set.label(i))).count() as u64
        };
        let correct = chunks.iter().map(right).collect();
        Ok(Self { model, report, chunks, correct })
    }

    /// Rows right in all.
    pub fn total(&self) -> u64 {
        self.correct.iter().sum()
    }

    /// A claim of `wanted` rows over the chunks: what is not claimed is left out at the end.
    ///
    /// # Errors
    /// If the model does not reach it.
    pub fn claims(&self, wanted: u64) -> Result<Vec<u64>, ProverError> {
        let total = self.total();
        if wanted > total {
            let rows = self.chunks.iter().map(Chunk::len).sum();
            return Err(ProverError::Claim { expected: total, rows, got: wanted });
        }
        let mut rest = wanted;
        let mut take = |reached: &u64| {
            let claim = (*reached).min(rest);
            rest -= claim;
            claim
        };
        Ok(self.correct.iter().map(&mut take).collect())
    }
}
