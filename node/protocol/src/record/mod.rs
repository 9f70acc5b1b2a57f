//! The kinds of record and their canonical payload: a version byte, then DAG-CBOR `{kind: body}`.
//!
//! A new kind, or a new size class, is something that older software ignores. A changed field, or a new variant of
//! one, is a new version. Both are told apart from nonsense, which is rejected.

mod close;
mod competition;
mod entry;
mod misbehaviour;
mod reveal;
mod rules;
mod submission;
mod withdrawal;

pub use close::Close;
pub(crate) use competition::check_chunks;
pub use competition::{AdmittedClass, Caps, ClaimRule, Competition, Prize, TestSetTerms, TieRule};
pub use entry::{CommitmentBytes, Entry};
pub use misbehaviour::{Misbehaviour, Pair, PairError};
pub use reveal::{Reveal, Scoring, Seal, roster_digest};
pub use rules::RuleError;
pub use submission::{ChunkProof, ProofBytes, Submission, statement_id};
pub use withdrawal::Withdrawal;

use crate::{
    Author, RecordId, SealError, Signed, Verdict,
    limits::{MAX_MISBEHAVIOUR_BYTES, MAX_PAYLOAD_BYTES},
};
use circuits::{ClassId, model::UnknownClass};
use libp2p_identity::Keypair;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Version of the payload's encoding.
pub const VERSION: u8 = 2;

/// What a record says. `C` is how size classes are named: [`ClassId`] once they are known to exist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body<C = ClassId> {
    /// By the host.
    Competition(Box<Competition<C>>),
    /// By a competitor.
    Entry(Box<Entry<C>>),
    /// By the entry's competitor.
    Withdrawal(Withdrawal),
    /// By the host.
    Reveal(Reveal),
    /// By the entry's competitor.
    Submission(Submission),
    /// By the host.
    Close(Close),
    /// By anyone.
    Misbehaviour(Misbehaviour),
}

/// The kinds of record, in an order in which what a record refers to comes before it. Reveals come before entries,
/// because those on a roster have a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// [`Competition`].
    Competition,
    /// [`Reveal`].
    Reveal,
    /// [`Entry`].
    Entry,
    /// [`Withdrawal`].
    Withdrawal,
    /// [`Submission`].
    Submission,
    /// [`Close`].
    Close,
    /// [`Misbehaviour`].
    Misbehaviour,
}

impl Kind {
    /// All kinds, in their order.
    pub const ALL: [Self; 7] = [
        Self::Competition,
        Self::Reveal,
        Self::Entry,
        Self::Withdrawal,
        Self::Submission,
        Self::Close,
        Self::Misbehaviour,
    ];

