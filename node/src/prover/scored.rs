//! What a model reaches, and what of it is claimed.

use super::{Contest, ProverError};
use circuits::statement::Chunk;
use circuits::{ClassId, IntegerModel, TestSet};
use datasets::{FloatModel, QuantisationReport};
use protocol::ClaimRule;

/// A model in integers, and what it gets right.
pub struct Scored {
    /// The model.
    pub model: IntegerModel,
    /// What the rounding cost, where the model was rounded now: not for one that was entered before.
    pub report: Option<QuantisationReport>,
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
        Ok(Self { report: Some(report), ..Self::of(model, set)? })
    }

    /// Scores a model that is in integers already.
    ///
    /// # Errors
    /// If it does not fit the test set.
    pub fn of(model: IntegerModel, set: &TestSet) -> Result<Self, ProverError> {
        model.check_test_set(set)?;
        let chunks = Chunk::all(set.rows(), model.class());
        let right = |chunk: &Chunk| {
            let rows = chunk.lo as usize..chunk.hi as usize;
            rows.filter(|&i| model.forward(set.row(i)).counts(set.label(i))).count() as u64
        };
        let correct = chunks.iter().map(right).collect();
        Ok(Self { model, report: None, chunks, correct })
    }

    /// Rows right in all.
    pub fn total(&self) -> u64 {
        self.correct.iter().sum()
    }

    /// A claim of `wanted` rows over the chunks, spread evenly: see [`spread`].
    ///
    /// # Errors
    /// If the model does not reach it, or the competition does not admit it.
    pub fn claims(&self, rules: &ClaimRule, wanted: u64) -> Result<Vec<u64>, ProverError> {
        let total = self.total();
        let lengths: Vec<u64> = self.chunks.iter().map(Chunk::len).collect();
        let rows = lengths.iter().sum();
        if !rules.admits(wanted, rows) {
            let highest = rules.highest(total, rows);
            return Err(ProverError::BetweenLevels { got: wanted, rows, highest });
        }
        if wanted > total {
            return Err(ProverError::Claim { expected: total, rows, got: wanted });
        }
        Ok(spread(&lengths, &self.correct, wanted))
    }
}

/// `wanted` rows over chunks of these lengths, in proportion to them: a chunk that reaches more than its part says only
/// that it does. (Taken from the first chunks on, the claim would say exactly what each of those reaches.)
fn spread(lengths: &[u64], reached: &[u64], wanted: u64) -> Vec<u64> {
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let at = |level: u64| -> Vec<u64> {
        let part = |(length, reached): (&u64, &u64)| (length * level).div_ceil(longest.max(1)).min(*reached);
        lengths.iter().zip(reached).map(part).collect()
    };
    let enough = |level: &u64| at(*level).iter().sum::<u64>() >= wanted;
    let level = (0..=longest).find(enough).unwrap_or(longest);
    // One level is at most one row a chunk: the last chunks do without, until the sum is exact.
    let (mut claims, below) = (at(level), at(level.saturating_sub(1)));
    let mut surplus = claims.iter().sum::<u64>().saturating_sub(wanted);
    for (claim, below) in claims.iter_mut().zip(&below).rev() {
        let less = surplus.min(*claim - below);
        *claim -= less;
        surplus -= less;
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn claims_are_exact_and_within_reach() {
        let (lengths, reached) = ([10, 10, 10, 4], [9, 3, 7, 4]);
        for wanted in 0..=23 {
            let claims = spread(&lengths, &reached, wanted);
            assert_eq!(claims.iter().sum::<u64>(), wanted);
            assert!(claims.iter().zip(&reached).all(|(claim, reached)| claim <= reached));
        }
        assert_eq!(spread(&lengths, &reached, 23), reached);
        assert_eq!(spread(&[5], &[4], 2), [2]);
    }

    /// A claim of the threshold does not say by how much each chunk is above it.
    #[test]
    fn a_claim_below_the_reach_hides_what_chunks_reach() {
        let lengths = [100, 100, 100];
        assert_eq!(spread(&lengths, &[97, 92, 95], 270), [90, 90, 90]);
        assert_eq!(spread(&lengths, &[93, 99, 91], 270), [90, 90, 90]);
    }
}
