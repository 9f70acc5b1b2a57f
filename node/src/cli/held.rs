//! What commands that publish end with: how many peers hold the record.

use super::backend::Backend;
use super::output;
use crate::limits;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::{Duration, Instant};

/// The first peer's word is waited for so long, if there are peers.
const PATIENCE: Duration = Duration::from_secs(5);
/// After the first one's, the others' so long.
const OTHERS: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

/// Who holds what was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Held {
    /// Peers that say that they hold it; of several records, the one that fewest hold.
    #[serde(rename = "held_by")]
    by: u64,
    /// Whether it waits in the outbox.
    waiting: bool,
    /// Connected peers; none without a running node.
    #[serde(skip)]
    peers: Option<u64>,
}

impl Held {
    /// Waits a while for peers to say that they hold these own records. That nobody does is no error: they are in the
    /// outbox.
    pub fn wait(backend: &mut Backend, ids: &[&str]) -> Self {
        let peers = backend.is_online().then(|| backend.peers().map_or(0, |peers| peers.len() as u64));
        let enough = peers.unwrap_or(0).min(limits::HOLDERS as u64);
        let (start, mut first) = (Instant::now(), None);
        loop {
            let (by, waiting) = Self::look(backend, ids);
            if by > 0 {
                first.get_or_insert_with(Instant::now);
            }
            let is_over = |since: Option<Instant>, most| since.is_some_and(|since| since.elapsed() > most);
            if by >= enough || is_over(first, OTHERS) || is_over(Some(start), PATIENCE) {
                return Self { by, waiting, peers };
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn look(backend: &mut Backend, ids: &[&str]) -> (u64, bool) {
        let of = |id: &&str| match backend.held(id) {
            Ok(own) => (own.held_by, own.waiting),
            // Published all the same: a record of the host's that a restored folder lacked, for instance.
            Err(_) => (0, true),
        };
        let all: Vec<(u64, bool)> = ids.iter().map(of).collect();
        let fewest = all.iter().map(|(by, _)| *by).min().unwrap_or(0);
        (fewest, all.iter().any(|(_, waiting)| *waiting))
    }

    /// For people.
    pub fn tell(&self) {
        output::message(&self.text());
    }

    fn text(&self) -> String {
        match (self.by, self.peers) {
            (1, _) => "held by 1 peer, by its own word".to_owned(),
            (by @ 2.., _) => format!("held by {by} peers, by their own word"),
            (0, _) if !self.waiting => "held by a peer, by its own word".to_owned(),
            (0, None) => {
                "no node is running: it waits in the outbox and goes out at the next `node run`".to_owned()
            }
            (0, Some(0)) => {
                "no peer is connected: it waits in the outbox and goes out when one is met".to_owned()
            }
            (0, Some(_)) => {
                "no peer has confirmed it yet: it waits in the outbox, see `node outbox`".to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_is_known() {
        let held = |by, waiting, peers| Held { by, waiting, peers }.text();
        assert!(held(0, true, None).contains("next `node run`"));
        assert!(held(0, true, Some(0)).contains("when one is met"));
        assert!(held(0, true, Some(3)).contains("yet"));
        assert!(held(0, false, None).starts_with("held by a peer"));
        assert!(held(1, false, Some(3)).starts_with("held by 1 peer,"));
        assert!(held(2, false, Some(3)).starts_with("held by 2 peers,"));
        let json = serde_json::to_value(Held { by: 2, waiting: false, peers: None }).unwrap();
        assert_eq!(json, serde_json::json!({ "held_by": 2, "waiting": false }));
    }
}
