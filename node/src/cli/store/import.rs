//! `node store import`

use crate::cli::backend::Backend;
use crate::cli::context::{CliError, Context};
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::client::{Client, ClientError, unexpected};
use crate::ledger::{Ledger, now};
use crate::limits;
use crate::store::{Archive, Item, Manifest};
use api::{Body, Command, ErrorKind};
use protocol::{BlobId, Kind, Outcome, Refusal, Signed, WellFormed, limits::MAX_TEST_SET_BYTES};
use schemars::JsonSchema;
use serde::Serialize;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  node store import records.tar
  node store import backup.tar --keep-times        an archive of this very node, without a running node

Takes in an archive of `node store export`, with or without a running node. Signatures and proofs are verified, records
that are known are passed over, and what is refused is counted. Records whose proofs cannot be checked for want of files
are kept and checked when the files are here. Doing it again is harmless.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// File to read.
    file: PathBuf,
    /// Believe the archive when the records were first seen, which decides what an own `node close` calls in time.
    #[arg(long)]
    keep_times: bool,
}

/// What has become of the content.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Taken {
    /// Records that are kept now.
    new: u64,
    /// Those that were kept before.
    known: u64,
    /// Those that wait for other records or for files.
    waiting: u64,
    /// Those that break a rule or have no place.
    refused: u64,
    /// Why the first of them was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_refusal: Option<String>,
    /// Files that were stored.
    files: u64,
}

struct Import<'a> {
    context: &'a Context,
    backend: Backend,
    keep_times: bool,
    progress: &'a Progress,
    /// Records that are taken in together: of one kind.
    page: (Option<Kind>, Vec<(u64, Vec<u8>)>),
    taken: Taken,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let archive = Archive::open(&self.file)?;
        let backend = Backend::open(context)?;
        if self.keep_times && backend.is_online() {
            let reason = "--keep-times needs the store itself: stop the node first (`node stop`)".to_owned();
            return Err(CliError::Usage { reason }.into());
        }
        let progress = Progress::new("importing");
        let mut import = Import {
            context,
            backend,
            keep_times: self.keep_times,
            progress: &progress,
            page: (None, Vec::new()),
            taken: Taken::default(),
        };
        let manifest = archive.read::<anyhow::Error>(|manifest, item| import.item(manifest, item))?;
        import.flush(&manifest)?;
        let taken = import.taken;
        progress.finish();
        if context.json {
            return output::json(&taken);
        }
        if let Some(reason) = &taken.first_refusal {
            output::message(&format!("the first that was refused: {reason}"));
        }
        output::data(&format!(
            "{} records are new, {} were known, {} wait, {} were refused; {} files",
            taken.new, taken.known, taken.waiting, taken.refused, taken.files
        ))
    }
}

