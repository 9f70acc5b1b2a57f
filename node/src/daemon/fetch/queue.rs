//! Which blob has its turn: clients' wishes first and with places of their own, everything else in order.
//!
//! A blob is known here by id *and* length, as records name it: a stranger's wrong length for a blob is a reference
//! of its own, and takes nothing from the right one.

use super::transfer::Fetch;
use crate::limits;
use api::Body;
use libp2p::PeerId;
use protocol::{BlobId, BlobRef, BlobRole};
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;
use tokio::sync::oneshot;

/// Blobs that are fetched, or wait for it.
#[derive(Default)]
pub(in crate::daemon) struct Fetches {
    pub(super) active: HashMap<BlobRef, Fetch>,
    /// Asked for by clients.
    urgent: VecDeque<BlobRef>,
    queue: VecDeque<BlobRef>,
    /// What is in one of the two.
    queued: HashSet<BlobRef>,
    waiting: HashMap<BlobRef, Waiting>,
    rests: HashMap<BlobRef, Rest>,
    /// Who was connected when a peer was last looked for.
    peers: HashSet<PeerId>,
    /// Blobs that are here and whose facts are wanted.
    pub(super) unread: VecDeque<(BlobRole, BlobRef)>,
    /// Blobs that are here, and are hashed before a client is told.
    pub(super) verifying: HashSet<BlobId>,
    /// When old partial blobs were looked for.
    pub(super) tidied: Option<Instant>,
    /// Whether a blob was left alone because there is no room for it.
    pub(in crate::daemon) short_of_room: bool,
    /// When blobs that nobody needs were deleted last.
    pub(in crate::daemon) collected: Option<Instant>,
}

/// Clients that wait for a blob.
#[derive(Default)]
struct Waiting {
    answers: Vec<oneshot::Sender<Body>>,
    /// When the blob had its first turn.
    turn: Option<Instant>,
}

/// A blob that nobody could deliver.
struct Rest {
    until: Instant,
    /// Turns without a byte, one after the other.
    fruitless: u32,
    against: HashSet<PeerId>,
    /// When it was wanted last.
    wanted: Instant,
}

impl Fetches {
    /// Blobs that are fetched, or wait for it.
    pub(in crate::daemon) fn len(&self) -> usize {
        self.active.len() + self.queued.len()
    }

    fn is_known(&self, blob: &BlobRef) -> bool {
        self.active.contains_key(blob) || self.queued.contains(blob)
    }

    /// A record needs a blob.
    pub(super) fn want(&mut self, blob: BlobRef, now: Instant) {
        let rest = self.rests.get_mut(&blob);
        let resting = rest.is_some_and(|rest| {
            rest.wanted = now;
            rest.until > now
        });
        if self.is_known(&blob) || resting || self.queue.len() >= limits::FETCH_QUEUE {
            return;
        }
        self.queued.insert(blob);
        self.queue.push_back(blob);
    }

    /// A client needs a blob, which may be in line already.
    pub(super) fn want_urgently(&mut self, blob: BlobRef) {
        if self.active.contains_key(&blob) || self.urgent.contains(&blob) {
            return;
        }
        if !self.queued.insert(blob) {
            self.queue.retain(|other| *other != blob);
        }
        self.urgent.push_back(blob);
    }

    /// Remembers who is to be told; gives the answer back if too many wait.
    pub(super) fn wait(
        &mut self,
        blob: BlobRef,
        answer: oneshot::Sender<Body>,
    ) -> Option<oneshot::Sender<Body>> {
        if self.waiting.len() >= limits::FETCH_QUEUE && !self.waiting.contains_key(&blob) {
            return Some(answer);
        }
        let waiting = self.waiting.entry(blob).or_default();
        if waiting.answers.len() >= limits::FETCH_WAITERS {
            return Some(answer);
        }
        waiting.answers.push(answer);
        None
    }

    /// The next blob to fetch, if there is a place for it. `used` are the bytes of all blobs, and `quota` those that
    /// there may be: what no client asked for has to fit in beside them and what is on its way.
    pub(super) fn next(&mut self, used: u64, quota: u64, now: Instant) -> Option<BlobRef> {
        if self.active.len() >= limits::FETCHES + limits::FETCHES_FOR_CLIENTS {
            return None;
        }
        if let Some(blob) = self.urgent.pop_front() {
            return Some(self.begin(blob, now));
        }
        let automatic = self.active.keys().filter(|blob| !self.waiting.contains_key(blob)).count();
        if automatic >= limits::FETCHES {
            return None;
        }
        while let Some(blob) = self.queue.pop_front() {
            let on_its_way = self.active.values().map(Fetch::remaining);
            let total = on_its_way.fold(used.saturating_add(blob.bytes), u64::saturating_add);
            if total <= limits::AUTO_FETCH_QUOTA_BYTES.min(quota) {
                return Some(self.begin(blob, now));
            }
            self.short_of_room = true;
            // It is wanted again as long as a record needs it.
            self.queued.remove(&blob);
        }
        None
    }

