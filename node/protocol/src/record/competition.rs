//! The competition: what is to be predicted, on which rows, with which keys and rules.

use super::rules::{RuleError, after, ascending, line, lines, range, timestamp};
use super::{Body, FormError};
use crate::{
    Author, BlobRef, Scoring, Seal,
    board::threshold_count,
    limits::{
        MAX_CHUNKS, MAX_DESCRIPTION_BYTES, MAX_ENTRIES_CAP, MAX_LEVELS, MAX_PROVING_KEY_BYTES, MAX_ROWS,
        MAX_SIZE_CLASSES, MAX_SUBMISSIONS_CAP, MAX_TEST_SET_BYTES, MAX_THRESHOLD_BPS, MAX_TITLE_BYTES,
        MAX_TRAINING_BYTES, MAX_VERIFYING_KEY_BYTES,
    },
};
use circuits::{ClassId, Task};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which test set, and whether it was public before the models were fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TestSetTerms {
    /// Public from the start: a score may come from its having been memorised.
    Open {
        /// The canonical test set; its id is the digest that proofs are bound to.
        blob: BlobRef,
        /// Its rows (N), 1 to 1,048,576.
        rows: u64,
    },
    /// Seen by nobody but the host until all models are fixed.
    Sealed {
        /// What a [`Reveal`](crate::Reveal) has to open.
        seal: Seal,
        /// Fewest rows of the test set, 1 to 1,048,576.
        min_rows: u64,
        /// Last second in which an entry may claim to be made, seconds since 1970.
        commit_deadline: u64,
    },
}

/// What happens to equal counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TieRule {
    /// They share the better rank, and the ranks after it are left out ("1224").
    SharedRank,
    /// No rank is shared: ties are drawn by entry id. Where the test set was sealed, the lower hash of salt and entry
    /// id goes first, which nobody but the host could know when he entered. In an open competition the lower entry id
    /// goes first: whoever signs an entry many times over can choose that.
    EntryId,
}

/// Which counts may be claimed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimRule {
    /// Every count.
    Exact,
    /// Only the lowest count that reaches one of these accuracies, in basis points, ascending: 1 to 64 of them. A
    /// claim then tells less about the model.
    Levels(Vec<u32>),
}

impl ClaimRule {
    /// Whether `correct` of `rows` rows may be claimed.
    pub fn admits(&self, correct: u64, rows: u64) -> bool {
        match self {
            Self::Exact => true,
            Self::Levels(levels) => levels.iter().any(|bps| threshold_count(rows, *bps) == correct),
        }
    }

    /// The highest count that a model with `reached` of `rows` rows right may claim, if any.
    pub fn highest(&self, reached: u64, rows: u64) -> Option<u64> {
        match self {
            Self::Exact => Some(reached),
            Self::Levels(levels) => {
                levels.iter().map(|bps| threshold_count(rows, *bps)).filter(|count| *count <= reached).max()
            }
        }
    }

    fn validate(&self, threshold_bps: u32) -> Result<(), RuleError> {
        let Self::Levels(levels) = self else { return Ok(()) };
        range("levels of claims", levels.len() as u64, 1..=MAX_LEVELS as u64)?;
        for bps in levels {
            range("level in basis points", u64::from(*bps), 1..=u64::from(MAX_THRESHOLD_BPS))?;
        }
        ascending("levels of claims", levels)?;
        if threshold_bps != 0 && !levels.contains(&threshold_bps) {
            return Err(RuleError::ThresholdBetweenLevels { got: threshold_bps });
        }
        Ok(())
    }
}

/// How much one competitor may hand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// Entries of one competitor that stand, 1 to 1,000.
    pub entries: u32,
    /// Entries that a competitor may withdraw before the reveal, each making place for another: at most 1,000, and
    /// none where nothing is revealed.
    pub withdrawals: u32,
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
    /// What is to be predicted from what.
    pub task: Task,
    /// The test set.
    pub test_set: TestSetTerms,
    /// Data to train on, for people: nothing is checked about it.
    pub training: Option<BlobRef>,
    /// What models may be entered, 1 to 8 classes.
    pub size_classes: Vec<AdmittedClass<C>>,
    /// Accuracy that counts as reached, in basis points; 0 if there is none.
    pub threshold_bps: u32,
    /// Which counts may be claimed.
    pub claims: ClaimRule,
    /// How much one competitor may hand in.
    pub caps: Caps,
    /// What happens to equal counts.
    pub tie_rule: TieRule,
    /// A prize, if any.
    pub prize: Option<Prize>,
}