    /// Its name in the payload.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Competition => "competition",
            Self::Entry => "entry",
            Self::Withdrawal => "withdrawal",
            Self::Reveal => "reveal",
            Self::Submission => "submission",
            Self::Close => "close",
            Self::Misbehaviour => "misbehaviour",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a payload is not a record that obeys the rules.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FormError {
    /// No bytes at all. Reject.
    #[error("expected a version byte and a body, got an empty payload")]
    Empty,
    /// Of other software. Ignore.
    #[error("expected version {VERSION}, got {got}: older or newer software made it")]
    UnknownVersion {
        /// Its version.
        got: u8,
    },
    /// Perhaps of later software. Ignore.
    #[error("expected a known kind of record, got {got:?}: perhaps newer software made it")]
    UnknownKind {
        /// Its kind, cut to 64 characters.
        got: String,
    },
    /// A size class that is not in the catalogue: perhaps of later software. Ignore.
    #[error("{0}: perhaps newer software made it")]
    UnknownClass(UnknownClass),
    /// Not DAG-CBOR, or not the fields of its kind. Reject.
    #[error("not a record: {0}")]
    Malformed(String),
    /// Another encoding of the same body. Reject.
    #[error("expected the canonical encoding, {expected} bytes, got {got} other bytes")]
    NotCanonical {
        /// Length of the canonical payload.
        expected: usize,
        /// Length of this payload.
        got: usize,
    },
    /// Longer than its kind of record can be. Reject.
    #[error("expected a {kind} of at most {expected} bytes, got {got}")]
    TooLong {
        /// Its kind.
        kind: Kind,
        /// Most bytes of the payload.
        expected: usize,
        /// Length of the payload.
        got: usize,
    },
    /// An accusation that does not show what it should. Reject.
    #[error("no proof of misbehaviour: {0}")]
    Pair(#[from] PairError),
    /// A field outside its range, or fields that contradict each other. Reject.
    #[error(transparent)]
    Rule(#[from] RuleError),
}

impl FormError {
    /// What the error means for the sender.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::UnknownVersion { .. } | Self::UnknownKind { .. } | Self::UnknownClass(_) => Verdict::Ignore,
            Self::Empty
            | Self::Malformed(_)
            | Self::NotCanonical { .. }
            | Self::TooLong { .. }
            | Self::Pair(_)
            | Self::Rule(_) => Verdict::Reject,
        }
    }
}

impl Body {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Competition(_) => Kind::Competition,
            Self::Entry(_) => Kind::Entry,
            Self::Withdrawal(_) => Kind::Withdrawal,
            Self::Reveal(_) => Kind::Reveal,
            Self::Submission(_) => Kind::Submission,
            Self::Close(_) => Kind::Close,
            Self::Misbehaviour(_) => Kind::Misbehaviour,
        }
    }

    /// The competition that it belongs to; none for a competition itself.
    pub fn competition(&self) -> Option<RecordId> {
        match self {
            Self::Competition(_) => None,
            Self::Entry(body) => Some(body.competition),
            Self::Withdrawal(body) => Some(body.competition),
            Self::Reveal(body) => Some(body.competition),
            Self::Submission(body) => Some(body.competition),
            Self::Close(body) => Some(body.competition),
            Self::Misbehaviour(body) => Some(body.competition),
        }
    }

    /// Checks everything that needs no other record.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), RuleError> {
        match self {
            Self::Competition(body) => body.validate(),
            Self::Entry(body) => body.validate(),
            Self::Withdrawal(body) => body.validate(),
            Self::Reveal(body) => body.validate(),
            Self::Submission(body) => body.validate(),
            Self::Close(body) => body.validate(),
            // What there is to check about the pair takes its signatures: see `WellFormed::parse`.
            Self::Misbehaviour(_) => Ok(()),
        }
    }

    /// The canonical payload.
    ///
    /// # Errors
    /// [`FormError::Malformed`] if a number is not finite.
    pub fn to_payload(&self) -> Result<Vec<u8>, FormError> {
        let mut payload = vec![VERSION];
        serde_ipld_dagcbor::to_writer(&mut payload, self)
            .map_err(|error| FormError::Malformed(error.to_string()))?;
        Ok(payload)
    }

    /// Reads a payload and checks version, kind, length, fields, canonical encoding and rules, in this order.
    ///
    /// # Errors
    /// The first of these that fails.
    pub fn from_payload(payload: &[u8]) -> Result<Self, FormError> {
        let (&version, cbor) = payload.split_first().ok_or(FormError::Empty)?;
        if version != VERSION {
            return Err(FormError::UnknownVersion { got: version });
        }
        check_length(check_kind(cbor)?, payload.len())?;
        let body: Self = serde_ipld_dagcbor::from_slice(cbor)
            .map_err(|error| unknown_class(cbor).unwrap_or_else(|| malformed(&error)))?;
        let canonical = body.to_payload()?;
        if canonical != payload {
            return Err(FormError::NotCanonical { expected: canonical.len(), got: payload.len() });
        }
        body.validate()?;
        Ok(body)
    }
}

fn malformed(error: &dyn fmt::Display) -> FormError {
    // The decoder quotes names that it did not expect, however long they are.
    FormError::Malformed(error.to_string().chars().take(200).collect())
}

/// Only an accusation is long: it has two other records in it.
fn check_length(kind: Kind, got: usize) -> Result<(), FormError> {
    let expected = if kind == Kind::Misbehaviour { MAX_MISBEHAVIOUR_BYTES } else { MAX_PAYLOAD_BYTES };
    if got > expected { Err(FormError::TooLong { kind, expected, got }) } else { Ok(()) }
}

fn check_kind(cbor: &[u8]) -> Result<Kind, FormError> {
    let outer: BTreeMap<String, IgnoredAny> =
        serde_ipld_dagcbor::from_slice(cbor).map_err(|error| malformed(&error))?;
    let mut names = outer.into_keys();
    match (names.next(), names.next()) {
        (Some(name), None) => Kind::from_name(&name)
            .ok_or_else(|| FormError::UnknownKind { got: name.chars().take(64).collect() }),
        _ => Err(FormError::Malformed("expected a map with one kind in it".to_owned())),
    }
}

/// The size class of a body that would be in order if it existed.
fn unknown_class(cbor: &[u8]) -> Option<FormError> {
    let body: Body<String> = serde_ipld_dagcbor::from_slice(cbor).ok()?;
    let names = match body {
        Body::Competition(body) => body.size_classes.into_iter().map(|admitted| admitted.class).collect(),
        Body::Entry(body) => vec![body.class],
        _ => Vec::new(),
    };
    names.into_iter().find_map(|name| name.parse::<ClassId>().err()).map(FormError::UnknownClass)
}

/// A record of one kind with its author. Made only from a [`Signed`] envelope.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<T> {
    id: RecordId,
    author: Author,
    bytes: Arc<[u8]>,
    body: T,
}

