//! What clients of the local socket ask.

use super::records::Source;
use super::{Daemon, Done, PeerSummary, fetch};
use crate::api_server::Call;
use crate::blobs::BlobError;
use crate::ledger::now;
use crate::limits;
use crate::openings;
use crate::views::{self, PeerCounts};
use api::{Body, Command, ErrorKind, Event, Health, OwnRecord, Report};
use protocol::{BlobId, BlobRef, Outcome, RecordId, Signed, WellFormed};
use std::path::PathBuf;
use tokio::sync::oneshot;

impl Daemon {
    pub(super) fn on_call(&mut self, call: Call) {
        let Call { command, answer } = call;
        let body = match command {
            Command::Hello => Body::Hello(self.hello()),
            Command::Competitions => {
                let mut competitions = views::competitions(&self.ledger, now());
                competitions.iter_mut().for_each(|summary| self.prizes.complete(summary));
                Body::Competitions { competitions }
            }
            Command::Board { competition } => or_error(
                views::board(&self.ledger, &competition, now(), &|id, own| self.peer_counts(id, own))
                    .map(|board| self.with_prize(board)),
            ),
            Command::Outline { competition } => or_error(
                views::outline(&self.ledger, &competition, now(), &|id, own| self.peer_counts(id, own))
                    .map(|board| self.with_prize(board)),
            ),
            Command::Entries { competition } => {
                or_error(views::entries(&self.ledger, &competition).map(|entries| Body::Entries { entries }))
            }
            Command::Submissions { competition } => or_error(
                views::submissions(&self.ledger, &competition)
                    .map(|submissions| Body::Submissions { submissions }),
            ),
            Command::Submission { id } => or_error(
                views::submission(&self.ledger, &id).map(|detail| Body::Submission(Box::new(detail))),
            ),
            Command::Work => Body::Work { work: self.under_way.list() },
            Command::Report { report } => self.on_report(report),
            Command::Peers => self.peer_list(),
            Command::BanPeer { peer_id, reason, seconds } => self.ban_by_hand(&peer_id, &reason, seconds),
            Command::UnbanPeer { peer_id } => self.unban_by_hand(&peer_id),
            Command::ConnectPeer { address } => return self.connect(&address, answer),
            Command::Own => {
                let records = views::own(&self.ledger, &self.records.outbox);
                return self.own(records, answer);
            }
            Command::Held { id } => or_error(
                views::held(&self.ledger, &id, &self.records.outbox)
                    .map(|own| Body::Own { records: vec![own] }),
            ),
            Command::Fetches => Body::Fetches { fetches: self.fetch_list() },
            Command::Blobs => return self.list_blobs(answer),
            Command::CollectBlobs { rehearsal } => return self.collect_blobs(rehearsal, answer),
            Command::Health => {
                let fingerprint = self.ledger.fingerprint().to_string();
                Body::Health(Box::new(Health { fingerprint, ..self.health() }))
            }
            // The connection's own task answers it.
            Command::Subscribe => Body::Done,
            Command::Records { competition } => {
                or_error(views::records(&self.ledger, &competition).map(|records| Body::Records { records }))
            }
            Command::RecordIds { competition } => {
                or_error(views::record_ids(&self.ledger, &competition).map(|ids| Body::Ids { ids }))
            }
            Command::Record { id } => or_error(
                views::record(&self.ledger, &id).map(|record| Body::Records { records: vec![record] }),
            ),
            Command::Stored { id } => or_error(views::stored(&self.ledger, &id).map(|record| Body::Stored {
                first_seen: record.first_seen,
                record: hex::encode(record.bytes),
            })),
            Command::Find { prefix } => {
                or_error(views::find(&self.ledger, &prefix).map(|records| Body::Found { records }))
            }
            Command::Publish { record } => return self.on_publish(&record, true, answer),
            Command::Import { record } => return self.on_publish(&record, false, answer),
            Command::AddBlob { path } => return self.add_blob(path.into(), answer),
            Command::GetBlob { blob, bytes } => match blob.parse::<BlobId>() {
                Ok(id) => return self.get_blob(BlobRef { id, bytes }, answer),
                Err(error) => Body::Error { kind: ErrorKind::BadRequest, message: error.to_string() },
            },
            Command::Shutdown => {
                self.stop = true;
                Body::Done
            }
        };
        let _ = answer.send(body); // the client may have gone
    }

