//! Accepted records on their way to the disk, and what follows once they are there: acknowledgement and gossip.

use super::records::Source;
use super::{Daemon, Done};
use crate::store::{Store, StoreError, StoredRecord};
use crate::views;
use api::{Body, ErrorKind, Event};
use protocol::{Outcome, RecordId, Refusal, Verdict};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl Daemon {
    /// Writes what has been accepted, all that has come together in one go.
    pub(super) fn pump_writes(&mut self) {
        if !self.records.in_write.is_empty() || self.records.unwritten.is_empty() {
            return;
        }
        let ids = std::mem::take(&mut self.records.unwritten);
        let records: Vec<StoredRecord> = ids.iter().filter_map(|id| self.ledger.stored(*id)).collect();
        self.records.in_write = ids.into_iter().collect();
        let store = Arc::clone(self.ledger.store());
        self.tasks.spawn_blocking(move || Done::Written(write(store.as_ref(), records)));
    }

    /// Records are durable, or the disk has failed: those who wait are told.
    pub(super) fn on_written(&mut self, written: Vec<(StoredRecord, Result<(), StoreError>)>) {
        let mut waiting = std::mem::take(&mut self.records.in_write);
        for (record, result) in written {
            let id = RecordId::new(record.id);
            waiting.remove(&id);
            let sources = self.take_waiters(&id);
            match result {
                Ok(()) => {
                    self.ledger.written(std::slice::from_ref(&record));
                    self.acknowledge(id, &record, sources);
                }
                Err(error) => {
                    self.records.unwritable.push(id);
                    if let StoreError::NoSpace(no_space) = &error {
                        self.disk.is_full(no_space);
                    }
                    self.not_written(sources, &error);
                    if error.is_fatal() {
                        self.fail(error);
                    }
                }
            }
        }
        // Displaced before they were written: nobody shall wait for them.
        for id in waiting {
            self.records.quiet.remove(&id);
            let sources = self.take_waiters(&id);
            self.answer(id, sources, &Outcome::Refused(Refusal::Busy));
        }
    }

    fn acknowledge(&mut self, id: RecordId, record: &StoredRecord, sources: Vec<Source>) {
        if record.in_outbox {
            self.records.outbox.insert(id);
        }
        let mut publish = record.in_outbox;
        let verdict = if self.records.quiet.remove(&id) { Verdict::Ignore } else { Verdict::Accept };
        for source in sources {
            match source {
                Source::Gossip { peer, message } => self.report(&message, peer, verdict),
                Source::Peer { .. } => {}
                Source::Client { answer } => {
                    publish = true;
                    let _ = answer.send(Body::Published { id: id.to_string(), new: true });
                }
            }
        }
        if publish {
            self.publish(id, record.bytes.clone());
        }
        if let Some((kind, competition)) = self.ledger.state().set().kind_of(id) {
            tracing::debug!(record = %id.short(), %kind, verify_us = record.verify_us, "accepted");
            let (summary, verify_us) =
                (views::describe(&self.ledger, id, kind, competition), record.verify_us);
            let (kind, id, competition) = (kind.to_string(), id.to_string(), competition.to_string());
            self.tell(Event::RecordAccepted { kind, id, competition, summary, verify_us });
        }
    }

    fn not_written(&mut self, sources: Vec<Source>, error: &StoreError) {
        let kind = match error {
            // It stays, and is written when there is room: see `Daemon::sweep_sources`.
            StoreError::NoSpace(_) => ErrorKind::Busy,
            _ => {
                tracing::error!(%error, "a record was not written");
                ErrorKind::Internal
            }
        };
        for source in sources {
            match source {
                Source::Gossip { peer, message } => self.report(&message, peer, Verdict::Ignore),
                Source::Peer { .. } => {}
                Source::Client { answer } => {
                    let body = Body::Error { kind, message: error.to_string() };
                    let _ = answer.send(body);
                }
            }
        }
    }
}

/// sled panics where it has lost hope in its files: an error like any other, to be survived.
pub(super) fn survived(work: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(std::io::Error::other("the database gave up on writing").into()))
}

/// All records at once; if that fails, each by itself, so that one that cannot be written holds up no other.
fn write(store: &dyn Store, records: Vec<StoredRecord>) -> Vec<(StoredRecord, Result<(), StoreError>)> {
    let put = |records: &[StoredRecord]| survived(|| store.put(records).map(|_| ()));
    if put(&records).is_ok() {
        return records.into_iter().map(|record| (record, Ok(()))).collect();
    }
    let alone = |record: StoredRecord| {
        let result = put(std::slice::from_ref(&record));
        (record, result)
    };
    records.into_iter().map(alone).collect()
}

#[cfg(test)]
mod tests {
    use super::super::records::Records;
    use super::*;
    use crate::limits;
    use crate::store::MemoryStore;

    #[test]
    fn one_record_that_cannot_be_written_holds_up_no_other() {
        let record = |id: u8, len: usize| StoredRecord {
            id: [id; 32],
            competition: [0; 32],
            first_seen: 1,
            verify_us: 0,
            in_outbox: false,
            bytes: vec![id; len],
        };
        let store = MemoryStore::new();
        let records = vec![record(1, 10), record(2, limits::RECORD_MAX_BYTES + 1), record(3, 10)];
        let written = write(&store, records);
        let ok: Vec<bool> = written.iter().map(|(_, result)| result.is_ok()).collect();
        assert_eq!(ok, [true, false, true]);
        assert_eq!(store.len(), 2);
    }

    #[test]
    fn a_full_outbox_is_noticed_before_anything_is_kept() {
        let id = |n: usize| RecordId::of(&n.to_be_bytes());
        let mut records = Records::new((1..limits::OUTBOX).map(id).collect());
        assert!(!records.outbox_is_full());
        records.unwritten.push(id(0));
        assert!(records.outbox_is_full());
        assert!(records.is_unwritten(&id(0)) && !records.is_unwritten(&id(1)));
    }
}
