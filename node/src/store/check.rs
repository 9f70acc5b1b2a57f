//! What is wrong with a store and with the blobs beside it. Nothing is changed.

use super::database::Database;
use super::layout::{Key, RECORD, index_key, key, record};
use super::open::{Progress, guarded};
use super::{Id, SledStore, Store, StoreError, StoredRecord};
use crate::limits;
use libp2p::PeerId;
use protocol::{BlobId, RecordId, Signed, WellFormed};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// What it is about.
    pub what: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub got: String,
}

/// What was looked at, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Report {
    /// Records whose signatures were verified.
    pub records: u64,
    /// Entries of the index by competition.
    pub index: u64,
    /// Own records that wait for a peer.
    pub outbox: u64,
    /// Peers' words that they hold an own record.
    pub confirmations: u64,
    /// Blobs that were hashed.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// The first [`FINDINGS`](limits::FINDINGS) things that are wrong.
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub more: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty() && self.more == 0
    }

    fn find(&mut self, what: impl Into<String>, expected: impl Into<String>, got: impl Into<String>) {
        if self.findings.len() < limits::FINDINGS {
            let finding = Finding { what: what.into(), expected: expected.into(), got: got.into() };
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }
}

/// Verifies every record's signature and its place in the index, the entries of the outbox, the confirmations, and
/// every whole blob in `blobs` against its name. `own` is this node's peer id.
///
/// # Errors
/// If the disk fails, or the database cannot be read at all.
pub fn check(
    store: &SledStore,
    blobs: &Path,
    own: &str,
    progress: Progress<'_>,
) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let all = store.len().max(1) as f64;
    let mut held: BTreeMap<Id, usize> = BTreeMap::new();
    for entry in store.db.iter() {
        let (at, value) = guarded(&store.path, || entry)?;
        match Key::parse(&at) {
            Some(Key::Schema) => {}
            Some(Key::Record(id)) => {
                check_record(store, &mut report, &id, &value)?;
                report.records += 1;
                if report.records.is_multiple_of(64) {
                    progress("records", report.records as f64 / all);
                }
            }
            Some(Key::Index { competition, id }) => {
                report.index += 1;
                let what = format!("index entry of record {}", hex::encode(id));
                match lookup(store, &id)? {
                    Lookup::Nothing => report.find(what, "a record of this competition", "no record"),
                    Lookup::Record(record) if record.competition != competition => {
                        report.find(what, "a record of this competition", "one of another");
                    }
                    Lookup::Record(_) | Lookup::Damaged => {}
                }
            }
            Some(Key::Outbox(id)) => {
                report.outbox += 1;
                let what = format!("outbox entry of record {}", hex::encode(id));
                check_own(store, &mut report, what, &id, own)?;
            }
            Some(Key::Held { id, peer }) => {
                report.confirmations += 1;
                let what = format!("confirmation of record {}", hex::encode(id));
                if let Err(error) = PeerId::from_bytes(peer) {
                    report.find(what.clone(), "a peer id", error.to_string());
                }
                let holders = held.entry(id).or_default();
                *holders += 1;
                if *holders == 1 {
                    check_own(store, &mut report, what, &id, own)?;
                } else if *holders == limits::HOLDERS + 1 {
                    report.find(what, format!("at most {} peers", limits::HOLDERS), "more");
                }
            }
            None => report.find("key", "one of a known kind", format!("{} bytes", at.len())),
        }
    }
    check_blobs(&mut report, blobs, progress)?;
    Ok(report)
}

/// What lies under the id of a record.
enum Lookup {
    Nothing,
    /// It is reported where it lies.
    Damaged,
    Record(StoredRecord),
}

fn lookup(store: &SledStore, id: &Id) -> Result<Lookup, StoreError> {
    let value = store.db.get(key(RECORD, id)).map_err(|e| store.error(e))?;
    Ok(value.map_or(Lookup::Nothing, |value| record(id, &value).map_or(Lookup::Damaged, Lookup::Record)))
}

fn check_record(store: &SledStore, report: &mut Report, id: &Id, value: &[u8]) -> Result<(), StoreError> {
    let what = format!("record {}", hex::encode(id));
    let Some(StoredRecord { competition, bytes, .. }) = record(id, value) else {
        report.find(what, "a header and an envelope", format!("{} bytes", value.len()));
        return Ok(());
    };
    let got = RecordId::of(&bytes);
    if got.as_bytes() != id {
        report.find(what.clone(), "bytes with this digest", got.to_string());
    }
    match Signed::open(&bytes).map_err(|e| e.to_string()).and_then(|signed| well_formed(&signed)) {
        Ok(of) if *of.as_bytes() != competition => {
            report.find(what.clone(), format!("competition {of}"), hex::encode(competition));
        }
        Ok(_) => {}
        Err(error) => report.find(what.clone(), "a signed record", error),
    }
    if !store.db.contains_key(index_key(&competition, id)).map_err(|e| store.error(e))? {
        report.find(what, "an entry in the index", "none");
    }
    Ok(())
}

fn well_formed(signed: &Signed) -> Result<RecordId, String> {
    WellFormed::parse(signed).map(|record| record.competition()).map_err(|error| error.to_string())
}

/// Own records alone are in the outbox and confirmed.
fn check_own(
    store: &SledStore,
    report: &mut Report,
    what: String,
    id: &Id,
    own: &str,
) -> Result<(), StoreError> {
    let record = match lookup(store, id)? {
        Lookup::Record(record) => record,
        Lookup::Damaged => return Ok(()),
        Lookup::Nothing => {
            report.find(what, "a record", "none");
            return Ok(());
        }
    };
    // A record that does not open is reported by itself.
    if let Ok(signed) = Signed::open(&record.bytes)
        && signed.author().to_string() != own
    {
        report.find(what, format!("a record of {own}"), format!("one of {}", signed.author()));
    }
    Ok(())
}

/// Hashes every whole blob; files of other names are on their way, or nobody's.
fn check_blobs(report: &mut Report, dir: &Path, progress: Progress<'_>) -> Result<(), StoreError> {
    if !dir.exists() {
        return Ok(());
    }
    let mut blobs = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if let Ok(id) = entry.file_name().to_string_lossy().parse::<BlobId>() {
            blobs.push((id, entry.path(), entry.metadata()?.len()));
        }
    }
    let all = blobs.iter().map(|(_, _, bytes)| bytes).sum::<u64>().max(1) as f64;
    for (id, path, bytes) in blobs {
        progress("blobs", report.blob_bytes as f64 / all);
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(&path)?)?;
        let got = BlobId::new(*hasher.finalize().as_bytes());
        if got != id {
            report.find(format!("blob {id}"), "bytes with this digest", got.to_string());
        }
        report.blobs += 1;
        report.blob_bytes += bytes;
    }
    Ok(())
}

/// Number of entries and a hash over all of them, in order.
pub(super) fn fingerprint(db: &Database, path: &Path) -> Result<(u64, blake3::Hash), StoreError> {
    let (mut count, mut hasher) = (0, blake3::Hasher::new());
    for entry in db.iter() {
        let (key, value) = guarded(path, || entry)?;
        for part in [&key, &value] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        count += 1;
    }
    Ok((count, hasher.finalize()))
}