    fn begin(&mut self, blob: BlobRef, now: Instant) -> BlobRef {
        self.queued.remove(&blob);
        if let Some(waiting) = self.waiting.get_mut(&blob) {
            waiting.turn.get_or_insert(now);
        }
        let against = self.rests.get(&blob).map(|rest| rest.against.clone()).unwrap_or_default();
        self.active.insert(blob, Fetch::new(blob, against, now));
        blob
    }

    /// Ends a turn that did not bring the blob: a long rest if it is hopeless, otherwise one that grows from turn to
    /// turn. A new peer ends all rests.
    pub(super) fn set_aside(&mut self, blob: BlobRef, hopeless: bool, now: Instant) {
        let Some(fetch) = self.active.remove(&blob) else { return };
        let before = self.rests.get(&blob).map_or(0, |rest| rest.fruitless);
        let fruitless = if fetch.has_progressed() { 0 } else { before.saturating_add(1) };
        // Somebody waits: then it is tried again soon.
        let doublings = if self.waiting.contains_key(&blob) { 0 } else { fruitless.min(4) };
        let pause = if hopeless { limits::BAN } else { limits::FETCH_RETRY * (1 << doublings) };
        self.rests.insert(blob, Rest { until: now + pause, fruitless, against: fetch.against, wanted: now });
    }

    /// Ends the turn of a slow blob: it goes to the end of the line. What was written stays.
    pub(super) fn send_to_the_end(&mut self, blob: BlobRef, now: Instant) {
        self.set_aside(blob, false, now);
        if let Some(rest) = self.rests.get_mut(&blob) {
            rest.until = now;
        }
        if self.waiting.contains_key(&blob) { self.want_urgently(blob) } else { self.want(blob, now) }
    }

    /// Whether somebody of the same rank, or of a higher one, is held up by this blob.
    pub(super) fn holds_up_others(&self, blob: &BlobRef) -> bool {
        let full = self.active.len() >= limits::FETCHES + limits::FETCHES_FOR_CLIENTS;
        let for_client = self.waiting.contains_key(blob);
        (full && !self.urgent.is_empty()) || (!for_client && !self.queue.is_empty())
    }

    /// A peer that was not here before may have what the others lack.
    pub(super) fn meet(&mut self, peers: &[PeerId], now: Instant) {
        if peers.iter().any(|peer| !self.peers.contains(peer)) {
            for rest in self.rests.values_mut() {
                rest.until = rest.until.min(now);
            }
        }
        self.peers = peers.iter().copied().collect();
    }

    /// Forgets clients that have gone and rests that are long over. Returns what clients wait for and is neither
    /// fetched nor in line nor at rest.
    pub(super) fn sweep(&mut self, now: Instant) -> Vec<BlobRef> {
        for waiting in self.waiting.values_mut() {
            waiting.answers.retain(|answer| !answer.is_closed());
        }
        self.waiting.retain(|_, waiting| !waiting.answers.is_empty());
        self.rests.retain(|_, rest| now.saturating_duration_since(rest.until) < limits::BAN);
        let idle = |blob: &&BlobRef| {
            let resting = self.rests.get(*blob).is_some_and(|rest| rest.until > now);
            !resting && !self.is_known(blob) && !self.verifying.contains(&blob.id)
        };
        self.waiting.keys().filter(idle).copied().collect()
    }

    /// What is wanted, was not delivered, and is at rest.
    fn resting(&self, now: Instant) -> impl Iterator<Item = BlobRef> {
        let recent = move |rest: &Rest| now.saturating_duration_since(rest.wanted) < limits::FETCH_PATIENCE;
        self.rests
            .iter()
            .filter(move |(blob, rest)| {
                !self.is_known(blob) && (recent(rest) || self.waiting.contains_key(*blob))
            })
            .map(|(blob, _)| *blob)
    }

