//! What must hold, whatever happens. Each has a name, which a failure shows.

use super::{limits, network::Ix, node::Node, wishes::Note, world::World};
use crate::{Board, Body, Caps, Fingerprint, RecordId, limits::MAX_PENDING, limits::MAX_PENDING_BYTES};
use std::collections::{BTreeMap, BTreeSet};

/// Nothing that is false, or was made to be refused, is kept or shown by an honest node.
pub(super) const NOTHING_INVALID: &str = "nothing-invalid-is-kept";
/// Equal record sets make equal boards, byte for byte.
pub(super) const EQUAL_BOARDS: &str = "equal-sets-make-equal-boards";
/// The board that was updated record by record is the board of the whole set.
pub(super) const UPDATED_BOARDS: &str = "an-updated-board-is-the-board-of-the-set";
/// In the end all honest nodes have the same records.
pub(super) const AGREEMENT: &str = "everybody-agrees-in-the-end";
/// In the end every honest node has every honest record that was acknowledged.
pub(super) const NOTHING_LOST: &str = "nothing-honest-is-lost";
/// What a node has acknowledged it still has, whatever happened to it.
pub(super) const ACKNOWLEDGED_STAYS: &str = "what-is-acknowledged-stays";
/// Queues and memory have their bounds.
pub(super) const BOUNDED: &str = "queues-are-bounded";
/// No honest node is cut off by another.
pub(super) const HONEST_PEERS: &str = "honest-peers-are-never-cut-off";
/// Nobody has more entries or submissions on a board than the competition admits.
pub(super) const CAPS: &str = "the-caps-hold";

/// An invariant that does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) invariant: &'static str,
    pub(super) why: String,
}

fn fail<T>(invariant: &'static str, why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure { invariant, why: why.into() })
}

/// What the checks remember from event to event.
#[derive(Default)]
pub(super) struct Watch {
    /// The board that was first seen of a record set.
    boards: BTreeMap<Fingerprint, (blake3::Hash, Ix)>,
    /// Records that may be kept: the truth does not change.
    good: BTreeSet<RecordId>,
}

/// After every event at an honest node: only what the event may have changed.
pub(super) fn after_event(world: &mut World, ix: Ix, notes: &[Note]) -> Result<(), Failure> {
    for note in notes {
        match note {
            Note::Kept { id, competition, displaced } => {
                kept(world, ix, *id, displaced)?;
                shown(world, ix, *competition)?;
            }
            Note::Acknowledged(id) => {
                world.truth.acknowledged.entry(*id).or_default().insert(ix);
            }
            Note::CutOff(peer) if *peer < world.plan.nodes => {
                return fail(HONEST_PEERS, format!("node {ix} has cut off node {peer}"));
            }
            Note::CutOff(_) | Note::Refused { .. } => {}
        }
    }
    bounded(&world.nodes[ix])
}

fn kept(world: &mut World, ix: Ix, id: RecordId, displaced: &[RecordId]) -> Result<(), Failure> {
    if let Err(why) = world.truth.may_be_kept(id) {
        return fail(NOTHING_INVALID, format!("node {ix} keeps {why}"));
    }
    world.watch.good.insert(id);
    for gone in displaced {
        if !may_go(world, *gone) {
            return fail(
                ACKNOWLEDGED_STAYS,
                format!("node {ix} drops {} for {}", name(world, *gone), name(world, id)),
            );
        }
    }
    Ok(())
}

/// The board that the node shows, against the truth and against everybody who had the same records.
fn shown(world: &mut World, ix: Ix, competition: RecordId) -> Result<(), Failure> {
    let node = &world.nodes[ix];
    let (Some(contest), Some(board)) = (node.state.set().contest(competition), node.boards.get(&competition))
    else {
        return Ok(());
    };
    let caps = contest.competition().item.body().caps;
    for row in &board.rows {
        if !world.watch.good.contains(&row.submission)
            && let Err(why) = world.truth.may_be_kept(row.submission)
        {
            return fail(NOTHING_INVALID, format!("node {ix} shows {why}"));
        }
        if row.entries > u64::from(caps.entries) {
            return fail(
                CAPS,
                format!("node {ix}: {} has {} entries that count", row.display_name, row.entries),
            );
        }
    }
    let (fingerprint, hash) = (contest.fingerprint(), blake3::hash(&board.to_bytes()));
    let (first, other) = *world.watch.boards.entry(fingerprint).or_insert((hash, ix));
    if first != hash {
        return fail(EQUAL_BOARDS, format!("nodes {other} and {ix}, competition {competition:?}"));
    }
    Ok(())
}

