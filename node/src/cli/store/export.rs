//! `node store export`

use crate::cli::backend::Backend;
use crate::cli::context::{CliError, Context};
use crate::cli::output;
use crate::cli::printed::StoreExported;
use crate::cli::progress::Progress;
use crate::client::{Client, ClientError};
use crate::limits;
use crate::store::{Id, Manifest, Opening, SledStore, Store, Writer};
use protocol::{BlobId, Kind, RecordId, Signed, TestSetTerms, WellFormed};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  node store export records.tar
  node store export records.tar --files

A plain tar archive, with or without a running node: manifest.json, then records/<id>, one signed envelope each (a libp2p
signed envelope; its payload is canonical CBOR), by competition and in an order in which what a record refers to comes
before it. The name of a file is the BLAKE3 of its bytes; its time is when the record was first seen here. With --files,
blobs/<id> come first: the verifying keys and test sets that are here. The file is there whole or not at all.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// File to write.
    file: PathBuf,
    /// With the verifying keys and test sets: whoever imports it can check every proof without peers.
    #[arg(long)]
    files: bool,
}

/// Where records come from, by their place in the archive.
enum Records {
    Node(Box<Backend>, Vec<RecordId>),
    Store(SledStore, Vec<RecordId>),
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let progress = Progress::new("exporting");
        let told = |step: &str, part: f64| progress.report(step, part);
        let mut records = match Client::connect(&context.home.socket()) {
            Ok(client) => of_node(Backend::Node(client))?,
            Err(ClientError::NotRunning { .. }) => {
                context.home.identity()?;
                let opening = Opening { progress: &told, ..Opening::default() };
                of_store(SledStore::open_with(&context.home.store(), &opening)?)?
            }
            Err(error) => return Err(error.into()),
        };
        let ids = records.ids().to_vec();
        let files =
            if self.files { files(&mut records, &ids, &context.home.blobs())? } else { BTreeSet::new() };
        let manifest = Manifest::of(&ids.iter().copied().collect(), files.len() as u64);
        let mut writer = Writer::create(&self.file, &manifest)?;
        for id in &files {
            writer.blob(*id, &context.home.blobs().join(id.to_string()))?;
        }
        for (n, id) in ids.iter().enumerate() {
            let (first_seen, bytes) = records.get(*id)?;
            writer.record(first_seen, &bytes)?;
            if n.is_multiple_of(64) {
                told("records", n as f64 / ids.len() as f64);
            }
        }
        let bytes = writer.finish()?;
        progress.finish();
        let path = std::path::absolute(&self.file)?.display().to_string();
        if context.json {
            return output::json(&StoreExported {
                file: path,
                bytes,
                records: manifest.records,
                files: manifest.blobs,
                fingerprint: manifest.fingerprint,
            });
        }
        output::message(&format!(
            "{} records, {} files, {}",
            manifest.records,
            manifest.blobs,
            output::bytes(bytes)
        ));
        output::data(&path)
    }
}

impl Records {
    fn ids(&self) -> &[RecordId] {
        match self {
            Self::Node(_, ids) | Self::Store(_, ids) => ids,
        }
    }

    fn get(&mut self, id: RecordId) -> anyhow::Result<(u64, Vec<u8>)> {
        match self {
            Self::Node(backend, _) => backend.stored(&id.to_string()),
            Self::Store(store, _) => {
                let record = store.get(id.as_bytes())?;
                let record = record.ok_or(CliError::Unknown { kind: "record", prefix: id.to_string() })?;
                Ok((record.first_seen, record.bytes))
            }
        }
    }
}

fn of_node(mut backend: Backend) -> anyhow::Result<Records> {
    let mut ids = Vec::new();
    for competition in backend.competitions()? {
        for id in backend.record_ids(&competition.id)? {
            ids.push(id.parse()?);
        }
    }
    Ok(Records::Node(Box::new(backend), ids))
}

/// All records of the store that open, by competition and kind.
fn of_store(store: SledStore) -> anyhow::Result<Records> {
    let (mut places, mut after, mut damaged) = (Vec::new(), None::<Id>, 0);
    loop {
        let ids = store.ids_after(after.as_ref(), limits::MIGRATION_PAGE)?;
        let Some(last) = ids.last() else { break };
        after = Some(*last);
        for id in ids {
            let Some(record) = store.get(&id)? else { continue };
            let signed = Signed::open(&record.bytes).ok().filter(|signed| *signed.id().as_bytes() == id);
            match signed.and_then(|signed| WellFormed::parse(&signed).ok()) {
                Some(parsed) => places.push((record.competition, place(parsed.kind()), RecordId::new(id))),
                None => damaged += 1,
            }
        }
    }
    if damaged > 0 {
        output::message(&format!("{damaged} records are damaged and left out: see `node store check`"));
    }
    places.sort_unstable();
    let ids = places.into_iter().map(|(_, _, id)| id).collect();
    Ok(Records::Store(store, ids))
}

/// As [`protocol::Contest::records`] orders them: entries on a roster have a place by the reveal.
fn place(kind: Kind) -> u8 {
    match kind {
        Kind::Competition => 0,
        Kind::Reveal => 1,
        Kind::Entry => 2,
        Kind::Withdrawal => 3,
        Kind::Submission => 4,
        Kind::Close => 5,
        Kind::Misbehaviour => 6,
    }
}

/// The verifying keys and test sets of these records that are here.
fn files(records: &mut Records, ids: &[RecordId], blobs: &Path) -> anyhow::Result<BTreeSet<BlobId>> {
    let mut wanted = BTreeSet::new();
    for id in ids {
        let (_, bytes) = records.get(*id)?;
        match WellFormed::parse(&Signed::open(&bytes)?)? {
            WellFormed::Competition(record) => {
                wanted.extend(record.body().size_classes.iter().map(|class| class.verifying_key.id));
                if let TestSetTerms::Open { blob, .. } = &record.body().test_set {
                    wanted.insert(blob.id);
                }
            }
            WellFormed::Reveal(record) => {
                wanted.insert(record.body().test_set.id);
            }
            _ => {}
        }
    }
    wanted.retain(|id| blobs.join(id.to_string()).is_file());
    Ok(wanted)
}
