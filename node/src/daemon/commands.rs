//! What clients of the local socket ask.

use super::records::Source;
use super::{Daemon, Done, PeerSummary, fetch};
use crate::api_server::Call;
use crate::blobs::BlobError;
use crate::ledger::now;
use crate::limits;
use crate::openings;
use crate::views::{self, PeerCounts};
use api::{Body, Command, ErrorKind, Event, OwnRecord, Report};
use protocol::{BlobId, BlobRef, RecordId};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::oneshot;

impl Daemon {
    pub(super) fn on_call(&mut self, call: Call) {
        let Call { command, answer } = call;
        let body = match command {
            Command::Hello => Body::Hello(self.hello()),
            Command::Competitions => {
                Body::Competitions { competitions: views::competitions(&self.ledger, now()) }
            }
            Command::Board { competition } => or_error(
                views::board(&self.ledger, &competition, now(), &|id, own| self.peer_counts(id, own))
                    .map(|board| Body::Board(Box::new(board))),
            ),
            Command::Outline { competition } => or_error(
                views::outline(&self.ledger, &competition, now(), &|id, own| self.peer_counts(id, own))
                    .map(|board| Body::Board(Box::new(board))),
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
            Command::Own => return self.own(Vec::new(), answer),
            Command::Health | Command::Held { .. } | Command::Fetches => {
                Body::Error { kind: ErrorKind::Internal, message: "not yet".into() }
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
            Command::Find { prefix } => {
                or_error(views::find(&self.ledger, &prefix).map(|records| Body::Found { records }))
            }
            Command::Publish { record } => return self.on_publish(&record, answer),
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

    /// Answers with own records, and whether their openings are there.
    fn own(&mut self, mut records: Vec<OwnRecord>, answer: oneshot::Sender<Body>) {
        let home = self.home.clone();
        self.tasks.spawn_blocking(move || {
            openings::note(&home, &mut records);
            let _ = answer.send(Body::Own { records }); // the client may have gone
            Done::Told
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

    fn on_publish(&mut self, record: &str, answer: oneshot::Sender<Body>) {
        match hex::decode(record) {
            Ok(bytes) => self.ingest(&bytes, Source::Client { answer }),
            Err(error) => {
                let message = format!("expected a record in hexadecimal digits: {error}");
                let _ = answer.send(Body::Error { kind: ErrorKind::BadRequest, message });
            }
        }
    }

    fn add_blob(&mut self, path: PathBuf, answer: oneshot::Sender<Body>) {
        if !path.is_absolute() {
            let message = format!("expected an absolute path, got {}", path.display());
            let _ = answer.send(Body::Error { kind: ErrorKind::BadRequest, message });
            return;
        }
        let blobs = Arc::clone(self.ledger.blobs());
        self.tasks.spawn_blocking(move || {
            let result = blobs.add_file(&path, limits::BLOB_MAX_BYTES);
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
