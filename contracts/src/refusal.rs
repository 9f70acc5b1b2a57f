//! Why a call was refused, in types and in words.

use crate::bindings::Competitions::CompetitionsErrors;
use crate::bindings::Verifier::VerifierErrors;
use alloy_primitives::{B256, hex};
use alloy_sol_types::{Panic, Revert, SolError, SolInterface};
use std::fmt;

/// Why a call was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// By the competitions.
    Competitions(CompetitionsErrors),
    /// By the verifier, for which the competitions passed it on.
    Verifier(VerifierErrors),
    /// By a token, in words.
    Message(String),
    /// By something else: its data in hex, at most 64 bytes of them. Empty where gas ran out.
    Other(String),
}

/// Decodes the data of a revert.
pub fn refusal(data: &[u8]) -> Refusal {
    if let Ok(error) = CompetitionsErrors::abi_decode(data) {
        return Refusal::Competitions(error);
    }
    if let Ok(error) = VerifierErrors::abi_decode(data) {
        return Refusal::Verifier(error);
    }
    if let Ok(error) = Revert::abi_decode(data) {
        return Refusal::Message(error.reason);
    }
    if let Ok(error) = Panic::abi_decode(data) {
        return Refusal::Message(error.to_string());
    }
    Refusal::Other(hex::encode(&data[..data.len().min(64)]))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Competitions(error) => competitions(f, error),
            Self::Verifier(error) => verifier(f, error),
            Self::Message(text) => f.write_str(text),
            Self::Other(data) if data.is_empty() => {
                f.write_str("refused without a reason; perhaps gas ran out")
            }
            Self::Other(data) => write!(f, "refused for a reason that is not known here: {data}"),
        }
    }
}

/// Text of 32 bytes, padded with zeros.
fn text(bytes: &B256) -> String {
    String::from_utf8_lossy(bytes.as_slice()).trim_end_matches('\0').to_owned()
}

fn phase(phase: u8) -> &'static str {
    crate::Phase::of(phase).map_or("of no known phase", crate::Phase::name)
}

fn competitions(f: &mut fmt::Formatter<'_>, error: &CompetitionsErrors) -> fmt::Result {
    use CompetitionsErrors as E;
    match error {
        E::WrongChain(e) => write!(f, "expected the chain {}, got {}", e.expected, e.got),
        E::BadTerms(e) => write!(f, "the terms are impossible in {}", text(&e.field)),
        E::TooLargeToVerify(e) => {
            write!(f, "expected a score that takes at most {} gas to verify, got one of {}", e.most, e.needed)
        }
        E::WrongPhase(e) => {
            write!(
                f,
                "expected a competition that is {}, got one that is {}",
                phase(e.expected),
                phase(e.got)
            )
        }
        E::TooEarly(e) => write!(f, "expected a time from {} on, got {}", e.from, e.now_),
        E::TooLate(e) => write!(f, "expected a time before {}, got {}", e.until, e.now_),
        E::NotHost(e) => write!(f, "expected the host, {}, got {}", e.host, e.caller),
        E::HasEntries(e) => write!(f, "expected a competition without entries, got {}", e.entries_),
        E::TooManyEntries(e) => write!(f, "expected at most {} entries", e.cap),
        E::EntryExists(e) => write!(f, "this model is entered already: entry {}", e.entry),
        E::UnknownEntry(e) => write!(f, "expected an entry, got {}, which nobody has made", e.entry),
        E::SealMismatch(e) => write!(f, "expected the seal {}, got {}", e.expected, e.got),
        E::NotBetter(e) => {
            write!(f, "expected more rows than are proved of these chunks already, {} in all", e.proved)
        }
        E::BadReceiver(e) => write!(f, "expected an account that can take the money, got {}", e.to),
        E::AlreadyReleased(e) => write!(f, "the bond of the entry {} is settled already", e.entry),
        E::WrongAmount(e) => write!(f, "expected the amount {}, got {}", e.expected, e.got),
        E::NothingOwed(e) => write!(f, "nothing is owed to {}", e.account),
        E::SafeERC20FailedOperation(e) => write!(f, "the token {} refused a transfer", e.token),
        E::InsufficientBalance(e) => write!(f, "expected a balance of {}, got {}", e.needed, e.balance),
        E::FailedCall(_) => f.write_str("the receiver refused the payment"),
        E::ReentrancyGuardReentrantCall(_) => f.write_str("called in the middle of another call"),
    }
}

