//! The records of the own key, and who has said that he holds them.

use super::Ledger;
use super::holders::Holders;
use protocol::RecordId;
use std::collections::BTreeSet;

impl Ledger {
    pub(super) fn is_own(&self, id: RecordId) -> bool {
        let set = self.state.set();
        let Some((kind, competition)) = set.kind_of(id) else { return false };
        let record = set.contest(competition).and_then(|contest| contest.record(id, kind));
        record.is_some_and(|kept| kept.item.1.to_string() == self.own)
    }

    /// The durable records of this node's own key.
    pub fn own_records(&self) -> &BTreeSet<RecordId> {
        &self.own_records.0
    }

    /// Another number whenever [`Ledger::own_records`] has changed.
    pub fn own_changes(&self) -> u64 {
        self.own_records.1
    }

    /// Who has said that he holds them.
    pub fn holders(&self) -> &Holders {
        &self.holders
    }

    /// A peer's word that it holds these records is in the store; those for which it is new, with the number of peers.
    pub fn confirmed(&mut self, peer: &[u8], ids: &[RecordId]) -> Vec<(RecordId, u64)> {
        let kept = ids.iter().filter(|id| self.own_records.0.contains(id));
        let new: Vec<RecordId> = kept.filter(|id| self.holders.note(**id, peer)).copied().collect();
        new.into_iter().map(|id| (id, self.holders.count(id))).collect()
    }
}
