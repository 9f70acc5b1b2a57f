//! Dishonest participants: one for each attack of the protocol's list that concerns records. They know everything
//! that was ever published, hold no state, and cannot make proofs of what is false: where they need one, they take
//! a proof of something else. How they attack is in `attacks` (competitors and floods) and `hosts`.

use super::{
    attacks, hosts,
    network::{Event, Ix, Message, Place},
    world::{World, times},
};
use crate::{Fingerprint, Kind, RecordId, testing::test_set_bytes};
use rand::{Rng, seq::SliceRandom};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Learns the test set by heart, and enters after the reveal.
    Memoriser,
    /// Enters one model and proves another.
    Swapper,
    /// Hands in other people's proofs, with other bytes.
    ProofCopier,
    /// Enters other people's commitments.
    CommitmentCopier,
    /// Enters and submits more than the caps admit, back-dated.
    Grinder,
    /// Claims another class, key, count, competition or time.
    Claimer,
    /// Shows different entries and submissions to different peers.
    Equivocator,
    /// Reveals three times, to different peers.
    TwoFacedHost,
    /// Closes twice.
    ClosingHost,
    /// Leaves out an entry and a submission.
    DroppingHost,
    /// Lists entries that do not exist or belong elsewhere.
    ForeignHost,
    /// Reveals with a wrong salt, wrong rows, too early, and for others.
    SaltHost,
    /// Pins keys that are none, or of another class.
    ToyKeyHost,
    /// Garbage, oversized and deeply nested data.
    GarbageFlooder,
    /// Well-formed records whose proofs are invalid.
    ProofFlooder,
    /// Records that refer to nothing that exists.
    OrphanFlooder,
    /// Old records again and again.
    Replayer,
    /// Lists ids that do not exist, without end, and serves other bytes.
    Liar,
    /// Serves wrong blobs.
    BlobLiar,
    /// Says that there is nothing, and that all is well.
    Eclipser,
}

impl Role {
    pub(super) const ALL: [Self; 20] = [
        Self::Memoriser,
        Self::Swapper,
        Self::ProofCopier,
        Self::CommitmentCopier,
        Self::Grinder,
        Self::Claimer,
        Self::Equivocator,
        Self::TwoFacedHost,
        Self::ClosingHost,
        Self::DroppingHost,
        Self::ForeignHost,
        Self::SaltHost,
        Self::ToyKeyHost,
        Self::GarbageFlooder,
        Self::ProofFlooder,
        Self::OrphanFlooder,
        Self::Replayer,
        Self::Liar,
        Self::BlobLiar,
        Self::Eclipser,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Memoriser => "memoriser",
            Self::Swapper => "swapper",
            Self::ProofCopier => "proof copier",
            Self::CommitmentCopier => "commitment copier",
            Self::Grinder => "grinder",
            Self::Claimer => "claimer",
            Self::Equivocator => "equivocator",
            Self::TwoFacedHost => "two-faced host",
            Self::ClosingHost => "closing host",
            Self::DroppingHost => "dropping host",
            Self::ForeignHost => "foreign host",
            Self::SaltHost => "salt host",
            Self::ToyKeyHost => "toy-key host",
            Self::GarbageFlooder => "garbage flooder",
            Self::ProofFlooder => "proof flooder",
            Self::OrphanFlooder => "orphan flooder",
            Self::Replayer => "replayer",
            Self::Liar => "liar",
            Self::BlobLiar => "blob liar",
            Self::Eclipser => "eclipser",
        }
    }
}

pub(super) struct Rogue {
    pub(super) role: Role,
    pub(super) ix: Ix,
    pub(super) key: u8,
    pub(super) peers: Vec<Ix>,
    /// How often it has acted.
    pub(super) step: u32,
    /// What it has made and means to use again: entries, or its competition.
    pub(super) own: Vec<RecordId>,
}

impl Rogue {
    pub(super) fn new(role: Role, ix: Ix, peers: Vec<Ix>) -> Self {
        Self { role, ix, key: 200 + role as u8, peers, step: 0, own: Vec::new() }
    }
}

pub(super) fn settle_in(world: &mut World) {
    hosts::settle_in(world);
    super::people::choose(world);
    for who in 0..world.rogues.len() {
        let at = world.rng.gen_range(1_000..4_000);
        world.queue.push(at, Event::Rogue(who));
    }
}

