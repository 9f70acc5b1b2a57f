//! All that the screen shows.

use std::path::PathBuf;

use api::{Board, BoardRow, CompetitionSummary, Entry, EntryStanding, Hello, Peer, Standing};

use crate::conn::Down;
use crate::fetch::Fetches;
use crate::list::{Item, List};
use crate::text;

/// Most lines of the event log.
pub const LOG_LINES: usize = 500;
/// Longest filter, in characters.
pub const FILTER_CHARS: usize = 64;

/// A part of the screen that can have the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// The list of competitions.
    Competitions,
    /// The chosen competition and its leaderboard.
    Board,
    /// The chosen competition's rules and who has entered it.
    Entries,
    /// Connected peers.
    Peers,
    /// What happened.
    Log,
}

impl Pane {
    /// All panes, in the order of Tab.
    pub const ALL: [Self; 5] = [Self::Competitions, Self::Board, Self::Entries, Self::Peers, Self::Log];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Competitions => "Competitions",
            Self::Board => "Leaderboard",
            Self::Entries => "Entries",
            Self::Peers => "Peers",
            Self::Log => "Events",
        }
    }

    /// The pane `steps` further on.
    pub fn step(self, steps: usize) -> Self {
        let here = Self::ALL.iter().position(|p| *p == self).unwrap_or(0);
        Self::ALL.get((here + steps) % Self::ALL.len()).copied().unwrap_or(self)
    }
}

/// How it stands with the daemon.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// The first try is under way.
    Connecting,
    /// Connected, greeted, subscribed.
    Up,
    /// Not connected; the next try is at `retry_at_ms` of [`Clock::mono_ms`].
    Down {
        /// Why.
        why: Down,
        /// When it is tried again.
        retry_at_ms: u64,
    },
}

/// What lies over the panes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// The keys and the words.
    Help,
    /// All of the selected row.
    Details,
}

/// The time, as told by ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Seconds since 1970.
    pub unix: u64,
    /// Milliseconds since the program started; never goes back.
    pub mono_ms: u64,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something was refused or lost.
    Warning,
}

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

/// All that the screen shows, and what it needs to know to ask for more.
#[derive(Clone, Debug)]
pub struct State {
    /// The daemon's socket.
    pub socket: PathBuf,
    /// How it stands with the daemon.
    pub link: Link,
    /// Who answered last.
    pub node: Option<Hello>,
    /// Competitions, newest first.
    pub competitions: List<CompetitionSummary>,
    /// Whether the list of competitions has ever arrived.
    pub loaded: bool,
    /// The competition asked for on the command line (a prefix of its id) that has not been found yet.
    pub wanted: Option<String>,
    /// Id of the competition whose board is shown.
    pub chosen: Option<String>,
    /// Its board, without the rows.
    pub board: Option<Board>,
    /// The rows of its board.
    pub rows: List<BoardRow>,
    /// Lowest and highest end of the rows' intervals, in basis points: the scale of the bars.
    pub scale: (u32, u32),
    /// Its entries, by the time when the daemon saw them first.
    pub entries: List<Entry>,
    /// Connected peers.
    pub peers: List<Peer>,
    /// What happened, newest first.
    pub log: List<LogLine>,
    /// Lines ever logged.
    pub logged: u64,
    /// What went wrong last, and when ([`Clock::mono_ms`]).
    pub error: Option<(String, u64)>,
    /// The pane that has the keyboard.
    pub focus: Pane,
    /// What lies over the panes.
    pub overlay: Option<Overlay>,
    /// Whether a filter is being typed.
    pub typing: bool,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The time.
    pub clock: Clock,
    /// What is asked when.
    pub fetches: Fetches,
}

impl State {
    /// The state before anything is known.
    pub fn new(socket: PathBuf, wanted: Option<String>, size: (u16, u16), clock: Clock) -> Self {
        Self {
            socket,
            link: Link::Connecting,
            node: None,
            competitions: List::default(),
            loaded: false,
            wanted,
            chosen: None,
            board: None,
            rows: List::default(),
            scale: (0, 10_000),
            entries: List::default(),
            peers: List::default(),
            log: List::default(),
            logged: 0,
            error: None,
            focus: Pane::Competitions,
            overlay: None,
            typing: false,
            size,
            clock,
            fetches: Fetches::default(),
        }
    }

