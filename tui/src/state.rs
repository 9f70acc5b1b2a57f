//! All that the screen shows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use api::{Board, BoardRow, CompetitionSummary, Entry, Health, Hello, SubmissionDetail};
use serde::{Deserialize, Serialize};

use crate::conn::Down;
use crate::fetch::Fetches;
use crate::history::History;
use crate::items::{Job, LogLine, Neighbour};
use crate::keymap::{Keymap, Rebinding};
use crate::list::List;
use crate::text;
use crate::visit::Visit;

/// Most lines of the event log.
pub const LOG_LINES: usize = 500;
/// Longest filter, in characters.
pub const FILTER_CHARS: usize = 64;

/// A part of the screen that can have the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pane {
    /// The list of competitions.
    Competitions,
    /// The chosen competition: its rules, and whom one trusts.
    Competition,
    /// The chosen competition's leaderboard.
    Board,
    /// Its scores over time, and how they are distributed.
    Chart,
    /// Who has entered it.
    Entries,
    /// Connected peers, and those that are kept out.
    Peers,
    /// This node's own records, proofs under way, and what is being fetched.
    Work,
    /// How the node is.
    Health,
    /// What happened.
    Log,
}

impl Pane {
    /// All panes, in the order of Tab.
    pub const ALL: [Self; 9] = [
        Self::Competitions,
        Self::Competition,
        Self::Board,
        Self::Chart,
        Self::Entries,
        Self::Peers,
        Self::Work,
        Self::Health,
        Self::Log,
    ];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Competitions => "Competitions",
            Self::Competition => "Competition",
            Self::Board => "Leaderboard",
            Self::Chart => "Chart",
            Self::Entries => "Entries",
            Self::Peers => "Peers",
            Self::Work => "My work",
            Self::Health => "Health",
            Self::Log => "Events",
        }
    }

    /// Its name where there is little room.
    pub fn short(self) -> &'static str {
        match self {
            Self::Competitions => "List",
            Self::Competition => "Rules",
            Self::Board => "Board",
            Self::Work => "Work",
            Self::Log => "Log",
            other => other.title(),
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// What the board knows when it is opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    /// The daemon's socket.
    pub socket: PathBuf,
    /// A prefix of the id of the competition to open.
    pub wanted: Option<String>,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The time.
    pub clock: Clock,
    /// Keys that have other things to do than usually; those that cannot be bound so are ignored, all together.
    pub keys: Rebinding,
    /// The program that could start a daemon, if one was found.
    pub node: Option<PathBuf>,
}

/// All that the screen shows, and what it needs to know to ask for more.
#[derive(Clone, Debug)]
pub struct State {
    /// The daemon's socket.
    pub socket: PathBuf,
    /// The program that could start a daemon, if one was found.
    pub node_program: Option<PathBuf>,
    /// Whether a daemon has been started and has not answered yet.
    pub starting: bool,
    /// What the keys do.
    pub keymap: Keymap,
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
    /// The fingerprint of the records that the rows follow from.
    pub rows_of: Option<String>,
    /// The rows of its board.
    pub rows: List<BoardRow>,
    /// Lowest and highest end of the rows' intervals, in basis points: the scale of the bars.
    pub scale: (u32, u32),
    /// Ranks at the last visits, by competition.
    pub visits: BTreeMap<String, Visit>,
    /// Its scores over time and how they are distributed.
    pub history: History,
    /// Its entries, by the time when the daemon saw them first.
    pub entries: List<Entry>,
    /// All of the submission whose details were asked for last.
    pub detail: Option<SubmissionDetail>,
    /// Peers, then those that are kept out.
    pub peers: List<Neighbour>,
    /// Connected peers among them.
    pub peer_count: usize,
    /// When they were told, in [`Clock::mono_ms`].
    pub peers_at_ms: Option<u64>,
    /// Proofs under way, own records, blobs on their way.
    pub jobs: List<Job>,
    /// How the node is.
    pub health: Option<Health>,
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
    /// Lines that the texts are scrolled by: of the competition, of the health, of what lies over the panes.
    pub scrolls: [usize; 3],
    /// Whether a filter is being typed.
    pub typing: bool,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The time.
    pub clock: Clock,
    /// What is asked when.
    pub fetches: Fetches,
    /// Whether the screen is no longer what it should be.
    pub stale: bool,
}

impl State {
    /// The state before anything is known.
    pub fn new(start: Start) -> Self {
        Self {
            socket: start.socket,
            node_program: start.node,
            starting: false,
            keymap: Keymap::new(&start.keys).unwrap_or_default(),
            link: Link::Connecting,
            node: None,
            competitions: List::default(),
            loaded: false,
            wanted: start.wanted,
            chosen: None,
            board: None,
            rows_of: None,
            rows: List::default(),
            scale: (0, 10_000),
            visits: BTreeMap::new(),
            history: History::default(),
            entries: List::default(),
            detail: None,
            peers: List::default(),
            peer_count: 0,
            peers_at_ms: None,
            jobs: List::default(),
            health: None,
            log: List::default(),
            logged: 0,
            error: None,
            focus: Pane::Competitions,
            overlay: None,
            scrolls: [0; 3],
            typing: false,
            size: start.size,
            clock: start.clock,
            fetches: Fetches::default(),
            stale: true,
        }
    }

    /// The ranks at the last visit of the chosen competition, if there was one.
    pub fn last_visit(&self) -> Option<&Visit> {
        self.chosen.as_ref().and_then(|id| self.visits.get(id)).filter(|visit| visit.at > 0)
    }

    /// Adds a line to the log.
    pub fn note(&mut self, level: Level, text: String) {
        self.logged += 1;
        let line = LogLine { number: self.logged, at: self.clock.unix, level, text };
        self.log.push_front(line, LOG_LINES);
    }
}

/// The scale of the bars: from the lowest to the highest end of the intervals, rounded out to whole percent,
/// with the threshold in it if there is one.
pub fn scale_of(rows: &[BoardRow], threshold_bps: u32) -> (u32, u32) {
    let threshold = || (threshold_bps > 0 && !rows.is_empty()).then_some(threshold_bps);
    let lows = rows.iter().map(|r| r.interval_bps.0).chain(threshold());
    let highs = rows.iter().map(|r| r.interval_bps.1).chain(threshold());
    let low = lows.min().unwrap_or(0).min(10_000) / 100 * 100;
    let high = highs.max().unwrap_or(10_000).min(10_000).div_ceil(100) * 100;
    if low < high { (low, high) } else { (0, 10_000) }
}

/// The best proved accuracy of a competition in basis points.
pub fn best_bps(competition: &CompetitionSummary) -> Option<u32> {
    text::basis_points(competition.best?, competition.rows?)
}
