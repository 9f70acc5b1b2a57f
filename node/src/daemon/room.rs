//! Room for blobs: what no competition needs goes when the quota presses.

use super::{Daemon, Done};
use crate::blobs::{BlobError, BlobStore};
use crate::home::Home;
use crate::{limits, needed};
use api::{Body, ErrorKind};
use protocol::BlobId;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// For a worker that may find too little room.
pub(super) struct Room {
    blobs: Arc<BlobStore>,
    home: Home,
    needed: HashSet<BlobId>,
}

impl Room {
    /// Does something, and if there is no room for it, does it again after blobs that nobody needs have been deleted.
    pub(super) fn make<T>(&self, work: impl Fn(&BlobStore) -> Result<T, BlobError>) -> Result<T, BlobError> {
        match work(&self.blobs) {
            Err(BlobError::Quota { wanted, .. }) => {
                self.collect(Some(wanted));
                work(&self.blobs)
            }
            result => result,
        }
    }

    fn collect(&self, wanted: Option<u64>) {
        let needed = self.needed.clone();
        if let Err(error) = needed::collect(&self.blobs, &self.home, needed, wanted, false) {
            tracing::warn!(%error, "blobs that nobody needs were not deleted");
        }
    }
}

impl Daemon {
    pub(super) fn room(&self) -> Room {
        Room {
            blobs: Arc::clone(self.ledger.blobs()),
            home: self.home.clone(),
            needed: needed::of_records(self.ledger.state().set()).map(|used| used.blob.id).collect(),
        }
    }

    /// Blobs were left alone because there is no room for them.
    pub(super) fn make_room(&mut self, now: Instant) {
        let rests = self
            .fetches
            .collected
            .is_some_and(|last| now.saturating_duration_since(last) < limits::COLLECT_INTERVAL);
        if rests || !std::mem::take(&mut self.fetches.short_of_room) {
            return;
        }
        self.fetches.collected = Some(now);
        let room = self.room();
        self.tasks.spawn_blocking(move || {
            room.collect(None);
            Done::Nothing
        });
    }

    /// Answers a client with the blobs that are here and those that are needed.
    pub(super) fn list_blobs(&mut self, answer: oneshot::Sender<Body>) {
        let blobs = Arc::clone(self.ledger.blobs());
        let uses: Vec<_> = needed::of_records(self.ledger.state().set()).collect();
        self.tasks.spawn_blocking(move || {
            let body = match needed::list(&blobs, uses) {
                Ok(list) => Body::Blobs { blobs: list, used: blobs.used(), quota: blobs.quota() },
                Err(error) => internal(&error),
            };
            let _ = answer.send(body); // the client may have gone
            Done::Nothing
        });
    }

    /// Deletes what nobody needs, for a client.
    pub(super) fn collect_blobs(&mut self, rehearsal: bool, answer: oneshot::Sender<Body>) {
        let Room { blobs, home, needed } = self.room();
        self.tasks.spawn_blocking(move || {
            let body = match needed::collect(&blobs, &home, needed, None, rehearsal) {
                Ok(gone) => Body::Collected {
                    bytes: gone.iter().map(|blob| blob.bytes).sum(),
                    blobs: gone.iter().map(|blob| blob.id.to_string()).collect(),
                },
                Err(error) => internal(&error),
            };
            let _ = answer.send(body); // the client may have gone
            Done::Nothing
        });
    }
}

fn internal(error: &dyn std::fmt::Display) -> Body {
    Body::Error { kind: ErrorKind::Internal, message: error.to_string() }
}
