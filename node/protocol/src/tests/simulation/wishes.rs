//! What an honest node wants and tells, and what is broken in it on purpose.

use super::network::{Ix, Message, Ms, Timer};
use crate::{RecordId, Refusal, testing::CREATED};
use rand::rngs::StdRng;

/// What is broken on purpose, to see that an invariant notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sabotage {
    /// Score proofs are believed.
    BelievesProofs,
    /// A record is acknowledged before it is on the disk.
    AcknowledgesEarly,
    /// Every other node does not make its board again after a close.
    StaleBoard,
    /// One node neither gossips nor catches up.
    Deaf,
    /// The inbox takes everything.
    OpenInbox,
    /// Peers are blamed for what nobody can judge yet.
    BlamesForUnknown,
}

/// What a node tells whoever watches.
#[derive(Debug)]
pub(super) enum Note {
    Kept { id: RecordId, competition: RecordId, displaced: Vec<RecordId> },
    Refused { id: RecordId, refusal: Refusal },
    Acknowledged(RecordId),
    CutOff(Ix),
}

/// Where a node's wishes go, and where its time and luck come from.
pub(super) struct Out<'a> {
    pub(super) now: Ms,
    pub(super) rng: &'a mut StdRng,
    pub(super) sabotage: Option<Sabotage>,
    pub(super) sends: Vec<(Ix, Message)>,
    pub(super) timers: Vec<(Ms, Timer)>,
    pub(super) notes: Vec<Note>,
}

impl Out<'_> {
    /// Seconds since 1970.
    pub(super) fn seconds(&self) -> u64 {
        CREATED + self.now / 1000
    }
}
