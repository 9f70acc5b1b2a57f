//! What competitions point to outside the records, and what a node learned about it.

use crate::{BlobId, Competition, ProofChecker, RecordId, Scoring};
use circuits::{ClassId, Task, TestSet};
use serde::{Deserialize, Serialize};

/// A file outside the records, by content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobRef {
    /// BLAKE3 of its bytes.
    pub id: BlobId,
    /// Its length.
    pub bytes: u64,
}

impl BlobRef {
    /// The reference to these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { id: BlobId::of(bytes), bytes: bytes.len() as u64 }
    }
}

/// What a competition uses a blob for, as far as verifying needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobRole {
    /// The canonical test set.
    TestSet,
    /// A verifying key.
    VerifyingKey,
}

/// What makes a test set the one that a competition describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestSetFacts {
    /// Number of rows (N).
    pub rows: u64,
    /// [`task_digest`] of its task.
    pub task: [u8; 32],
}

/// What reading a blob showed: all that validation needs to know of it. A pure function of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobFacts {
    /// A test set.
    TestSet {
        /// Its length in bytes.
        bytes: u64,
        /// Its rows and task.
        facts: TestSetFacts,
    },
    /// A verifying key.
    VerifyingKey {
        /// Its length in bytes.
        bytes: u64,
        /// Size class.
        class: ClassId,
        /// The key's own digest, over its points.
        digest: [u8; 32],
    },
    /// Not what the competition says it is.
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl BlobFacts {
    /// Of a test set.
    pub fn of_test_set(set: &TestSet, bytes: u64) -> Self {
        Self::TestSet {
            bytes,
            facts: TestSetFacts { rows: set.rows() as u64, task: task_digest(set.task()) },
        }
    }

    /// Of a verifying key.
    pub fn of_key<C: ProofChecker>(checker: &C, key: &C::Key, bytes: u64) -> Self {
        let facts = checker.key_facts(key);
        Self::VerifyingKey { bytes, class: facts.class, digest: facts.digest }
    }

    /// Reads a blob for its role. The caller has compared the bytes with the id.
    pub fn read<C: ProofChecker>(checker: &C, role: BlobRole, bytes: &[u8]) -> Self {
        let len = bytes.len() as u64;
        match role {
            BlobRole::TestSet => match TestSet::from_bytes(bytes) {
                Ok(set) => Self::of_test_set(&set, len),
                Err(error) => Self::Unreadable { reason: error.to_string() },
            },
            BlobRole::VerifyingKey => match checker.load_key(bytes) {
                Ok(key) => Self::of_key(checker, &key, len),
                Err(error) => Self::Unreadable { reason: error.to_string() },
            },
        }
    }
}

/// BLAKE3 of a task's canonical encoding.
pub fn task_digest(task: &Task) -> [u8; 32] {
    // A checked task has finite numbers only, and the encoder fails on nothing else; a constant that no
    // checked task has keeps this total.
    serde_ipld_dagcbor::to_vec(task).map_or([0; 32], |bytes| *blake3::hash(&bytes).as_bytes())
}

/// How a competition's blob differs from what the competition says of it: the host's mistake. Nothing can be
/// proved in the competition (test set) or the size class (key).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// The blob is no test set or key.
    #[error("competition {competition:?}: its {role:?} blob cannot be read: {reason}")]
    Unreadable {
        /// The competition.
        competition: RecordId,
        /// Which blob.
        role: BlobRole,
        /// Why.
        reason: String,
    },
    /// Another length.
    #[error("competition {competition:?}: expected a {role:?} blob of {expected} bytes, got {got}")]
    Length {
        /// The competition.
        competition: RecordId,
        /// Which blob.
        role: BlobRole,
        /// Length in the competition.
        expected: u64,
        /// Length of the blob.
        got: u64,
    },
    /// The test set has other rows.
    #[error("competition {competition:?}: expected a test set of {expected} rows, got {got}")]
    Rows {
        /// The competition.
        competition: RecordId,
        /// Rows in the competition.
        expected: u64,
        /// Rows of the test set.
        got: u64,
    },
    /// The test set has another task.
    #[error("competition {competition:?}: expected a test set for its own task, got one for another task")]
    Task {
        /// The competition.
        competition: RecordId,
    },
    /// The key is another.
    #[error("competition {competition:?}: expected {expected}, got {got}")]
    Key {
        /// The competition.
        competition: RecordId,
        /// Class and digest in the competition.
        expected: String,
        /// Class and digest of the key.
        got: String,
    },
}

/// Compares the test set's facts with the competition and, where it was sealed, the reveal.
pub(crate) fn check_test_set(
    competition: RecordId,
    body: &Competition,
    scoring: &Scoring,
    facts: &BlobFacts,
) -> Result<(), Defect> {
    let role = BlobRole::TestSet;
    let BlobFacts::TestSet { bytes, facts } = facts else {
        return Err(unreadable(competition, role, facts));
    };
    let (expected, got) = (scoring.test_set.bytes, *bytes);
    if expected != got {
        return Err(Defect::Length { competition, role, expected, got });
    }
    if scoring.rows != facts.rows {
        return Err(Defect::Rows { competition, expected: scoring.rows, got: facts.rows });
    }
    if task_digest(&body.task) != facts.task {
        return Err(Defect::Task { competition });
    }
    Ok(())
}

/// Compares a verifying key's facts with the competition's size class.
pub(crate) fn check_key(
    competition: RecordId,
    admitted: &crate::AdmittedClass,
    facts: &BlobFacts,
) -> Result<(), Defect> {
    let role = BlobRole::VerifyingKey;
    let BlobFacts::VerifyingKey { bytes, class, digest } = facts else {
        return Err(unreadable(competition, role, facts));
    };
    let (expected, got) = (admitted.verifying_key.bytes, *bytes);
    if expected != got {
        return Err(Defect::Length { competition, role, expected, got });
    }
    if admitted.class != *class || admitted.key_digest != *digest {
        let name = |class: ClassId, digest| format!("the key {} of {class}", hex::encode(digest));
        let (expected, got) = (name(admitted.class, &admitted.key_digest), name(*class, digest));
        return Err(Defect::Key { competition, expected, got });
    }
    Ok(())
}

fn unreadable(competition: RecordId, role: BlobRole, facts: &BlobFacts) -> Defect {
    let reason = match facts {
        BlobFacts::Unreadable { reason } => reason.clone(),
        BlobFacts::TestSet { .. } => "it is a test set".to_owned(),
        BlobFacts::VerifyingKey { .. } => "it is a verifying key".to_owned(),
    };
    Defect::Unreadable { competition, role, reason }
}