    /// The filter of a pane.
    pub fn filter(&self, pane: Pane) -> &str {
        match pane {
            Pane::Competitions => self.competitions.filter(),
            Pane::Board => self.rows.filter(),
            Pane::Entries => self.entries.filter(),
            Pane::Peers => self.peers.filter(),
            Pane::Log => self.log.filter(),
        }
    }

    /// Puts another filter on the pane that has the keyboard.
    pub fn set_filter(&mut self, filter: String) {
        match self.focus {
            Pane::Competitions => self.competitions.set_filter(filter),
            Pane::Board => self.rows.set_filter(filter),
            Pane::Entries => self.entries.set_filter(filter),
            Pane::Peers => self.peers.set_filter(filter),
            Pane::Log => self.log.set_filter(filter),
        }
    }

    /// Whether there is a selected row in the pane that has the keyboard.
    pub fn has_current(&self) -> bool {
        match self.focus {
            Pane::Competitions => self.competitions.current().is_some(),
            Pane::Board => self.rows.current().is_some(),
            Pane::Entries => self.entries.current().is_some(),
            Pane::Peers => self.peers.current().is_some(),
            Pane::Log => self.log.current().is_some(),
        }
    }

    /// Adds a line to the log.
    pub fn note(&mut self, level: Level, text: String) {
        self.logged += 1;
        let line = LogLine { number: self.logged, at: self.clock.unix, level, text };
        self.log.push_front(line, LOG_LINES);
    }
}

impl Item for CompetitionSummary {
    fn same(&self, other: &Self) -> bool {
        self.id == other.id
    }

    fn matches(&self, needle: &str) -> bool {
        let label = if self.open { "open" } else { "sealed" };
        let labels = [label, self.phase.as_str()];
        found(&self.title, needle)
            || found(&self.id, needle)
            || found(&self.host, needle)
            || labels.contains(&needle)
            || (needle == DISPUTED && !self.disputes.is_empty())
    }
}

impl Item for BoardRow {
    fn same(&self, other: &Self) -> bool {
        self.competitor == other.competitor
    }

    fn matches(&self, needle: &str) -> bool {
        found(&self.display_name, needle)
            || found(&self.competitor, needle)
            || found(&self.size_class, needle)
            || standing(self.standing) == needle
    }
}

impl Item for Entry {
    fn same(&self, other: &Self) -> bool {
        self.id == other.id
    }

    fn matches(&self, needle: &str) -> bool {
        found(&self.display_name, needle)
            || found(&self.competitor, needle)
            || found(&self.size_class, needle)
            || entry_standing(self.standing) == needle
    }
}

impl Item for Peer {
    fn same(&self, other: &Self) -> bool {
        self.peer_id == other.peer_id
    }

    fn matches(&self, needle: &str) -> bool {
        found(&self.peer_id, needle) || found(&self.address, needle) || found(&self.agent, needle)
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

/// What a competition is called of which the host has signed two different records of a kind.
pub const DISPUTED: &str = "disputed";

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

/// The scale of the bars: from the lowest to the highest end of the intervals, rounded out to whole percent.
pub fn scale_of(rows: &[BoardRow]) -> (u32, u32) {
    let low = rows.iter().map(|r| r.interval_bps.0).min().unwrap_or(0);
    let high = rows.iter().map(|r| r.interval_bps.1).max().unwrap_or(10_000);
    let low = low.min(10_000) / 100 * 100;
    let high = high.min(10_000).div_ceil(100) * 100;
    if low < high { (low, high) } else { (0, 10_000) }
}

/// The best proved accuracy of a competition in basis points.
pub fn best_bps(competition: &CompetitionSummary) -> Option<u32> {
    text::basis_points(competition.best?, competition.rows?)
}