fn verifier(f: &mut fmt::Formatter<'_>, error: &VerifierErrors) -> fmt::Result {
    use VerifierErrors as E;
    match error {
        E::ProofInvalid(_) => f.write_str("the proof does not hold for this statement"),
        E::ChunkCount(e) => {
            write!(
                f,
                "expected chunks among {} and a proof of each, got {} claims from {} on and {} proofs",
                e.chunks, e.claims, e.first, e.proofs
            )
        }
        E::ClaimTooLarge(e) => {
            write!(f, "expected at most {} rows of chunk {}, got {}", e.rows, e.chunk, e.claimed)
        }
        E::Infinity(e) => write!(f, "{}: expected a point other than infinity", text(&e.point)),
        E::CoordinateTooLarge(e) => write!(f, "{}: expected coordinates below the modulus", text(&e.point)),
        E::NotOnCurve(e) => write!(f, "{}: expected a point of the curve", text(&e.point)),
        E::PrecompileFailed(e) => {
            write!(
                f,
                "the precompile {} failed: a point is outside its subgroup, or the chain lacks it",
                e.precompile
            )
        }
        E::UnknownKey(e) => write!(f, "no key is registered by the digest {}", e.digest),
        E::KeyLength(e) => write!(f, "expected a key of {} bytes, got {}", e.expected, e.got),
        E::DegenerateKey(e) => {
            write!(f, "degenerate key: {} and {} are related", text(&e.one), text(&e.other))
        }
        E::ClassOutOfRange(e) => write!(f, "no sound size class: {}", e.descriptor),
        E::UnknownTestSet(e) => write!(f, "no test set is registered by the digest {}", e.digest),
        E::ShapeOutOfRange(e) => {
            let s = &e.shape;
            write!(
                f,
                "impossible size: {} rows, {} features, {} classes, {} bits",
                s.rows, s.features, s.classes, s.bits
            )
        }
        E::TestSetLength(e) => write!(f, "expected a test set of {} bytes, got {}", e.expected, e.got),
        E::LabelTooLarge(e) => {
            write!(f, "row {}: expected a label below {}, got {}", e.row, e.classes, e.label)
        }
        E::ValueTooLarge(e) => write!(f, "expected values of at most {}", e.most),
        E::DoesNotFit(e) => {
            let s = &e.shape;
            write!(
                f,
                "expected at most {} features, {} classes, {} bits, got {}, {}, {}",
                e.features, e.classes, e.bits, s.features, s.classes, s.bits
            )
        }
        E::PieceLength(e) => write!(f, "expected a piece of 1 to {} bytes, got {}", e.most, e.got),
        E::PieceNotCreated(_) => f.write_str("the piece was not stored: perhaps gas ran out"),
        E::PieceNotFull(e) => {
            write!(
                f,
                "piece {}: expected {} bytes, as of all but the last, got {}",
                e.index, e.expected, e.got
            )
        }
        E::UnknownPiece(e) => write!(f, "no piece is stored by the hash {}", e.hash),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::{Competitions, Verifier};
    use alloy_primitives::U256;

    #[test]
    fn refusals_say_what_was_expected_and_what_came() {
        let late = Competitions::TooLate { until: U256::from(5), now_: U256::from(7) };
        assert_eq!(refusal(&late.abi_encode()).to_string(), "expected a time before 5, got 7");
        let phase = Competitions::WrongPhase { expected: 1, got: 0 };
        let text = "expected a competition that is open, got one that is not posted";
        assert_eq!(refusal(&phase.abi_encode()).to_string(), text);
        let point = Verifier::NotOnCurve { point: crate::test_set::domain("D_w") };
        assert_eq!(refusal(&point.abi_encode()).to_string(), "D_w: expected a point of the curve");
        let words = Revert::from("broken").abi_encode();
        assert_eq!(refusal(&words), Refusal::Message("broken".into()));
        assert!(refusal(&[]).to_string().contains("gas"));
        assert_eq!(refusal(&[1; 100]), Refusal::Other("01".repeat(64)));
    }
}
