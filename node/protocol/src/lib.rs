//! Records, their validation and the leaderboard: no I/O, no clock, no randomness.
//!
//! A record passes through stages, each a type of its own that only the stage before can make:
//!
//! ```text
//! bytes -> Signed             length, envelope, ed25519 signature          (envelope)
//!       -> WellFormed         version, kind, canonical encoding, rules     (record)
//!       -> Admitted…          fits its competition and entry               (context)
//!       -> Proved…            its proofs were verified by this process     (proof)
//!       -> RecordSet          caps, one submission a statement             (set)
//! ```
//!
//! [`State`] drives records through these stages, keeps those that cannot be judged yet and hands out the
//! expensive proof checks as [`ProofJob`]s. [`Board::of`] is a pure function of what has been kept.
//! Every error says through `verdict()` what it means for whoever sent the record.

mod blob;
mod board;
mod bundle;
mod context;
mod envelope;
mod id;
pub mod limits;
mod offline;
mod proof;
mod record;
mod set;
mod state;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod verdict;
pub mod wire;

pub use blob::{BlobFacts, BlobRef, BlobRole, Defect, TestSetFacts, task_digest};
pub use board::{Board, BoardRow, accuracy_bps, reaches_bps, skeleton, threshold_count, wilson_bps};
pub use bundle::{Bundle, BundleError, BundleReport, verify_bundle};
pub use context::{
    AdmittedEntry, AdmittedSubmission, ContextError, KeyPin, ProvedEntry, ProvedSubmission, check_close,
    check_entry, check_pair, check_reveal, check_submission, check_withdrawal, scoring_of,
};
pub use envelope::{Author, DOMAIN, EnvelopeError, PAYLOAD_TYPE, SealError, Signed};
pub use id::{BlobId, Fingerprint, ParseIdError, RecordId, StatementId};
pub use offline::{Dossier, OfflineError, Verified, verify_offline};
pub use proof::{BatchItem, Evidence, Groth16, KeyFacts, ProofCheck, ProofChecker, ProofError};
pub use record::{
    AdmittedClass, Body, Caps, ChunkProof, ClaimRule, Close, CommitmentBytes, Competition, Entry, FormError,
    Kind, Misbehaviour, Pair, PairError, Prize, ProofBytes, Record, Reveal, RuleError, Scoring, Seal,
    Submission, TestSetTerms, TieRule, VERSION, WellFormed, Withdrawal, roster_digest, sign, statement_id,
};
pub use set::{Contest, Counts, EntryStanding, Kept, Phase, RecordSet, Shown, Standing};
pub use state::{JobId, Need, Origin, Outcome, ProofJob, Refusal, State, Update, WantedBlob};
pub use verdict::Verdict;
