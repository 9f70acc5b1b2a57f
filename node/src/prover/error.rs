//! Why no records were made.

use super::budget::BudgetError;
use super::chunk_file::ChunkFileError;
use super::job::JobError;
use crate::home::HomeError;
use crate::keys::KeysError;
use circuits::ClassId;
use circuits::groth16::ProveError;
use datasets::QuantiseError;
use protocol::{EnvelopeError, FormError, OfflineError, SealError};

/// Why no records were made.
#[derive(Debug, thiserror::Error)]
pub enum ProverError {
    /// The competition's record, or an entry or submission that was made here before, is not one.
    #[error("a signed record is damaged: {0}")]
    Envelope(#[from] EnvelopeError),
    /// The competition's record is not one.
    #[error("a signed record: {0}")]
    Form(#[from] FormError),
    /// The reveal is not the competition's.
    #[error("the reveal: {0}")]
    Reveal(#[from] protocol::ContextError),
    /// Another kind of record.
    #[error("expected a record of kind {expected}, got one of kind {got}")]
    Kind {
        /// The kind that it must be.
        expected: protocol::Kind,
        /// Its kind.
        got: protocol::Kind,
    },
    /// The model does not fit the competition.
    #[error("the model does not fit the competition: {0}")]
    Quantise(#[from] QuantiseError),
    /// No size class of the competition admits the model.
    #[error("the model does not fit the competition: {0}")]
    Fit(#[from] datasets::FitError),
    /// A size class that the competition does not admit.
    #[error("size class {got} is not admitted: expected one of {expected}")]
    Class {
        /// Admitted classes.
        expected: String,
        /// The class that was asked for.
        got: ClassId,
    },
    /// A claim above what the model reaches.
    #[error(
        "the model gets {expected} of {rows} rows right: expected a claim of at most {expected}, got {got}"
    )]
    Claim {
        /// What the model reaches.
        expected: u64,
        /// Rows in all.
        rows: u64,
        /// The claim.
        got: u64,
    },
    /// A deadline has passed.
    #[error(
        "expected this before the {name} deadline, which was {deadline} (seconds since 1970); now it is {now}"
    )]
    Deadline {
        /// `commit` or `prove`.
        name: &'static str,
        /// The deadline.
        deadline: u64,
        /// The time on this machine.
        now: u64,
    },
    /// Nothing can be scored yet.
    #[error(
        "the test set is sealed until the host reveals it, some time after {deadline} (seconds since 1970): enter a model before that with `node enter`, and submit when it is revealed"
    )]
    Sealed {
        /// The commit deadline.
        deadline: u64,
    },
    /// A model that was not entered in time.
    #[error(
        "expected a model that was entered before the test set was revealed: none of this machine's entries has this commitment"
    )]
    NotEntered,
    /// The host has not admitted the entry.
    #[error("entry {entry} is not on the roster: the host has left it out, or has not seen it in time")]
    NotOnRoster {
        /// The entry.
        entry: protocol::RecordId,
    },
    /// A count between the levels that may be claimed.
    #[error("expected a count that just reaches one of the competition's levels, got {got} of {rows} rows; the highest that this model may claim is {}", highest.map_or("none".into(), |count| count.to_string()))]
    BetweenLevels {
        /// The claim.
        got: u64,
        /// Rows in all.
        rows: u64,
        /// The highest count that may be claimed.
        highest: Option<u64>,
    },
    /// The proof system.
    #[error("no proof was made: {0}")]
    Prove(#[from] ProveError),
    /// The integer model and the test set.
    #[error("the model does not fit the test set: {0}")]
    Model(#[from] circuits::ModelError),
    /// Signing.
    #[error("the record was not signed: {0}")]
    Seal(#[from] SealError),
    /// The check of what was made.
    #[error("the own proofs do not verify: {0}")]
    SelfCheck(#[from] OfflineError),
    /// The drafts' files.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The files of an array job.
    #[error(transparent)]
    Job(#[from] JobError),
    /// A file with a chunk's proof.
    #[error(transparent)]
    ChunkFile(#[from] ChunkFileError),
    /// It does not fit into memory.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The proving key.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Chunks that nobody has proved.
    #[error("expected a proof of every chunk, {} of {all} are missing: {}", missing.len(), list(missing))]
    Missing {
        /// Their numbers, from 0.
        missing: Vec<u32>,
        /// Chunks in all.
        all: usize,
    },
    /// The proving threads.
    #[error("a thread that proves ended without a result")]
    Thread,
}

/// Numbers as `--chunk` takes them: `0,2,5-7`.
fn list(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let show = |&(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(show).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_chunks_are_listed_as_ranges() {
        assert_eq!(list(&[]), "");
        assert_eq!(list(&[3]), "3");
        assert_eq!(list(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
    }
}