pub(super) fn act(world: &mut World, who: usize) {
    if world.now > times::CALM {
        return;
    }
    match world.rogues[who].role {
        Role::Memoriser => attacks::memorise(world, who),
        Role::Swapper => attacks::swap(world, who),
        Role::ProofCopier => attacks::copy_proofs(world, who),
        Role::CommitmentCopier => attacks::copy_commitments(world, who),
        Role::Grinder => attacks::grind(world, who),
        Role::Claimer => attacks::claim(world, who),
        Role::Equivocator => attacks::equivocate(world, who),
        Role::GarbageFlooder => attacks::garbage(world, who),
        Role::ProofFlooder => attacks::invalid_proofs(world, who),
        Role::OrphanFlooder => attacks::orphans(world, who),
        Role::Replayer => attacks::replay(world, who),
        Role::TwoFacedHost
        | Role::ClosingHost
        | Role::DroppingHost
        | Role::ForeignHost
        | Role::SaltHost
        | Role::ToyKeyHost => hosts::act(world, who),
        // These only answer.
        Role::Liar | Role::BlobLiar | Role::Eclipser => {}
    }
    world.rogues[who].step += 1;
    let at = world.now + world.rng.gen_range(1_500..3_000);
    world.queue.push(at, Event::Rogue(who));
}

/// To all peers.
pub(super) fn shout(world: &mut World, who: usize, bytes: &Arc<[u8]>) {
    for peer in world.rogues[who].peers.clone() {
        world.send(world.rogues[who].ix, peer, Message::Gossip(Arc::clone(bytes)));
    }
}

/// To one peer.
pub(super) fn whisper(world: &mut World, who: usize, bytes: &Arc<[u8]>) {
    if let Some(peer) = world.rogues[who].peers.choose(&mut world.rng).copied() {
        world.send(world.rogues[who].ix, peer, Message::Gossip(Arc::clone(bytes)));
    }
}

/// Answers lie or say nothing.
pub(super) fn on_message(world: &mut World, who: usize, from: Ix, message: Message) {
    let (ix, role) = (world.rogues[who].ix, world.rogues[who].role);
    let answer = match (role, message) {
        (Role::Liar, Message::AskIds { tag, after }) => lie_about_ids(world, tag, after),
        (Role::Liar, Message::AskRecords(tag, ids)) => Message::Records(tag, other_records(world, ids.len())),
        (Role::Eclipser, Message::AskIds { tag, .. }) => {
            // It guesses what the asker has: then nothing seems to be missing.
            let fingerprint = world.nodes[from].state.set().fingerprint();
            Message::Ids { tag, ids: Vec::new(), more: false, fingerprint }
        }
        (_, Message::AskIds { tag, .. }) => {
            let fingerprint = Fingerprint::new([0; 32]);
            Message::Ids { tag, ids: Vec::new(), more: false, fingerprint }
        }
        (_, Message::AskRecords(tag, _)) => Message::Records(tag, Vec::new()),
        (Role::BlobLiar, Message::AskBlob(id)) => {
            let wrong = if world.rng.gen_bool(0.5) { test_set_bytes() } else { vec![7; 100 << 10] };
            Message::Blob(id, Some(wrong.into()))
        }
        (Role::Eclipser, Message::AskBlob(id)) => Message::Blob(id, None),
        (_, Message::AskBlob(id)) => Message::Blob(id, world.blobs.get(&id).cloned()),
        _ => return,
    };
    world.send(ix, from, answer);
}

/// Ids that nobody has, page after page; sometimes out of order, or too many.
fn lie_about_ids(world: &mut World, tag: u32, after: Option<Place>) -> Message {
    let most = if world.rng.gen_bool(0.2) { 500 } else { 20 };
    let low = after.map_or(0, |(_, id)| id.as_bytes()[0]);
    let mut ids: Vec<Place> = (0..most)
        .map(|_| {
            let mut id: [u8; 32] = world.rng.r#gen();
            id[0] = id[0].max(low);
            (after.map_or(Kind::Entry, |(kind, _)| kind), RecordId::new(id))
        })
        .collect();
    if world.rng.gen_bool(0.8) {
        ids.sort_unstable();
    }
    Message::Ids { tag, ids, more: true, fingerprint: Fingerprint::new(world.rng.r#gen()) }
}

/// Records, but others than were asked for.
fn other_records(world: &mut World, count: usize) -> Vec<Arc<[u8]>> {
    let ids: Vec<RecordId> = world.truth.public.choose_multiple(&mut world.rng, count).copied().collect();
    ids.iter().filter_map(|id| world.truth.fact(*id)).map(|fact| Arc::clone(&fact.bytes)).collect()
}
