//! What the lists hold: what a filter finds, and the orders that there are.

use std::cmp::Ordering;

use api::{
    Ban, BoardRow, CompetitionSummary, Entry, EntryStanding, Fetch, OwnRecord, Peer, Phase, Standing, Work,
};

use crate::list::Item;
use crate::state::{Level, best_bps};

/// What a competition is called of which the host has signed two different records of a kind.
pub const DISPUTED: &str = "disputed";

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Counts up from 1.
    pub number: u64,
    /// Seconds since 1970.
    pub at: u64,
    /// How much it matters.
    pub level: Level,
    /// What happened.
    pub text: String,
}

/// A peer, or one that is kept out.
#[derive(Clone, Debug, PartialEq)]
pub enum Neighbour {
    /// A connected peer.
    Connected {
        /// What the daemon knows of it.
        peer: Box<Peer>,
        /// Bytes a second from it and to it, since the answer before.
        rate: Option<(u64, u64)>,
    },
    /// One that is kept out.
    Banned(Ban),
}

impl Neighbour {
    /// Its peer id.
    pub fn peer_id(&self) -> &str {
        match self {
            Self::Connected { peer, .. } => &peer.peer_id,
            Self::Banned(ban) => &ban.peer_id,
        }
    }

    fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Connected { peer, .. } => Some(peer),
            Self::Banned(_) => None,
        }
    }
}

/// Something of this node's own.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// A proof under way.
    Work(Work),
    /// A record.
    Own(OwnRecord),
    /// A blob on its way.
    Blob(Fetch),
}

impl Job {
    /// Its id, and what kind of id it is.
    pub fn id(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Work(work) => work.report.competition.clone().map(|id| ("competition", id)),
            Self::Own(record) => Some(("record", record.id.clone())),
            Self::Blob(blob) => Some(("blob", blob.blob.clone())),
        }
    }
}

impl Item for CompetitionSummary {
    const ORDERS: &'static [&'static str] = &["newest", "title", "phase", "time left", "entries", "best"];

    fn same(&self, other: &Self) -> bool {
        self.id == other.id
    }

    fn matches(&self, needle: &str) -> bool {
        let label = if self.open { "open" } else { "sealed" };
        let labels = [label, self.phase.as_str()];
        found(&self.title, needle)
            || found(&self.id, needle)
            || found(&self.host, needle)
            || self.size_classes.iter().any(|class| found(class, needle))
            || labels.contains(&needle)
            || (needle == DISPUTED && !self.disputes.is_empty())
            || (needle == "prize" && self.prize.is_some())
    }

    fn order(&self, other: &Self, by: usize) -> Ordering {
        match by {
            1 => by_text(&self.title, &other.title),
            2 => (self.phase as u8).cmp(&(other.phase as u8)),
            // What is over comes last.
            3 => {
                let left = |c: &Self| (c.phase == Phase::Closed, next_deadline(c));
                left(self).cmp(&left(other))
            }
            4 => other.entries.cmp(&self.entries),
            _ => best_bps(other).cmp(&best_bps(self)),
        }
    }
}

/// The deadline that comes next, or the last one.
pub fn next_deadline(competition: &CompetitionSummary) -> u64 {
    match competition.phase {
        Phase::Announced | Phase::Committing => competition.commit_deadline,
        Phase::Revealed | Phase::Proving | Phase::Closed => competition.prove_deadline,
    }
}

impl Item for BoardRow {
    const ORDERS: &'static [&'static str] = &["rank", "name", "tries", "latest"];

    fn same(&self, other: &Self) -> bool {
        self.competitor == other.competitor
    }

    fn matches(&self, needle: &str) -> bool {
        found(&self.display_name, needle)
            || found(&self.competitor, needle)
            || found(&self.size_class, needle)
            || standing(self.standing) == needle
    }

    fn order(&self, other: &Self, by: usize) -> Ordering {
        match by {
            1 => by_text(&self.display_name, &other.display_name),
            2 => other.entries.cmp(&self.entries),
            _ => other.submitted.cmp(&self.submitted),
        }
    }
}