    /// Blobs on their way: those that have their turn, those in line, and those that are at rest.
    pub(super) fn view(&self, now: Instant) -> Vec<api::Fetch> {
        let show = |blob: BlobRef, fetch: Option<&Fetch>| api::Fetch {
            blob: blob.id.to_string(),
            bytes: blob.bytes,
            done: fetch.map_or(0, Fetch::done),
            sources: fetch.map_or(0, |fetch| fetch.sources() as u64),
            active: fetch.is_some(),
        };
        let active = self.active.iter().map(|(blob, fetch)| show(*blob, Some(fetch)));
        let line = self.urgent.iter().chain(&self.queue).copied();
        active.chain(line.chain(self.resting(now)).map(|blob| show(blob, None))).collect()
    }

    /// Whether clients have waited long enough since the blob had its first turn.
    pub(super) fn patience_is_over(&self, blob: &BlobRef, now: Instant) -> bool {
        let turn = self.waiting.get(blob).and_then(|waiting| waiting.turn);
        turn.is_some_and(|turn| now.saturating_duration_since(turn) >= limits::FETCH_PATIENCE)
    }

    /// The clients that wait for a reference.
    pub(super) fn take_waiting(&mut self, blob: &BlobRef) -> Vec<oneshot::Sender<Body>> {
        self.waiting.remove(blob).map(|waiting| waiting.answers).unwrap_or_default()
    }

    /// References that clients wait for, of whatever length.
    pub(super) fn waiting_for(&self, id: BlobId) -> Vec<BlobRef> {
        self.waiting.keys().filter(|blob| blob.id == id).copied().collect()
    }