/// For tests of what is kept in numbers: a record is not made anew for each.
#[cfg(test)]
impl<T: Clone> Record<T> {
    pub(crate) fn renamed(&self, id: RecordId, author: Author, change: impl FnOnce(&mut T)) -> Arc<Self> {
        let mut record = Self { id, author, ..self.clone() };
        change(&mut record.body);
        Arc::new(record)
    }
}

impl<T> Record<T> {
    /// BLAKE3 of the signed bytes.
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// Who signed it.
    pub fn author(&self) -> Author {
        self.author
    }

    /// The signed bytes.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// What it says.
    pub fn body(&self) -> &T {
        &self.body
    }
}

/// A record that is signed, canonical and obeys every rule that needs no other record.
#[derive(Clone, Debug, PartialEq)]
pub enum WellFormed {
    /// A competition.
    Competition(Arc<Record<Competition>>),
    /// An entry.
    Entry(Arc<Record<Entry>>),
    /// A withdrawal.
    Withdrawal(Arc<Record<Withdrawal>>),
    /// A reveal.
    Reveal(Arc<Record<Reveal>>),
    /// A submission.
    Submission(Arc<Record<Submission>>),
    /// A close.
    Close(Arc<Record<Close>>),
    /// Two records of one author that contradict each other, opened.
    Misbehaviour(Arc<Record<Misbehaviour>>, Arc<Pair>),
}

/// What all kinds of record have in common.
macro_rules! each {
    ($record:expr, $name:ident => $value:expr) => {
        match $record {
            WellFormed::Competition($name) => $value,
            WellFormed::Entry($name) => $value,
            WellFormed::Withdrawal($name) => $value,
            WellFormed::Reveal($name) => $value,
            WellFormed::Submission($name) => $value,
            WellFormed::Close($name) => $value,
            WellFormed::Misbehaviour($name, _) => $value,
        }
    };
}

impl WellFormed {
    /// Reads the payload of a verified envelope.
    ///
    /// # Errors
    /// As [`Body::from_payload`], and [`FormError::Pair`].
    pub fn parse(signed: &Signed) -> Result<Self, FormError> {
        fn record<T>(signed: &Signed, body: T) -> Arc<Record<T>> {
            let (id, author, bytes) = (signed.id(), signed.author(), Arc::clone(signed.bytes()));
            Arc::new(Record { id, author, bytes, body })
        }
        Ok(match Body::from_payload(signed.payload())? {
            Body::Competition(body) => Self::Competition(record(signed, *body)),
            Body::Entry(body) => Self::Entry(record(signed, *body)),
            Body::Withdrawal(body) => Self::Withdrawal(record(signed, body)),
            Body::Reveal(body) => Self::Reveal(record(signed, body)),
            Body::Submission(body) => Self::Submission(record(signed, body)),
            Body::Close(body) => Self::Close(record(signed, body)),
            Body::Misbehaviour(body) => {
                let pair = Arc::new(body.open()?);
                Self::Misbehaviour(record(signed, body), pair)
            }
        })
    }

    /// BLAKE3 of the signed bytes.
    pub fn id(&self) -> RecordId {
        each!(self, record => record.id)
    }

    /// Who signed it.
    pub fn author(&self) -> Author {
        each!(self, record => record.author)
    }

    /// The signed bytes.
    pub fn bytes(&self) -> &Arc<[u8]> {
        each!(self, record => &record.bytes)
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Competition(_) => Kind::Competition,
            Self::Entry(_) => Kind::Entry,
            Self::Withdrawal(_) => Kind::Withdrawal,
            Self::Reveal(_) => Kind::Reveal,
            Self::Submission(_) => Kind::Submission,
            Self::Close(_) => Kind::Close,
            Self::Misbehaviour(..) => Kind::Misbehaviour,
        }
    }

    /// The competition that it is, or belongs to.
    pub fn competition(&self) -> RecordId {
        match self {
            Self::Competition(record) => record.id,
            Self::Entry(record) => record.body.competition,
            Self::Withdrawal(record) => record.body.competition,
            Self::Reveal(record) => record.body.competition,
            Self::Submission(record) => record.body.competition,
            Self::Close(record) => record.body.competition,
            Self::Misbehaviour(record, _) => record.body.competition,
        }
    }
}

/// Checks and signs a record.
///
/// # Errors
/// If the body breaks a rule, the record becomes too long, or the key is not ed25519.
pub fn sign(keypair: &Keypair, body: &Body) -> Result<Signed, SealError> {
    let payload = body.to_payload()?;
    Body::from_payload(&payload)?;
    if let Body::Misbehaviour(accusation) = body {
        accusation.open().map_err(FormError::from)?;
    }
    Signed::seal(keypair, payload)
}