impl Item for Entry {
    const ORDERS: &'static [&'static str] = &["first seen", "name", "standing"];

    fn same(&self, other: &Self) -> bool {
        self.id == other.id
    }

    fn matches(&self, needle: &str) -> bool {
        found(&self.display_name, needle)
            || found(&self.competitor, needle)
            || found(&self.size_class, needle)
            || entry_standing(self.standing) == needle
    }

    fn order(&self, other: &Self, by: usize) -> Ordering {
        match by {
            1 => by_text(&self.display_name, &other.display_name),
            _ => (self.standing as u8).cmp(&(other.standing as u8)),
        }
    }
}

impl Item for Neighbour {
    const ORDERS: &'static [&'static str] = &["peer id", "records", "latency", "traffic", "refused", "score"];

    fn same(&self, other: &Self) -> bool {
        self.peer_id() == other.peer_id()
    }

    fn matches(&self, needle: &str) -> bool {
        match self {
            Self::Connected { peer, .. } => {
                found(&peer.peer_id, needle) || found(&peer.address, needle) || found(&peer.agent, needle)
            }
            Self::Banned(ban) => {
                needle == "banned" || found(&ban.peer_id, needle) || found(&ban.reason, needle)
            }
        }
    }

    fn order(&self, other: &Self, by: usize) -> Ordering {
        // Who is kept out comes last.
        let (Some(a), Some(b)) = (self.peer(), other.peer()) else {
            return self.peer().is_none().cmp(&other.peer().is_none());
        };
        match by {
            1 => b.records.cmp(&a.records),
            2 => a.latency_us.unwrap_or(u64::MAX).cmp(&b.latency_us.unwrap_or(u64::MAX)),
            3 => traffic(b).cmp(&traffic(a)),
            4 => b.refused.cmp(&a.refused),
            _ => b.score.total_cmp(&a.score),
        }
    }
}

fn traffic(peer: &Peer) -> u64 {
    peer.bytes_in.saturating_add(peer.bytes_out)
}

impl Item for Job {
    const ORDERS: &'static [&'static str] = &["what", "name"];

    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Work(a), Self::Work(b)) => a.report.id == b.report.id,
            (Self::Own(a), Self::Own(b)) => a.id == b.id,
            (Self::Blob(a), Self::Blob(b)) => a.blob == b.blob,
            _ => false,
        }
    }

    fn matches(&self, needle: &str) -> bool {
        match self {
            Self::Work(work) => found(&work.report.task, needle) || found(&work.report.step, needle),
            Self::Own(record) => {
                found(&record.summary, needle)
                    || found(&record.id, needle)
                    || record.kind == needle
                    || (needle == "outbox" && record.waiting)
                    || (needle == "missing" && record.opening == Some(false))
            }
            Self::Blob(blob) => needle == "blob" || found(&blob.blob, needle),
        }
    }

    fn order(&self, other: &Self, _by: usize) -> Ordering {
        let name = |job: &Self| match job {
            Self::Work(work) => work.report.task.clone(),
            Self::Own(record) => record.summary.clone(),
            Self::Blob(blob) => blob.blob.clone(),
        };
        by_text(&name(self), &name(other))
    }
}

impl Item for LogLine {
    fn same(&self, other: &Self) -> bool {
        self.number == other.number
    }

    fn matches(&self, needle: &str) -> bool {
        found(&self.text, needle)
    }
}

/// Where a submission stands, shortly.
pub fn standing(standing: Standing) -> &'static str {
    if standing == Standing::LeftOut { "left out" } else { standing.as_str() }
}

/// Where an entry stands, shortly.
pub fn entry_standing(standing: EntryStanding) -> &'static str {
    if standing == EntryStanding::LeftOut { "left out" } else { standing.as_str() }
}

fn found(text: &str, needle: &str) -> bool {
    text.to_lowercase().contains(needle)
}

fn by_text(a: &str, b: &str) -> Ordering {
    a.to_lowercase().cmp(&b.to_lowercase())
}