    /// The blob is here: no reference to it has to be fetched any more.
    pub(super) fn forget(&mut self, id: BlobId) {
        self.active.retain(|blob, _| blob.id != id);
        self.urgent.retain(|blob| blob.id != id);
        self.queue.retain(|blob| blob.id != id);
        self.queued.retain(|blob| blob.id != id);
        self.rests.retain(|blob, _| blob.id != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn blob(n: u8, bytes: u64) -> BlobRef {
        BlobRef { id: BlobId::new([n; 32]), bytes }
    }

    fn client(fetches: &mut Fetches, blob: BlobRef) -> oneshot::Receiver<Body> {
        let (answer, answered) = oneshot::channel();
        assert!(fetches.wait(blob, answer).is_none());
        fetches.want_urgently(blob);
        answered
    }

    #[test]
    fn a_wrong_length_takes_nothing_from_the_right_one() {
        let (mut fetches, now) = (Fetches::default(), Instant::now());
        let (right, wrong) = (blob(1, 100), blob(1, 7));
        fetches.want(wrong, now);
        fetches.want(right, now);
        assert_eq!(
            (fetches.next(0, u64::MAX, now), fetches.next(0, u64::MAX, now)),
            (Some(wrong), Some(right))
        );
        // The peer that contradicts the wrong length is no liar for the right one.
        let honest = PeerId::random();
        fetches.active.get_mut(&wrong).unwrap().against.insert(honest);
        fetches.set_aside(wrong, true, now);
        assert!(fetches.active[&right].against.is_empty());
        fetches.want(wrong, now);
        assert_eq!(fetches.next(0, u64::MAX, now), None, "a contradicted reference is not in line again");
        // Somebody new may know better; who contradicted it is not asked again.
        fetches.meet(&[honest], now);
        fetches.want(wrong, now);
        assert_eq!(fetches.next(0, u64::MAX, now), Some(wrong));
        assert!(fetches.active[&wrong].against.contains(&honest));
        fetches.forget(right.id);
        assert!(fetches.active.is_empty() && fetches.rests.is_empty());
    }

    #[test]
    fn a_client_does_not_stand_in_line_behind_what_nobody_asked_for() {
        let (mut fetches, now) = (Fetches::default(), Instant::now());
        for n in 0..100 {
            fetches.want(blob(n, 1), now);
        }
        let started = std::iter::from_fn(|| fetches.next(0, u64::MAX, now)).count();
        assert_eq!(started, limits::FETCHES);
        let mut answers: Vec<_> = (97..100).map(|n| client(&mut fetches, blob(n, 1))).collect();
        assert_eq!(fetches.next(0, u64::MAX, now), Some(blob(97, 1)), "in line already, and moved forward");
        assert_eq!(fetches.next(0, u64::MAX, now), Some(blob(98, 1)));
        assert_eq!(fetches.next(0, u64::MAX, now), None, "even a client's places are bounded");
        assert!(fetches.holds_up_others(&blob(97, 1)));

        // Time runs from the first turn on.
        let late = now + 10 * limits::FETCH_PATIENCE;
        assert!(!fetches.patience_is_over(&blob(99, 1), late));
        assert!(fetches.patience_is_over(&blob(98, 1), late));
        fetches.set_aside(blob(98, 1), false, now);
        assert_eq!(fetches.next(0, u64::MAX, now), Some(blob(99, 1)));
        assert!(fetches.sweep(now).is_empty(), "at rest");
        assert_eq!(fetches.sweep(now + limits::FETCH_RETRY), [blob(98, 1)]);
        answers.remove(1);
        assert!(fetches.sweep(now + limits::FETCH_RETRY).is_empty(), "the client has gone");
    }

    #[test]
    fn rests_grow_while_nobody_has_a_blob() {
        let (mut fetches, mut now) = (Fetches::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..6 {
            fetches.want(blob(1, 1), now);
            assert_eq!(fetches.next(0, u64::MAX, now), Some(blob(1, 1)));
            fetches.set_aside(blob(1, 1), false, now);
            let until = fetches.rests[&blob(1, 1)].until;
            pauses.push((until - now).as_secs());
            now = until;
        }
        assert_eq!(pauses, [4, 8, 16, 32, 32, 32]);
        assert!(Duration::from_secs(32) < limits::BAN);
    }

    #[test]
    fn slow_blobs_take_turns() {
        let (mut fetches, now) = (Fetches::default(), Instant::now());
        for n in 0..=limits::FETCHES as u8 {
            fetches.want(blob(n, 1), now);
        }
        while fetches.next(0, u64::MAX, now).is_some() {}
        assert!(fetches.holds_up_others(&blob(0, 1)));
        fetches.send_to_the_end(blob(0, 1), now);
        assert_eq!(fetches.next(0, u64::MAX, now), Some(blob(limits::FETCHES as u8, 1)));
        fetches.set_aside(blob(1, 1), false, now);
        assert_eq!(fetches.next(0, u64::MAX, now), Some(blob(0, 1)));
        assert!(!fetches.holds_up_others(&blob(0, 1)), "nobody waits");
    }

    #[test]
    fn what_is_on_its_way_counts_towards_the_quota() {
        let (mut fetches, now) = (Fetches::default(), Instant::now());
        let third = limits::AUTO_FETCH_QUOTA_BYTES / 3;
        for n in 0..3 {
            fetches.want(blob(n, third), now);
        }
        assert!(fetches.next(third, u64::MAX, now).is_some() && fetches.next(third, u64::MAX, now).is_some());
        assert_eq!(fetches.next(third, u64::MAX, now), None);
        assert!(fetches.short_of_room);
        let _answer = client(&mut fetches, blob(9, third));
        assert_eq!(
            fetches.next(third, u64::MAX, now),
            Some(blob(9, third)),
            "what is asked for by name finds room"
        );
    }

    #[test]
    fn what_is_at_rest_is_shown_as_long_as_it_is_wanted() {
        let (mut fetches, now) = (Fetches::default(), Instant::now());
        let (of_record, of_client) = (blob(1, 1), blob(2, 1));
        fetches.want(of_record, now);
        let answer = client(&mut fetches, of_client);
        while fetches.next(0, u64::MAX, now).is_some() {}
        fetches.set_aside(of_record, false, now);
        fetches.set_aside(of_client, false, now);
        assert_eq!(fetches.view(now).len(), 2);
        let later = now + limits::FETCH_PATIENCE;
        let shown: Vec<String> = fetches.view(later).into_iter().map(|fetch| fetch.blob).collect();
        assert_eq!(shown, [of_client.id.to_string()], "no record has asked for the other again");
        drop(answer);
        fetches.sweep(later);
        assert!(fetches.view(later).is_empty());
    }

    #[test]
    fn the_line_the_clients_and_their_places_have_bounds() {
        let (mut fetches, now) = (Fetches::default(), Instant::now());
        let id = |n: usize| BlobRef { id: BlobId::of(&n.to_be_bytes()), bytes: 1 };
        for n in 0..=limits::FETCH_QUEUE {
            fetches.want(id(n), now);
        }
        assert_eq!(fetches.queue.len(), limits::FETCH_QUEUE, "one too many is wanted again later");
        let mut answers = Vec::new();
        for n in 0..=limits::FETCH_WAITERS {
            let (answer, answered) = oneshot::channel();
            assert_eq!(fetches.wait(id(0), answer).is_some(), n == limits::FETCH_WAITERS, "client {n}");
            answers.push(answered);
        }
        let mut fetches = Fetches::default();
        let all = limits::FETCHES + limits::FETCHES_FOR_CLIENTS;
        let _answers: Vec<_> = (0..=all).map(|n| client(&mut fetches, id(n))).collect();
        let begun = std::iter::from_fn(|| fetches.next(0, u64::MAX, now)).count();
        assert_eq!(begun, all);
    }
}
