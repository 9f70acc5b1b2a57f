//! Taking records in without a running node, for the command line. Blocks.

use super::{Ledger, LedgerError, now};
use crate::store::StoredRecord;
use protocol::{Need, Outcome, RecordId, Refusal, Signed, WellFormed};
use std::collections::HashMap;

impl Ledger {
    /// Applies a record, runs everything that follows from it, and writes what is kept. For the command line
    /// without a running node. Blocks.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn publish_offline(&mut self, bytes: &[u8]) -> Result<Outcome, LedgerError> {
        let outcomes = self.take_in(&[(now(), bytes.to_vec())], false)?;
        Ok(outcomes.into_iter().next().unwrap_or(Outcome::Refused(Refusal::Busy)))
    }

    /// The same for several records, each with the time when it was first seen; the outcomes are in their order. With
    /// `keep_waiting` those that wait for blobs, and those that refer to such, are written too: they are judged when
    /// the blobs are here.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn take_in(
        &mut self,
        records: &[(u64, Vec<u8>)],
        keep_waiting: bool,
    ) -> Result<Vec<Outcome>, LedgerError> {
        let mut outcomes: HashMap<RecordId, Outcome> = HashMap::new();
        let mut updates = Vec::new();
        for (first_seen, bytes) in records {
            let (outcome, more) = self.state.apply(bytes, *first_seen);
            outcomes.entry(RecordId::of(bytes)).or_insert(outcome);
            updates.extend(more);
        }
        updates.extend(self.run_all());
        let displaced: Vec<RecordId> = outcomes
            .values()
            .chain(updates.iter().map(|update| &update.outcome))
            .flat_map(displaced_by)
            .collect();
        outcomes.extend(updates.into_iter().map(|update| (update.id, update.outcome)));
        let mut kept: Vec<StoredRecord> = outcomes.keys().filter_map(|id| self.stored(*id)).collect();
        self.written_offline(&kept)?;
        self.drop_records(&displaced)?;
        kept.clear();
        if keep_waiting {
            for (first_seen, bytes) in records {
                if let Some(Outcome::Waiting { needs }) = outcomes.get(&RecordId::of(bytes))
                    && let Some(record) = self.waiting(*first_seen, bytes, needs, &kept)?
                {
                    kept.push(record);
                }
            }
            self.store.put(&kept)?;
        }
        let outcome = |(_, bytes): &(u64, Vec<u8>)| outcomes.get(&RecordId::of(bytes)).cloned();
        Ok(records.iter().map(|record| outcome(record).unwrap_or(Outcome::Refused(Refusal::Busy))).collect())
    }

    fn written_offline(&mut self, records: &[StoredRecord]) -> Result<(), LedgerError> {
        self.store.put(records)?;
        for record in records {
            self.accepted(RecordId::new(record.id), RecordId::new(record.competition));
        }
        self.written(records);
        Ok(())
    }

    /// A record that waits, to be stored unless it refers to one that is neither stored nor in `kept`.
    fn waiting(
        &self,
        first_seen: u64,
        bytes: &[u8],
        needs: &[Need],
        kept: &[StoredRecord],
    ) -> Result<Option<StoredRecord>, LedgerError> {
        for need in needs {
            if let Need::Record(id) = need
                && !kept.iter().any(|record| record.id == *id.as_bytes())
                && self.store.get(id.as_bytes())?.is_none()
            {
                return Ok(None);
            }
        }
        // The core has parsed it before it let it wait.
        let Some(signed) = Signed::open(bytes).ok() else { return Ok(None) };
        let Ok(record) = WellFormed::parse(&signed) else { return Ok(None) };
        Ok(Some(StoredRecord {
            id: *signed.id().as_bytes(),
            competition: *record.competition().as_bytes(),
            first_seen,
            verify_us: 0,
            in_outbox: signed.author().to_string() == self.own,
            bytes: bytes.to_vec(),
        }))
    }
}

fn displaced_by(outcome: &Outcome) -> Vec<RecordId> {
    match outcome {
        Outcome::Accepted { displaced } => displaced.clone(),
        _ => Vec::new(),
    }
}
