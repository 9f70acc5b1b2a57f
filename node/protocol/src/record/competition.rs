//! The competition: what is to be predicted, on which rows, with which keys and rules.

use super::rules::{RuleError, line, lines, range, timestamp};
use crate::{
    BlobRef,
    limits::{
        MAX_CHUNKS, MAX_DESCRIPTION_BYTES, MAX_ENTRIES_CAP, MAX_PROVING_KEY_BYTES, MAX_ROWS,
        MAX_SIZE_CLASSES, MAX_SUBMISSIONS_CAP, MAX_TEST_SET_BYTES, MAX_THRESHOLD_BPS, MAX_TITLE_BYTES,
        MAX_TRAINING_BYTES, MAX_VERIFYING_KEY_BYTES,
    },
};
use circuits::{ClassId, Task};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Whether the test set was public before the models were fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Openness {
    /// The test set is public from the start: a score may come from its having been memorised.
    Open,
}

/// What happens to equal counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TieRule {
    /// They share the better rank, and the ranks after it are left out ("1224").
    SharedRank,
}

/// Where a competition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Open for proofs.
    Proving,
    /// The prove deadline has passed.
    Closed,
}

/// How much one competitor may hand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// Entries of one competitor, 1 to 1,000.
    pub entries: u32,
    /// Submissions (statements) of one entry, 1 to 1,000.
    pub submissions: u32,
}

/// A prize that a contract holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prize {
    /// EIP-155 chain id, at least 1.
    pub chain_id: u64,
    /// The contract's address.
    #[serde(with = "serde_bytes")]
    pub contract: [u8; 20],
    /// The competition's id in the contract, a big-endian uint256.
    #[serde(with = "serde_bytes")]
    pub id: [u8; 32],
}

/// A size class that a competition admits, with its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmittedClass<C = ClassId> {
    /// The class.
    pub class: C,
    /// Digest of the verifying key, over its points: what proofs are bound to.
    #[serde(with = "serde_bytes")]
    pub key_digest: [u8; 32],
    /// The verifying key's file.
    pub verifying_key: BlobRef,
    /// The proving key's file.
    pub proving_key: BlobRef,
}

/// A competition. Its id is the hash of all of this, so that no rule can be changed afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Competition<C = ClassId> {
    /// One line, 1 to 128 bytes.
    pub title: String,
    /// Plain text, at most 16 KiB.
    pub description: String,
    /// When the host says that it was made, seconds since 1970.
    pub created: u64,
    /// Last second in which a submission may claim to be made, seconds since 1970.
    pub prove_deadline: u64,
    /// Whether the test set is public from the start.
    pub openness: Openness,
    /// What is to be predicted from what.
    pub task: Task,
    /// Rows of the test set (N), 1 to 1,048,576.
    pub rows: u64,
    /// The canonical test set; its id is the digest that proofs are bound to.
    pub test_set: BlobRef,
    /// Data to train on, for people: nothing is checked about it.
    pub training: Option<BlobRef>,
    /// What models may be entered, 1 to 8 classes.
    pub size_classes: Vec<AdmittedClass<C>>,
    /// Accuracy that counts as reached, in basis points; 0 if there is none.
    pub threshold_bps: u32,
    /// How much one competitor may hand in.
    pub caps: Caps,
    /// What happens to equal counts.
    pub tie_rule: TieRule,
    /// A prize, if any.
    pub prize: Option<Prize>,
}

impl Competition {
    /// Where it stands at `now` (seconds since 1970), by its own deadline.
    pub fn phase_at(&self, now: u64) -> Phase {
        if now <= self.prove_deadline { Phase::Proving } else { Phase::Closed }
    }

    /// The admitted class of this id.
    pub fn admitted(&self, class: ClassId) -> Option<&AdmittedClass> {
        self.size_classes.iter().find(|admitted| admitted.class == class)
    }

    pub(super) fn validate(&self) -> Result<(), RuleError> {
        line("title", &self.title, MAX_TITLE_BYTES)?;
        lines("description", &self.description, MAX_DESCRIPTION_BYTES)?;
        timestamp("created", self.created)?;
        timestamp("prove deadline", self.prove_deadline)?;
        if self.prove_deadline <= self.created {
            return Err(RuleError::Deadline { created: self.created, deadline: self.prove_deadline });
        }
        self.task.validate()?;
        range("rows", self.rows, 1..=MAX_ROWS as u64)?;
        range("test set bytes", self.test_set.bytes, 1..=MAX_TEST_SET_BYTES as u64)?;
        if let Some(training) = &self.training {
            range("training bytes", training.bytes, 1..=MAX_TRAINING_BYTES)?;
        }
        range("size classes", self.size_classes.len() as u64, 1..=MAX_SIZE_CLASSES as u64)?;
        self.check_classes()?;
        range("threshold in basis points", u64::from(self.threshold_bps), 0..=u64::from(MAX_THRESHOLD_BPS))?;
        range("entries of one competitor", u64::from(self.caps.entries), 1..=u64::from(MAX_ENTRIES_CAP))?;
        let submissions = u64::from(self.caps.submissions);
        range("submissions of one entry", submissions, 1..=u64::from(MAX_SUBMISSIONS_CAP))?;
        match &self.prize {
            Some(prize) => range("chain id of the prize", prize.chain_id, 1..=u64::MAX),
            None => Ok(()),
        }
    }

    fn check_classes(&self) -> Result<(), RuleError> {
        let mut seen = BTreeSet::new();
        for admitted in &self.size_classes {
            let class = admitted.class;
            if !seen.insert(class) {
                return Err(RuleError::DuplicateClass { class });
            }
            self.check_fit(class)?;
            range("verifying key bytes", admitted.verifying_key.bytes, 1..=MAX_VERIFYING_KEY_BYTES)?;
            range("proving key bytes", admitted.proving_key.bytes, 1..=MAX_PROVING_KEY_BYTES)?;
        }
        Ok(())
    }

    fn check_fit(&self, class: ClassId) -> Result<(), RuleError> {
        let (shape, task) = (class.class(), &self.task);
        if !shape.fits(task.features.len(), task.x_max(), task.classes.len()) {
            return Err(RuleError::ClassDoesNotFit {
                class,
                expected: (shape.features, shape.feature_bits, shape.classes),
                got: (task.features.len(), u32::from(task.feature_bits), task.classes.len()),
            });
        }
        let chunks = self.rows.div_ceil(shape.rows as u64);
        if chunks > MAX_CHUNKS as u64 {
            return Err(RuleError::TooManyChunks { class, max: MAX_CHUNKS, got: chunks });
        }
        Ok(())
    }
}
