//! The running node, or without one the store itself.

use super::context::{CliError, Context};
use super::output::message;
use super::progress::Progress;
use crate::client::{Client, ClientError, unexpected};
use crate::home::Home;
use crate::ledger::{Ledger, now};
use crate::limits;
use crate::needed;
use crate::prover::Contest;
use crate::views::{self, PeerCounts};
use anyhow::Context as _;
use api::{Body, Command, CompetitionSummary, ErrorKind, Found, OwnRecord};
use protocol::{BlobRef, Outcome, RecordId};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Records that are being checked are waited for so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where commands read and write.
pub enum Backend {
    /// Through the running node's socket.
    Node(Client),
    /// The store of the data folder, opened by this process.
    Store(Box<Ledger>),
}

impl Backend {
    /// The running node if there is one, otherwise the store.
    pub fn open(context: &Context) -> anyhow::Result<Self> {
        match Client::connect(&context.home.socket()) {
            Ok(client) => Ok(Self::Node(client)),
            Err(ClientError::NotRunning { .. }) => {
                let own = context.home.identity()?.keypair.public().to_peer_id().to_string();
                message("no node is running: working on the store of the data folder");
                let progress = Progress::new("the store");
                let ledger = Ledger::open(&context.home, own, &|step, part| progress.report(step, part))?;
                progress.clear();
                Ok(Self::Store(Box::new(ledger)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether what is published reaches peers now.
    pub fn is_online(&self) -> bool {
        matches!(self, Self::Node(_))
    }

    /// All competitions, newest first.
    pub fn competitions(&mut self) -> anyhow::Result<Vec<CompetitionSummary>> {
        match self {
            Self::Node(client) => match client.ask(Command::Competitions)? {
                Body::Competitions { competitions } => Ok(competitions),
                other => Err(unexpected("competitions", &other).into()),
            },
            Self::Store(ledger) => Ok(views::competitions(ledger, now())),
        }
    }

    /// A competition with its board. `id` is whole.
    pub fn board(&mut self, id: &str) -> anyhow::Result<api::Board> {
        match self {
            Self::Node(client) => match client.ask(Command::Board { competition: id.to_owned() })? {
                Body::Board(board) => Ok(*board),
                other => Err(unexpected("board", &other).into()),
            },
            Self::Store(ledger) => {
                views::board(ledger, id, now(), &|_, _| PeerCounts::default()).map_err(refused)
            }
        }
    }

    /// The entries of a competition. `id` is whole.
    pub fn entries(&mut self, id: &str) -> anyhow::Result<Vec<api::Entry>> {
        match self {
            Self::Node(client) => match client.ask(Command::Entries { competition: id.to_owned() })? {
                Body::Entries { entries } => Ok(entries),
                other => Err(unexpected("entries", &other).into()),
            },
            Self::Store(ledger) => views::entries(ledger, id).map_err(refused),
        }
    }

    /// The submissions of a competition. `id` is whole.
    pub fn submissions(&mut self, id: &str) -> anyhow::Result<Vec<api::Submission>> {
        match self {
            Self::Node(client) => match client.ask(Command::Submissions { competition: id.to_owned() })? {
                Body::Submissions { submissions } => Ok(submissions),
                other => Err(unexpected("submissions", &other).into()),
            },
            Self::Store(ledger) => views::submissions(ledger, id).map_err(refused),
        }
    }

    /// A competition with its reveals. `id` is whole.
    pub fn contest(&mut self, id: &str) -> anyhow::Result<Contest> {
        let summary = self.board(id)?.competition;
        let mut contest = Contest::parse(&self.record(id)?)?;
        for reveal in summary.reveals {
            contest = contest.with_reveal(&self.record(&reveal.id)?)?;
        }
        Ok(contest)
    }

    /// The id of the host's first close, if any is known. `id` is whole.
    pub fn closed(&mut self, id: &str) -> anyhow::Result<Option<String>> {
        Ok(self.board(id)?.competition.closes.into_iter().next().map(|close| close.id))
    }

    /// Refuses if the host has closed the competition.
    pub fn check_not_closed(&mut self, id: &str) -> anyhow::Result<()> {
        match self.closed(id)? {
            Some(close) => {
                let reason = format!("the host has closed this competition: {close}");
                Err(CliError::Refused { reason }.into())
            }
            None => Ok(()),
        }
    }

    /// Before a host says once and for all what was there: a node must be running, as otherwise nothing has come from
    /// others, and what is being checked gets some time.
    pub fn settle(&mut self, id: &str) -> anyhow::Result<()> {
        if !self.is_online() {
            let reason = "no node is running, so that what others have published may be missing here: start one with \
                          `node run`, and wait until it has caught up";
            return Err(CliError::Refused { reason: reason.to_owned() }.into());
        }
        let start = Instant::now();
        loop {
            let pending = self.board(id)?.pending;
            if pending == 0 {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                message(&format!("{pending} records are still being checked and not looked at"));
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Finds the one record of a kind (any kind if empty) whose id starts so.
    pub fn resolve(&mut self, kind: &'static str, prefix: &str) -> anyhow::Result<Found> {
        let found = match self {
            Self::Node(client) => match client.ask(Command::Find { prefix: prefix.to_owned() })? {
                Body::Found { records } => records,
                other => return Err(unexpected("find", &other).into()),
            },
            Self::Store(ledger) => views::find(ledger, prefix).map_err(refused)?,
        };
        let mut found: Vec<Found> = found.into_iter().filter(|f| kind.is_empty() || f.kind == kind).collect();
        if found.len() > 1 {
            let candidates = found.iter().map(|f| format!("{} {}", f.kind, f.id)).collect();
            return Err(CliError::Ambiguous { prefix: prefix.to_owned(), candidates }.into());
        }
        let kind = if kind.is_empty() { "record" } else { kind };
        found.pop().ok_or_else(|| CliError::Unknown { kind, prefix: prefix.to_owned() }.into())
    }

    /// The ids of all records of a competition, in the order of kinds. `id` is whole.
    pub fn record_ids(&mut self, id: &str) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Node(client) => match client.ask(Command::RecordIds { competition: id.to_owned() })? {
                Body::Ids { ids } => Ok(ids),
                other => Err(unexpected("record ids", &other).into()),
            },
            Self::Store(ledger) => views::record_ids(ledger, id).map_err(refused),
        }
    }

    /// The signed bytes of a record. `id` is whole.
    pub fn record(&mut self, id: &str) -> anyhow::Result<Vec<u8>> {
        let record = match self {
            Self::Node(client) => match client.ask(Command::Record { id: id.to_owned() })? {
                Body::Records { mut records } => records.pop().context("the node answered with no record")?,
                other => return Err(unexpected("record", &other).into()),
            },
            Self::Store(ledger) => views::record(ledger, id).map_err(refused)?,
        };
        hex::decode(record).context("the record is not in hexadecimal digits")
    }

    /// When a record was first seen here, and its signed bytes. `id` is whole.
    pub fn stored(&mut self, id: &str) -> anyhow::Result<(u64, Vec<u8>)> {
        match self {
            Self::Node(client) => match client.ask(Command::Stored { id: id.to_owned() })? {
                Body::Stored { record, first_seen } => {
                    let bytes = hex::decode(record).context("the record is not in hexadecimal digits")?;
                    Ok((first_seen, bytes))
                }
                other => Err(unexpected("stored", &other).into()),
            },
            Self::Store(ledger) => {
                views::stored(ledger, id).map(|record| (record.first_seen, record.bytes)).map_err(refused)
            }
        }
    }

    /// Stores, checks and publishes a record; true if it is new.
    pub fn publish(&mut self, record: &[u8]) -> anyhow::Result<bool> {
        match self {
            Self::Node(client) => match client.ask(Command::Publish { record: hex::encode(record) })? {
                Body::Published { new, .. } => Ok(new),
                other => Err(unexpected("publish", &other).into()),
            },
            Self::Store(ledger) => match ledger.publish_offline(record)? {
                Outcome::Accepted { .. } => Ok(true),
                Outcome::Known => Ok(false),
                Outcome::Refused(refusal) => Err(CliError::Refused { reason: refusal.to_string() }.into()),
                other => {
                    let reason = format!("it cannot be judged: {other:?}");
                    Err(CliError::Refused { reason }.into())
                }
            },
        }
    }

    /// The records of the own key, newest first.
    pub fn own(&mut self) -> anyhow::Result<Vec<OwnRecord>> {
        match self {
            Self::Node(client) => match client.ask(Command::Own)? {
                Body::Own { records } => Ok(records),
                other => Err(unexpected("own", &other).into()),
            },
            Self::Store(ledger) => Ok(views::own(ledger, &waiting(ledger)?)),
        }
    }

    /// One of them. `id` is whole.
    pub fn held(&mut self, id: &str) -> anyhow::Result<OwnRecord> {
        match self {
            Self::Node(client) => match client.ask(Command::Held { id: id.to_owned() })? {
                Body::Own { mut records } => records.pop().context("the node answered with no record"),
                other => Err(unexpected("held", &other).into()),
            },
            Self::Store(ledger) => views::held(ledger, id, &waiting(ledger)?).map_err(refused),
        }
    }

    /// Connected peers; none without a running node.
    pub fn peers(&mut self) -> anyhow::Result<Vec<api::Peer>> {
        match self {
            Self::Node(client) => match client.ask(Command::Peers)? {
                Body::Peers { peers, .. } => Ok(peers),
                other => Err(unexpected("peers", &other).into()),
            },
            Self::Store(_) => Ok(Vec::new()),
        }
    }

    /// Stores a copy of a file as a blob.
    pub fn add_blob(&mut self, path: &Path) -> anyhow::Result<BlobRef> {
        let path = std::path::absolute(path)?;
        match self {
            Self::Node(client) => match client.ask(Command::AddBlob { path: path.display().to_string() })? {
                Body::BlobStored { blob, bytes, .. } => Ok(BlobRef { id: blob.parse()?, bytes }),
                other => Err(unexpected("add blob", &other).into()),
            },
            Self::Store(ledger) => Ok(ledger.blobs().add_file(&path, limits::BLOB_MAX_BYTES)?),
        }
    }

    /// Where a blob lies, fetched first if need be. `what` names it for people.
    pub fn get_blob(&mut self, blob: BlobRef, what: &str) -> anyhow::Result<PathBuf> {
        match self {
            Self::Node(client) => {
                let command = Command::GetBlob { blob: blob.id.to_string(), bytes: blob.bytes };
                match client.ask(command).with_context(|| format!("getting {what}"))? {
                    Body::BlobStored { path, .. } => Ok(path.into()),
                    other => Err(unexpected("get blob", &other).into()),
                }
            }
            Self::Store(ledger) if ledger.blobs().has(blob) => {
                // The node does the same before it answers: a damaged blob is deleted, and fetched again later.
                ledger.blobs().verify_or_discard(blob.id).with_context(|| format!("reading {what}"))?;
                Ok(ledger.blobs().path(blob.id))
            }
            Self::Store(_) => Err(CliError::NotHere { what: what.to_owned() }.into()),
        }
    }

    /// The blobs that are here and those that competitions name, with the bytes in use and those that may be.
    pub fn blobs(&mut self) -> anyhow::Result<(Vec<api::Blob>, u64, u64)> {
        match self {
            Self::Node(client) => match client.ask(Command::Blobs)? {
                Body::Blobs { blobs, used, quota } => Ok((blobs, used, quota)),
                other => Err(unexpected("blobs", &other).into()),
            },
            Self::Store(ledger) => {
                let blobs = ledger.blobs();
                let list = needed::list(blobs, needed::of_records(ledger.state().set()))?;
                Ok((list, blobs.used(), blobs.quota()))
            }
        }
    }

    /// Deletes blobs that no competition needs: their ids and bytes. In a rehearsal they stay.
    pub fn collect_blobs(&mut self, home: &Home, rehearsal: bool) -> anyhow::Result<(Vec<String>, u64)> {
        match self {
            Self::Node(client) => match client.ask(Command::CollectBlobs { rehearsal })? {
                Body::Collected { blobs, bytes } => Ok((blobs, bytes)),
                other => Err(unexpected("collect blobs", &other).into()),
            },
            Self::Store(ledger) => {
                let needed = needed::of_records(ledger.state().set()).map(|used| used.blob.id).collect();
                let gone = needed::collect(ledger.blobs(), home, needed, None, rehearsal)?;
                let bytes = gone.iter().map(|blob| blob.bytes).sum();
                Ok((gone.iter().map(|blob| blob.id.to_string()).collect(), bytes))
            }
        }
    }

    /// The bytes of a blob of at most `max` bytes, compared with its id.
    pub fn read_blob(&mut self, blob: BlobRef, max: u64, what: &str) -> anyhow::Result<Vec<u8>> {
        let path = self.get_blob(blob, what)?;
        let bytes = crate::home::read_input(&path, max)?;
        let got = protocol::BlobId::of(&bytes);
        if got != blob.id {
            return Err(crate::blobs::BlobError::Digest { expected: blob.id, got }.into());
        }
        Ok(bytes)
    }
}

fn waiting(ledger: &Ledger) -> anyhow::Result<BTreeSet<RecordId>> {
    Ok(ledger.store().outbox()?.into_iter().map(RecordId::new).collect())
}

fn refused((kind, message): (ErrorKind, String)) -> anyhow::Error {
    ClientError::Refused { kind, message }.into()
}