impl Import<'_> {
    fn item(&mut self, manifest: &Manifest, item: Item<'_>) -> anyhow::Result<()> {
        match item {
            Item::Record { first_seen, bytes } => self.record(manifest, first_seen, bytes),
            Item::Blob { id, content } => self.blob(id, content),
        }
    }

    /// Copies a blob into the data folder, and adds it if it is what its name says.
    fn blob(&mut self, id: BlobId, content: &mut dyn Read) -> anyhow::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".blob-").tempfile_in(self.context.home.dir())?;
        let mut bounded = content.take(MAX_TEST_SET_BYTES as u64 + 1);
        let bytes = std::io::copy(&mut bounded, &mut file)?;
        file.flush()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(std::fs::File::open(file.path())?)?;
        let got = BlobId::new(*hasher.finalize().as_bytes());
        if got != id || bytes > MAX_TEST_SET_BYTES as u64 {
            let reason = format!("expected the blob {id} of at most {MAX_TEST_SET_BYTES} bytes, got {got}");
            return Err(CliError::Refused { reason }.into());
        }
        self.backend.add_blob(file.path())?;
        self.taken.files += 1;
        Ok(())
    }

    fn record(&mut self, manifest: &Manifest, first_seen: u64, bytes: Vec<u8>) -> anyhow::Result<()> {
        let parsed = Signed::open(&bytes).map_err(|error| error.to_string());
        let kind = parsed.and_then(|signed| {
            WellFormed::parse(&signed).map(|record| record.kind()).map_err(|error| error.to_string())
        });
        match kind {
            Ok(kind) => {
                // What refers to others is taken in after these, not beside them.
                if self.page.1.len() >= limits::IMPORT_PAGE || self.page.0 != Some(kind) {
                    self.flush(manifest)?;
                }
                let first_seen = if self.keep_times { first_seen.min(now()) } else { now() };
                self.page.0 = Some(kind);
                self.page.1.push((first_seen, bytes));
            }
            Err(reason) => self.taken.refuse(reason),
        }
        Ok(())
    }

    fn flush(&mut self, manifest: &Manifest) -> anyhow::Result<()> {
        let page = std::mem::take(&mut self.page.1);
        if page.is_empty() {
            return Ok(());
        }
        match &mut self.backend {
            Backend::Node(_) => self.taken.publish(&self.context.home.socket(), &page)?,
            Backend::Store(ledger) => self.taken.take_in(ledger, &page)?,
        }
        self.progress.report("records", self.taken.records() as f64 / manifest.records.max(1) as f64);
        Ok(())
    }
}

impl Taken {
    fn records(&self) -> u64 {
        self.new + self.known + self.waiting + self.refused
    }

    fn refuse(&mut self, reason: String) {
        self.refused += 1;
        self.first_refusal.get_or_insert(reason);
    }

    fn take_in(&mut self, ledger: &mut Ledger, page: &[(u64, Vec<u8>)]) -> anyhow::Result<()> {
        for outcome in ledger.take_in(page, true)? {
            match outcome {
                Outcome::Accepted { .. } => self.new += 1,
                Outcome::Known => self.known += 1,
                Outcome::Pending | Outcome::Checking | Outcome::Waiting { .. } => self.waiting += 1,
                Outcome::Refused(Refusal::Busy) => self.waiting += 1,
                Outcome::Refused(refusal) => self.refuse(refusal.to_string()),
            }
        }
        Ok(())
    }

    /// Hands a page to the running node, through several connections: it writes what comes together in one go.
    fn publish(&mut self, socket: &Path, page: &[(u64, Vec<u8>)]) -> anyhow::Result<()> {
        let share = page.len().div_ceil(limits::IMPORT_CLIENTS).max(1);
        let results = std::thread::scope(|scope| {
            let threads: Vec<_> =
                page.chunks(share).map(|part| scope.spawn(move || publish_all(socket, part))).collect();
            threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        for result in results {
            let bodies = result.map_err(|_| anyhow::anyhow!("a thread of the import was lost"))??;
            for body in bodies {
                match body {
                    Ok(true) => self.new += 1,
                    Ok(false) => self.known += 1,
                    Err((ErrorKind::Busy, _)) => self.waiting += 1,
                    Err((_, reason)) => self.refuse(reason),
                }
            }
        }
        Ok(())
    }
}

/// Whether each record was new, or what the node says against it.
type Answer = Result<bool, (ErrorKind, String)>;

fn publish_all(socket: &Path, records: &[(u64, Vec<u8>)]) -> Result<Vec<Answer>, ClientError> {
    let mut client = Client::connect(socket)?;
    let publish =
        |(_, bytes): &(u64, Vec<u8>)| match client.ask(Command::Import { record: hex::encode(bytes) }) {
            Ok(Body::Published { new, .. }) => Ok(Ok(new)),
            Ok(other) => Err(unexpected("import", &other)),
            // The node cannot go on: neither can this.
            Err(ClientError::Refused { kind: ErrorKind::Internal, message }) => {
                Err(ClientError::Refused { kind: ErrorKind::Internal, message })
            }
            Err(ClientError::Refused { kind, message }) => Ok(Err((kind, message))),
            Err(error) => Err(error),
        };
    records.iter().map(publish).collect()
}
