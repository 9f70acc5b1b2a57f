//! What every command needs, and what its errors mean for the exit code.

use super::output;
use super::settings::{ConfigError, Settings};
use super::times::span_text;
use crate::api_server::SocketError;
use crate::bundle::BundleFileError;
use crate::chain::ChainError;
use crate::chain::entrant::EntrantError;
use crate::client::ClientError;
use crate::daemon::DaemonError;
use crate::home::Home;
use crate::ledger::{LedgerError, now};
use crate::net::NetError;
use crate::prover::{BudgetError, ChunkFileError, JobError, ProverError};
use crate::store::StoreError;
use api::ErrorKind;
use contracts::Refusal;
use contracts::bindings::Verifier::VerifierErrors;
use protocol::{BundleError, OfflineError, RuleError, SealError};
use std::path::PathBuf;

/// Where the data is, and how results are printed.
pub struct Context {
    /// The data folder.
    pub home: Home,
    /// Whether to print JSON.
    pub json: bool,
    /// Whether everything has been agreed to.
    pub yes: bool,
    /// Whether nobody may be asked.
    pub no_input: bool,
    /// The configuration file.
    pub settings: Settings,
}

/// Errors of the command line itself.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// No record's id starts so.
    #[error("no {kind} starts with {prefix:?}; see `node competitions`")]
    Unknown {
        /// The kind of record.
        kind: &'static str,
        /// What was given.
        prefix: String,
    },
    /// Several do.
    #[error("{prefix:?} is ambiguous, it could be:\n  {}", candidates.join("\n  "))]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// Whole ids.
        candidates: Vec<String>,
    },
    /// Something that was verified does not hold.
    #[error("not valid: {reason}")]
    Invalid {
        /// Why.
        reason: String,
    },
    /// Something that cannot be taken back, and nobody to ask.
    #[error("{what}: expected --yes, as nobody can be asked here")]
    Unconfirmed {
        /// What would be done.
        what: String,
    },
    /// The answer was no.
    #[error("nothing was done: {what}")]
    Declined {
        /// What would have been done.
        what: String,
    },
    /// The store or the files beside it are damaged.
    #[error("{findings} things are wrong: move what is damaged away, it comes back from peers")]
    Damaged {
        /// How many.
        findings: u64,
    },
    /// Options that do not go together here.
    #[error("{reason}")]
    Usage {
        /// What to give instead.
        reason: String,
    },
    /// A record was refused by the rules.
    #[error("refused: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// A blob is missing, and there is nobody to fetch it from.
    #[error("{what} is not here, and no node is running that could fetch it: start one with `node run`")]
    NotHere {
        /// What is missing.
        what: String,
    },
    /// A node that was to go on in the background has ended.
    #[error("the node did not start; its log is {}, which ends with:\n{said}", log.display())]
    NotStarted {
        /// The end of its log.
        said: String,
        /// All of it.
        log: PathBuf,
        /// Its exit code.
        code: u8,
    },
    /// The nodes of the demonstration did not come to the same result in time.
    #[error("{what} did not happen within {seconds} s")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
    },
}

/// An error for people: deadlines as dates, where libraries count seconds.
pub fn told(error: &anyhow::Error) -> String {
    let dated = error.chain().find_map(|cause| match cause.downcast_ref()? {
        ProverError::Deadline { name, deadline, .. } => {
            let (passed, past) = (output::when(*deadline), span_text(now().saturating_sub(*deadline)));
            Some(format!("the {name} deadline has passed: it was {passed}, {past} ago"))
        }
        ProverError::Sealed { deadline } => {
            let reveal = match deadline.checked_sub(now()) {
                Some(left) => format!("some time after {}, in {}", output::when(*deadline), span_text(left)),
                None => format!("which has been due since {}", output::when(*deadline)),
            };
            Some(format!("the test set is sealed until the host reveals it, {reveal}"))
        }
        _ => None,
    });
    dated.unwrap_or_else(|| error.chain().map(ToString::to_string).fold(String::new(), joined))
}

/// An error and its cause, unless the error has told of it.
fn joined(text: String, cause: String) -> String {
    match text.ends_with(&cause) {
        true if !cause.is_empty() => text,
        _ if text.is_empty() => cause,
        _ => format!("{text}: {cause}"),
    }
}

/// The exit code of an error: see the help text.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of).unwrap_or(1)
}