    fn with_prize(&self, mut board: api::Board) -> Body {
        self.prizes.complete(&mut board.competition);
        Body::Board(Box::new(board))
    }

    /// Answers with own records, and whether their openings are there.
    fn own(&mut self, mut records: Vec<OwnRecord>, answer: oneshot::Sender<Body>) {
        let home = self.home.clone();
        self.tasks.spawn_blocking(move || {
            openings::note(&home, &mut records);
            let _ = answer.send(Body::Own { records }); // the client may have gone
            Done::Nothing
        });
    }

    fn on_report(&mut self, report: Report) -> Body {
        match self.under_way.report(report, now()) {
            Ok(work) => {
                self.tell(Event::Work { work });
                Body::Done
            }
            Err(error) => Body::Error { kind: ErrorKind::BadRequest, message: error.to_string() },
        }
    }

    /// Without `patience` a record that waits for others or for files is answered at once.
    fn on_publish(&mut self, record: &str, patience: bool, answer: oneshot::Sender<Body>) {
        match hex::decode(record) {
            Ok(bytes) => {
                let id = RecordId::of(&bytes);
                self.ingest(&bytes, Source::Client { answer });
                if !patience && self.waits_long(id, &bytes) {
                    let sources = self.take_waiters(&id);
                    self.answer(id, sources, &Outcome::Pending);
                }
            }
            Err(error) => {
                let message = format!("expected a record in hexadecimal digits: {error}");
                let _ = answer.send(Body::Error { kind: ErrorKind::BadRequest, message });
            }
        }
    }

    /// Whether a record waits for what is not here: other records, or blobs of its competition.
    fn waits_long(&self, id: RecordId, bytes: &[u8]) -> bool {
        let state = self.ledger.state();
        if !state.is_waiting(id) {
            return false;
        }
        let parsed = Signed::open(bytes).ok().and_then(|signed| WellFormed::parse(&signed).ok());
        let competition = parsed.map(|record| record.competition());
        let wanted = competition.map(|competition| state.wanted_blobs_of(competition)).unwrap_or_default();
        let away = |wanted: protocol::WantedBlob| self.ledger.blobs().len_of(wanted.blob.id).is_none();
        !state.wanted_records().is_empty() || wanted.into_iter().any(away)
    }

    fn add_blob(&mut self, path: PathBuf, answer: oneshot::Sender<Body>) {
        if !path.is_absolute() {
            let message = format!("expected an absolute path, got {}", path.display());
            let _ = answer.send(Body::Error { kind: ErrorKind::BadRequest, message });
            return;
        }
        let room = self.room();
        self.tasks.spawn_blocking(move || {
            let result = room.make(|blobs| blobs.add_file(&path, limits::BLOB_MAX_BYTES));
            Done::Added { result, answer }
        });
    }

    pub(super) fn on_added(&mut self, result: Result<BlobRef, BlobError>, answer: oneshot::Sender<Body>) {
        let body = match result {
            Ok(blob) => {
                self.pump_blobs();
                fetch::stored(self, blob)
            }
            Err(error @ BlobError::TooLong { .. }) => {
                Body::Error { kind: ErrorKind::BadRequest, message: error.to_string() }
            }
            Err(error) => Body::Error { kind: ErrorKind::Internal, message: error.to_string() },
        };
        let _ = answer.send(body);
    }

    /// What peers have of a competition of which `own` records are here.
    fn peer_counts(&self, competition: RecordId, own: u64) -> PeerCounts {
        let mut counts = PeerCounts::default();
        for info in self.peers.values() {
            let (count, same) = match &info.summary {
                PeerSummary::Unknown => continue,
                PeerSummary::Same => (own, true),
                PeerSummary::Differs(noted) => noted.get(&competition).copied().unwrap_or_default(),
            };
            counts.all += 1;
            counts.same += u64::from(same);
            counts.most = counts.most.max(count);
        }
        counts
    }
}

fn or_error(answer: views::Answer<Body>) -> Body {
    answer.unwrap_or_else(|(kind, message)| Body::Error { kind, message })
}
