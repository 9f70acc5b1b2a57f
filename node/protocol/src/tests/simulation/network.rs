//! The virtual network: one clock, one queue of events, and links that lose, repeat, delay and reorder.

use crate::{BlobId, Fingerprint, JobId, Kind, RecordId};
use rand::{Rng, rngs::StdRng};
use std::{cmp::Ordering, collections::BinaryHeap, sync::Arc};

/// A participant, honest or not.
pub(super) type Ix = usize;
/// Virtual milliseconds since the start.
pub(super) type Ms = u64;
/// A record's place in a node's list, as in the daemon: kinds in their order, then ids.
pub(super) type Place = (Kind, RecordId);

/// Which question an answer is to: links repeat answers and delay them.
pub(super) type Tag = u32;

/// What travels.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Gossip(Arc<[u8]>),
    AskIds { tag: Tag, after: Option<Place> },
    Ids { tag: Tag, ids: Vec<Place>, more: bool, fingerprint: Fingerprint },
    AskRecords(Tag, Vec<RecordId>),
    Records(Tag, Vec<Arc<[u8]>>),
    AskBlob(BlobId),
    Blob(BlobId, Option<Arc<[u8]>>),
}

impl Message {
    /// Its name in the log.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Gossip(bytes) => format!("gossip {}", RecordId::of(bytes).short()),
            Self::AskIds { .. } => "ask ids".to_owned(),
            Self::Ids { ids, more, .. } => format!("{} ids, more: {more}", ids.len()),
            Self::AskRecords(_, ids) => format!("ask {} records", ids.len()),
            Self::Records(_, records) => format!("{} records", records.len()),
            Self::AskBlob(id) => format!("ask blob {}", id.short()),
            Self::Blob(id, bytes) => format!("blob {} here: {}", id.short(), bytes.is_some()),
        }
    }
}

/// What an honest node has asked to be woken for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    Inbox,
    Job(JobId),
    Flush,
    Sync,
    Blobs,
    Sweep,
}

/// What happens.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Deliver { from: Ix, to: Ix, message: Message },
    Wake { node: Ix, epoch: u32, timer: Timer },
    Person(usize),
    Rogue(usize),
    Crash(Ix),
    Start(Ix),
    Split,
    Heal,
}

impl Event {
    /// Its line in the log.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Deliver { from, to, message } => format!("{from} -> {to}: {}", message.name()),
            other => format!("{other:?}"),
        }
    }
}

struct Due {
    at: Ms,
    number: u64,
    event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    /// The heap gives its greatest: the earliest, and of those the one that was asked for first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// Events to come. Equal times keep the order in which they were asked for, so that a seed has one run.
#[derive(Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Due>,
    next: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: Ms, event: Event) {
        self.heap.push(Due { at, number: self.next, event });
        self.next += 1;
    }

    pub(super) fn pop(&mut self) -> Option<(Ms, Event)> {
        self.heap.pop().map(|due| (due.at, due.event))
    }
}

/// What links do to messages.
pub(super) struct Links {
    /// Per mille.
    pub(super) loss: u32,
    /// Per mille.
    pub(super) repeat: u32,
    /// The side of every participant while the network is split.
    sides: Vec<u8>,
    split: bool,
}

impl Links {
    pub(super) fn new(participants: usize) -> Self {
        Self { loss: 20, repeat: 15, sides: vec![0; participants], split: false }
    }

    /// Splits the network into two or three parts.
    pub(super) fn split(&mut self, rng: &mut StdRng) {
        let parts = rng.gen_range(2..=3);
        self.sides.iter_mut().for_each(|side| *side = rng.gen_range(0..parts));
        self.split = true;
    }

    pub(super) fn heal(&mut self) {
        self.split = false;
    }

    /// After how long the copies of a message arrive: none if it is lost.
    pub(super) fn delays(&self, from: Ix, to: Ix, rng: &mut StdRng) -> Vec<Ms> {
        if self.split && self.sides.get(from) != self.sides.get(to) {
            return Vec::new();
        }
        if rng.gen_range(0..1000) < self.loss {
            return Vec::new();
        }
        let copies = 1 + usize::from(rng.gen_range(0..1000) < self.repeat);
        (0..copies).map(|_| delay(rng)).collect()
    }
}

/// Mostly near, sometimes far: far ones overtake nobody and are overtaken, which is the reordering.
fn delay(rng: &mut StdRng) -> Ms {
    match rng.gen_range(0..20) {
        0 => rng.gen_range(500..3000),
        1..=4 => rng.gen_range(80..400),
        _ => rng.gen_range(5..80),
    }
}
