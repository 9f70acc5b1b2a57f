//! Prizes on a chain: looked at every so often, for boards. Nothing here decides on any record.

use super::{Daemon, Done};
use crate::chain::watch::Watch;
use crate::ledger::now;
use crate::limits;
use api::{CompetitionSummary, Event, PrizeStatus};
use protocol::RecordId;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Instant;

/// What the chain was last seen to say.
#[derive(Default)]
pub(super) struct Prizes {
    /// None if no chain was named, or while it is away looking.
    watch: Option<Box<Watch>>,
    /// When it last came back.
    looked: Option<Instant>,
    /// The last competition that was looked at: the next ones follow it.
    last: Option<RecordId>,
    seen: BTreeMap<RecordId, PrizeStatus>,
}

/// A watch that comes back, and what it saw.
pub(super) struct Looked {
    watch: Box<Watch>,
    seen: Vec<(RecordId, PrizeStatus)>,
}

impl Prizes {
    pub(super) fn new(watch: Option<Watch>) -> Self {
        Self { watch: watch.map(Box::new), ..Self::default() }
    }

    fn is_due(&self) -> bool {
        let pause = |watch: &Watch| {
            if watch.is_local() { limits::CHAIN_LOOK_LOCAL } else { limits::CHAIN_LOOK }
        };
        let rested = |watch: &Watch| self.looked.is_none_or(|looked| looked.elapsed() >= pause(watch));
        self.watch.as_deref().is_some_and(rested)
    }

    /// Completes what is shown of a competition.
    pub(super) fn complete(&self, summary: &mut CompetitionSummary) {
        let Some(prize) = &mut summary.prize else { return };
        if let Some(status) = summary.id.parse().ok().and_then(|id: RecordId| self.seen.get(&id)) {
            prize.status = status.clone();
        }
    }
}

/// The next of these after `last`, in order of their ids and round again: nobody can crowd others out.
fn turn<T: Clone>(all: &BTreeMap<RecordId, T>, last: Option<RecordId>) -> Vec<(RecordId, T)> {
    let later = last.map_or(Bound::Unbounded, Bound::Excluded);
    let again = last.into_iter().flat_map(|last| all.range(..=last));
    let inorder = all.range((later, Bound::Unbounded)).chain(again);
    inorder.take(limits::CHAIN_LOOKS_AT_ONCE).map(|(id, value)| (*id, value.clone())).collect()
}

impl Daemon {
    /// Looks at the chain, unless that was done just now or is going on.
    pub(super) fn look_at_prizes(&mut self) {
        if !self.prizes.is_due() {
            return;
        }
        let contests = self.ledger.state().set().contests();
        let named = contests.filter(|contest| contest.competition().item.body().prize.is_some());
        let all: BTreeMap<_, _> =
            named.map(|contest| (contest.id(), Arc::clone(&contest.competition().item))).collect();
        self.prizes.seen.retain(|id, _| all.contains_key(id));
        let records = turn(&all, self.prizes.last);
        self.prizes.last = records.last().map(|(id, _)| *id);
        if records.is_empty() {
            self.prizes.looked = Some(Instant::now());
            return;
        }
        let Some(mut watch) = self.prizes.watch.take() else { return };
        self.tasks.spawn_blocking(move || {
            let seen = watch.look(&records, now());
            Done::Looked(Looked { watch, seen })
        });
    }

    pub(super) fn on_looked(&mut self, looked: Looked) {
        self.prizes.watch = Some(looked.watch);
        self.prizes.looked = Some(Instant::now());
        for (id, status) in looked.seen {
            let said = said(&status);
            if self.prizes.seen.insert(id, status).as_ref().map(self::said) != Some(said.clone()) {
                self.tell(Event::PrizeChanged { competition: id.to_string(), said });
            }
        }
    }
}

/// What is news if it changes.
fn said(status: &PrizeStatus) -> String {
    let prize =
        api::Prize { chain_id: 0, contract: String::new(), id: String::new(), status: status.clone() };
    prize.said()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_competition_has_its_turn() {
        let most = limits::CHAIN_LOOKS_AT_ONCE;
        let all: BTreeMap<_, _> = (0..most + 5).map(|i| (RecordId::of(&i.to_le_bytes()), i)).collect();
        let first = turn(&all, None);
        assert_eq!(first.len(), most);
        let next = turn(&all, first.last().map(|(id, _)| *id));
        let seen: BTreeMap<_, _> = first.iter().chain(&next).copied().collect();
        assert_eq!((next.len(), seen), (most, all));
        let few = BTreeMap::from([(RecordId::of(b"a"), 1)]);
        let last = turn(&few, None).pop().map(|(id, _)| id);
        assert_eq!((turn(&few, last).len(), turn::<u8>(&BTreeMap::new(), last).len()), (1, 0));
    }
}