fn bounded(node: &Node) -> Result<(), Failure> {
    let per_peer = limits::ON_THE_WAY_PER_PEER + limits::RECORDS_PER_REQUEST;
    let bounds = [
        ("inbox", node.inbox.values().map(|inbox| inbox.len()).max().unwrap_or(0), limits::INBOX),
        ("records on their way", node.state.pending(None), MAX_PENDING),
        ("their bytes", node.state.pending_bytes(), MAX_PENDING_BYTES),
        // What is asked for, and what waited for it, comes on top of gossip's share.
        ("proof checks", node.state.jobs_ready(), limits::JOBS + per_peer * (node.peers.len() + 1)),
        ("running checks", node.running.len(), limits::WORKERS),
        ("catch-ups", node.exchange.syncs.len(), limits::SYNCS),
        ("fetches", node.exchange.blobs.len(), limits::FETCHES),
    ];
    for (what, got, most) in bounds {
        if got > most {
            return fail(BOUNDED, format!("node {}: {what}: expected at most {most}, got {got}", node.ix));
        }
    }
    Ok(())
}

/// What a node promised is on its disk when it has just crashed.
pub(super) fn after_crash(world: &World, ix: Ix) -> Result<(), Failure> {
    let node = &world.nodes[ix];
    for (id, at) in &world.truth.acknowledged {
        if at.contains(&ix) && !node.ledger.has(*id) && !may_go(world, *id) {
            return fail(ACKNOWLEDGED_STAYS, format!("node {ix} has lost {id:?} in a crash"));
        }
    }
    Ok(())
}

/// Of several accusations any one will do; the others may go.
fn may_go(world: &World, id: RecordId) -> bool {
    let accuses = world.truth.fact(id).is_some_and(|fact| matches!(fact.body, Some(Body::Misbehaviour(_))));
    accuses || world.truth.may_be_displaced(id)
}

/// Everything that is too much for every event.
pub(super) fn at_intervals(world: &World) -> Result<(), Failure> {
    for node in &world.nodes {
        after_crash(world, node.ix)?;
        for contest in node.state.set().contests() {
            let board = Board::of(contest);
            let shown = node.boards.get(&contest.id());
            if shown.is_some_and(|shown| shown.to_bytes() != board.to_bytes()) {
                return fail(UPDATED_BOARDS, format!("node {}, competition {:?}", node.ix, contest.id()));
            }
            counted(node.ix, contest, contest.competition().item.body().caps)?;
        }
        if node.sources.len() > MAX_PENDING {
            return fail(BOUNDED, format!("node {}: sources of {} records", node.ix, node.sources.len()));
        }
    }
    Ok(())
}

/// The caps, counted from the kept records alone.
pub(super) fn counted<M>(ix: Ix, contest: &crate::Contest<M>, caps: Caps) -> Result<(), Failure> {
    let most = (caps.entries + caps.withdrawals) as usize;
    let mut entries: BTreeMap<crate::Author, usize> = BTreeMap::new();
    for kept in contest.entries() {
        let record = kept.item.record();
        let listed = contest.reveals().iter().any(|reveal| reveal.item.body().lists(record.id()));
        *entries.entry(record.author()).or_default() += usize::from(!listed);
    }
    let mut submissions: BTreeMap<(RecordId, Option<RecordId>), usize> = BTreeMap::new();
    for kept in contest.submissions() {
        let body = kept.item.record().body();
        *submissions.entry((body.entry, body.reveal)).or_default() += 1;
    }
    let beyond = entries.values().any(|count| *count > most)
        || submissions.values().any(|count| *count > caps.submissions as usize);
    if beyond { fail(CAPS, format!("node {ix}, competition {:?}", contest.id())) } else { Ok(()) }
}

pub(super) fn everybody_agrees(world: &World) -> Result<(), Failure> {
    let mut nodes = world.nodes.iter();
    let Some(first) = nodes.next() else { return Ok(()) };
    let fingerprint = first.state.set().fingerprint();
    for node in nodes {
        if node.state.set().fingerprint() != fingerprint {
            let why = difference(world, first, node);
            return fail(AGREEMENT, format!("nodes {} and {}: {why}", first.ix, node.ix));
        }
    }
    Ok(())
}

fn name(world: &World, id: RecordId) -> String {
    let kind = world.truth.fact(id).and_then(|fact| fact.body.as_ref()).map(Body::kind);
    format!("{} by the {} ({kind:?})", id.short(), world.truth.maker(id))
}

/// Which records only one of two nodes has.
fn difference(world: &World, a: &Node, b: &Node) -> String {
    let ids = |node: &Node| -> BTreeSet<RecordId> {
        node.state.set().contests().flat_map(|contest| contest.ids()).collect()
    };
    let (a, b) = (ids(a), ids(b));
    let some: Vec<String> = a.symmetric_difference(&b).take(6).map(|id| name(world, *id)).collect();
    format!("{} and {} records, of which only one has {some:?}", a.len(), b.len())
}

/// When everything has healed and come to rest.
pub(super) fn at_the_end(world: &mut World) -> Result<(), Failure> {
    at_intervals(world)?;
    for node in &world.nodes {
        for (id, fact) in world.truth.facts() {
            let promised = fact.honest && world.truth.acknowledged.contains_key(id);
            if promised && !may_go(world, *id) && node.state.set().kind_of(*id).is_none() {
                let why = format!("node {} lacks {id:?} by the {}", node.ix, fact.by);
                return fail(NOTHING_LOST, why);
            }
        }
    }
    everybody_agrees(world)?;
    world.counts.kept = world.nodes.first().map_or(0, |node| node.state.set().len() as u64);
    Ok(())
}