fn code_of(error: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return matches!(error, StoreError::InUse { .. }).then_some(6);
    }
    if let Some(LedgerError::Store(StoreError::InUse { .. })) = error.downcast_ref() {
        return Some(6);
    }
    if let Some(error) = error.downcast_ref::<DaemonError>() {
        return match error {
            DaemonError::Ledger(LedgerError::Store(StoreError::InUse { .. })) => Some(6),
            DaemonError::Socket(SocketError::InUse { .. }) => Some(6),
            DaemonError::Net(_) => Some(5),
            _ => None,
        };
    }
    if let Some(SocketError::InUse { .. }) = error.downcast_ref() {
        return Some(6);
    }
    if error.downcast_ref::<NetError>().is_some() {
        return Some(5);
    }
    if error.downcast_ref::<ConfigError>().is_some() {
        return Some(2);
    }
    if let Some(error) = error.downcast_ref::<ClientError>() {
        return match error {
            ClientError::Refused { kind: ErrorKind::Refused, .. } => Some(4),
            ClientError::Refused { kind: ErrorKind::Network, .. } | ClientError::NotRunning { .. } => Some(5),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref::<CliError>() {
        return match error {
            CliError::Refused { .. } => Some(4),
            CliError::Usage { .. } | CliError::Unconfirmed { .. } => Some(2),
            CliError::Invalid { .. } => Some(3),
            CliError::NotHere { .. } | CliError::TimedOut { .. } => Some(5),
            CliError::NotStarted { code, .. } => Some(*code),
            CliError::Unknown { .. }
            | CliError::Ambiguous { .. }
            | CliError::Declined { .. }
            | CliError::Damaged { .. } => None,
        };
    }
    if let Some(error) = error.downcast_ref::<OfflineError>() {
        return Some(match error {
            OfflineError::Context(_) => 4,
            _ => 3,
        });
    }
    if error.downcast_ref::<BundleFileError>().is_some() || error.downcast_ref::<BundleError>().is_some() {
        return Some(3);
    }
    if error.downcast_ref::<RuleError>().is_some() || error.downcast_ref::<SealError>().is_some() {
        return Some(4);
    }
    if let Some(error) = error.downcast_ref::<ChunkFileError>() {
        return match error {
            ChunkFileError::Invalid { .. } => Some(3),
            ChunkFileError::Statement { .. }
            | ChunkFileError::Foreign { .. }
            | ChunkFileError::Duplicate { .. }
            | ChunkFileError::TooMany { .. } => Some(4),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref::<JobError>() {
        let refused = matches!(error, JobError::Other { .. } | JobError::NoSuchChunk { .. });
        return refused.then_some(4);
    }
    if error.downcast_ref::<BudgetError>().is_some() {
        return Some(4);
    }
    if let Some(error) = error.downcast_ref::<ChainError>() {
        return code_of_chain(error);
    }
    if let Some(EntrantError::Prover(error)) = error.downcast_ref() {
        return code_of(error);
    }
    match error.downcast_ref::<ProverError>()? {
        ProverError::Job(error) => code_of(error),
        ProverError::ChunkFile(error) => code_of(error),
        ProverError::Budget(error) => code_of(error),
        ProverError::Claim { .. }
        | ProverError::Missing { .. }
        | ProverError::Deadline { .. }
        | ProverError::Sealed { .. }
        | ProverError::NotEntered
        | ProverError::NotOnRoster { .. }
        | ProverError::BetweenLevels { .. }
        | ProverError::Reveal(_)
        | ProverError::Class { .. }
        | ProverError::Fit(_)
        | ProverError::Quantise(_)
        | ProverError::Model(_)
        | ProverError::Seal(_) => Some(4),
        ProverError::SelfCheck(_) => Some(3),
        _ => None,
    }
}

fn code_of_chain(error: &ChainError) -> Option<u8> {
    match error {
        ChainError::Endpoint { .. } | ChainError::Amount { .. } => Some(2),
        ChainError::Refused(refusal)
            if matches!(**refusal, Refusal::Verifier(VerifierErrors::ProofInvalid(_))) =>
        {
            Some(3)
        }
        ChainError::Refused(_)
        | ChainError::Reverted { .. }
        | ChainError::Terms(_)
        | ChainError::Foreign { .. }
        | ChainError::Elsewhere { .. }
        | ChainError::Mismatch { .. }
        | ChainError::TooMuchGas { .. } => Some(4),
        ChainError::Down { .. }
        | ChainError::Answer { .. }
        | ChainError::Rpc { .. }
        | ChainError::WrongChain { .. }
        | ChainError::NotDeep { .. }
        | ChainError::Runtime(_) => Some(5),
        ChainError::InUse { .. } => Some(6),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let broken = || std::io::Error::other("broken pipe");
        assert_eq!(
            told(&anyhow::Error::new(ClientError::Io(broken())).context("asking")),
            format!("asking: {}", ClientError::Io(broken()))
        );
        assert_eq!(told(&anyhow::Error::new(broken()).context("writing f")), "writing f: broken pipe");
    }

    #[test]
    fn errors_have_their_exit_codes_however_deep_they_lie() {
        let in_use = || StoreError::InUse { path: "store".into() };
        let class = "linear-30-2".parse().unwrap();
        let crowded = || BudgetError::Memory { class, needed: 2, budget: 1, smaller: None };
        let missing = || ProverError::Missing { missing: vec![1], all: 2 };
        let foreign = || ChunkFileError::Foreign { path: "f".into(), expected: 1, got: 2 };
        let cases: [(anyhow::Error, u8); 12] = [
            (anyhow::anyhow!("anything"), 1),
            (anyhow::Error::new(LedgerError::Store(in_use())), 6),
            (anyhow::Error::new(DaemonError::Ledger(LedgerError::Store(in_use()))).context("starting"), 6),
            (anyhow::Error::new(SocketError::InUse { path: "s".into() }), 6),
            (anyhow::Error::new(ProverError::Claim { expected: 1, rows: 2, got: 2 }).context("submit"), 4),
            (anyhow::Error::new(ClientError::NotRunning { path: "s".into() }), 5),
            (anyhow::Error::new(missing()), 4),
            (anyhow::Error::new(ProverError::ChunkFile(foreign())), 4),
            (anyhow::Error::new(JobError::NoSuchChunk { expected: 1, got: 2 }), 4),
            (anyhow::Error::new(ProverError::Job(JobError::NotPrepared { path: "d".into() })), 1),
            (anyhow::Error::new(ProverError::Budget(crowded())), 4),
            (anyhow::Error::new(OfflineError::TestSet(circuits::TestSetError::NotCanonical)), 3),
        ];
        for (error, code) in cases {
            assert_eq!(exit_code(&error), code, "{error:#}");
        }
    }
}