impl Competition {
    /// Whether the test set was public before the models were fixed.
    pub fn is_open(&self) -> bool {
        matches!(self.test_set, TestSetTerms::Open { .. })
    }

    /// Last second in which an entry may claim to be made, seconds since 1970.
    pub fn entry_deadline(&self) -> u64 {
        match self.test_set {
            TestSetTerms::Open { .. } => self.prove_deadline,
            TestSetTerms::Sealed { commit_deadline, .. } => commit_deadline,
        }
    }

    /// What scores are about, if it is known from the start.
    pub fn open_scoring(&self) -> Option<Scoring> {
        match self.test_set {
            TestSetTerms::Open { blob, rows } => {
                Some(Scoring { test_set: blob, rows, roster: [0; 32], reveal: None })
            }
            TestSetTerms::Sealed { .. } => None,
        }
    }

    /// By what the terms of a prize name this competition: BLAKE3 of all of it but the prize, and of its host. The prize
    /// names the terms in turn, by an id that this digest is part of.
    ///
    /// # Errors
    /// [`FormError::Malformed`] if a number is not finite.
    pub fn manifest(&self, host: &Author) -> Result<[u8; 32], FormError> {
        let bare = Body::Competition(Box::new(Self { prize: None, ..self.clone() }));
        let mut hasher = blake3::Hasher::new_derive_key("podium 2026-11 competition without its prize v1");
        hasher.update(host.key()).update(&bare.to_payload()?);
        Ok(*hasher.finalize().as_bytes())
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
        self.task.validate()?;
        self.check_test_set()?;
        if let Some(training) = &self.training {
            range("training bytes", training.bytes, 1..=MAX_TRAINING_BYTES)?;
        }
        range("size classes", self.size_classes.len() as u64, 1..=MAX_SIZE_CLASSES as u64)?;
        self.check_classes()?;
        range("threshold in basis points", u64::from(self.threshold_bps), 0..=u64::from(MAX_THRESHOLD_BPS))?;
        self.claims.validate(self.threshold_bps)?;
        range("entries of one competitor", u64::from(self.caps.entries), 1..=u64::from(MAX_ENTRIES_CAP))?;
        let withdrawals = if self.is_open() { 0 } else { MAX_ENTRIES_CAP };
        range("withdrawals of one competitor", u64::from(self.caps.withdrawals), 0..=u64::from(withdrawals))?;
        let submissions = u64::from(self.caps.submissions);
        range("submissions of one entry", submissions, 1..=u64::from(MAX_SUBMISSIONS_CAP))?;
        match &self.prize {
            Some(prize) => range("chain id of the prize", prize.chain_id, 1..=u64::MAX),
            None => Ok(()),
        }
    }

    fn check_test_set(&self) -> Result<(), RuleError> {
        match self.test_set {
            TestSetTerms::Open { blob, rows } => {
                after("prove deadline", self.prove_deadline, "creation", self.created)?;
                range("rows", rows, 1..=MAX_ROWS as u64)?;
                range("test set bytes", blob.bytes, 1..=MAX_TEST_SET_BYTES as u64)
            }
            TestSetTerms::Sealed { min_rows, commit_deadline, .. } => {
                timestamp("commit deadline", commit_deadline)?;
                after("commit deadline", commit_deadline, "creation", self.created)?;
                after("prove deadline", self.prove_deadline, "commit deadline", commit_deadline)?;
                range("minimum of rows", min_rows, 1..=MAX_ROWS as u64)
            }
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
        let (TestSetTerms::Open { rows, .. } | TestSetTerms::Sealed { min_rows: rows, .. }) = self.test_set;
        check_chunks(class, rows)
    }
}

/// Whether a submission has room for the proofs of so many rows.
pub(crate) fn check_chunks(class: ClassId, rows: u64) -> Result<(), RuleError> {
    let chunks = rows.div_ceil(class.class().rows as u64);
    if chunks > MAX_CHUNKS as u64 {
        return Err(RuleError::TooManyChunks { class, max: MAX_CHUNKS, got: chunks });
    }
    Ok(())
}
