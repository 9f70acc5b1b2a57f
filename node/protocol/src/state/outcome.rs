//! What the core says: needs, proof checks, outcomes and refusals.

use crate::{
    BlobRef, BlobRole, ContextError, EnvelopeError, FormError, Kind, ProofCheck, ProofError, RecordId,
    Verdict, limits::MAX_PENDING, set::NotKept,
};

/// Names a proof check that was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub(super) u64);

/// A proof check for the caller to run where it blocks nobody. Its result goes to [`State::proof_checked`](crate::State::proof_checked).
#[derive(Clone, Debug)]
pub struct ProofJob<M> {
    /// Comes back with the result.
    pub id: JobId,
    /// What to run, with which key and test set.
    pub check: ProofCheck<M>,
}

/// What a record waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    /// Another record, to be kept.
    Record(RecordId),
    /// A blob, to be read: see [`State::blob_arrived`](crate::State::blob_arrived).
    Blob(BlobRole, BlobRef),
}

/// A blob without which records of a competition cannot be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WantedBlob {
    /// The competition.
    pub competition: RecordId,
    /// What it is for.
    pub role: BlobRole,
    /// The blob.
    pub blob: BlobRef,
}

/// Why a record is not kept.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The payload.
    #[error(transparent)]
    Form(#[from] FormError),
    /// In view of other records.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// Its proofs.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// Rejected before, and sent again. Reject.
    #[error("refused before: {reason}")]
    Again {
        /// Why it was refused then.
        reason: String,
    },
    /// This node keeps as many as it can. Ignore.
    #[error("expected at most {max} {what} on this node")]
    Full {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// So many records are being checked that this one was not taken, or was given up. Ignore.
    #[error("expected at most {MAX_PENDING} records that wait to be checked")]
    Busy,
}

impl Refusal {
    /// What the refusal means for the sender.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Envelope(error) => error.verdict(),
            Self::Form(error) => error.verdict(),
            Self::Context(error) => error.verdict(),
            Self::Proof(error) => error.verdict(),
            Self::Again { .. } => Verdict::Reject,
            Self::Full { .. } | Self::Busy => Verdict::Ignore,
        }
    }
}

impl From<NotKept> for Refusal {
    fn from(reason: NotKept) -> Self {
        match reason {
            NotKept::Context(error) => Self::Context(error),
            NotKept::Full { what, max } => Self::Full { what, max },
        }
    }
}

/// What has become of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is kept.
    Accepted {
        /// Records of the same author that it displaces: see [`RecordSet`](crate::RecordSet).
        displaced: Vec<RecordId>,
    },
    /// It is kept already.
    Known,
    /// It waits already, for something or for its proofs to be checked.
    Pending,
    /// All cheap checks have passed; a [`ProofJob`] is in the queue.
    Checking,
    /// It cannot be judged yet and is judged again when these are here.
    Waiting {
        /// What is missing.
        needs: Vec<Need>,
    },
    /// It is not kept.
    Refused(Refusal),
}

impl Outcome {
    /// What to tell gossip about the sender; `None` while the proofs are being checked, when an [`Update`] follows.
    pub fn verdict(&self) -> Option<Verdict> {
        match self {
            // An author can sign the same proofs with ever earlier times, and each record takes the place of the one
            // before: what catch-ups bring is then enough, as they bring only the last.
            Self::Accepted { displaced } if !displaced.is_empty() => Some(Verdict::Ignore),
            Self::Accepted { .. } => Some(Verdict::Accept),
            Self::Known | Self::Pending | Self::Waiting { .. } => Some(Verdict::Ignore),
            Self::Checking => None,
            Self::Refused(refusal) => Some(refusal.verdict()),
        }
    }
}

/// What has become of a record that was handed in before.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The record.
    pub id: RecordId,
    /// Its kind.
    pub kind: Kind,
    /// The competition that it is, or belongs to.
    pub competition: RecordId,
    /// What has become of it.
    pub outcome: Outcome,
}
