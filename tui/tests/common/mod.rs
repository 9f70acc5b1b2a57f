//! What the tests share: made-up competitions, and a daemon that says what a test tells it to.
#![allow(dead_code, reason = "every test binary uses a part of it")]

pub mod daemon;
pub mod pty;
pub mod scene;
pub mod svg;

use std::path::PathBuf;

use api::{
    API_VERSION, Ban, Board, BoardRow, Body, Command, CompetitionSummary, Entry, EntryStanding, Event, Fetch,
    Health, Hello, HostRecord, OPEN_LABEL, OwnRecord, Peer, Phase, Reachability, Report, SEALED_LABEL,
    SetupTrust, Standing, Submission, SubmissionDetail, Work,
};
use tui::conn::FromConn;
use tui::keymap::Rebinding;
use tui::state::{Clock, Pane, Start, State};
use tui::update::{Effect, Msg, update};
use tui::visit::Visit;

/// 2025-11-23 19:12:05 UTC.
pub const NOW: u64 = 1_763_925_125;

/// A whole id in hex that starts with `start`.
pub fn id(start: &str) -> String {
    format!("{start:0<64}")
}

/// A peer id that ends with `end`.
pub fn peer_id(end: &str) -> String {
    format!("12D3KooW{end:z>44}")
}

pub fn competition(start: &str, title: &str, open: bool) -> CompetitionSummary {
    CompetitionSummary {
        id: id(start),
        title: title.to_owned(),
        host: peer_id("Host"),
        phase: Phase::Proving,
        open,
        openness: if open { OPEN_LABEL } else { SEALED_LABEL }.to_owned(),
        disputes: Vec::new(),
        rows: Some(898),
        min_rows: 898,
        features: 64,
        classes: 10,
        size_classes: vec!["linear-64x10".to_owned(), "mlp-64-32-10".to_owned()],
        threshold_bps: 9_000,
        prize: None,
        levels_bps: Vec::new(),
        tie_rule: "shared_rank".to_owned(),
        max_entries: 3,
        max_withdrawals: 1,
        max_submissions: 8,
        entries: 3,
        submissions: 3,
        best: Some(874),
        created: NOW - 7_200,
        commit_deadline: NOW + 86_400,
        prove_deadline: NOW + 86_400,
        reveals: Vec::new(),
        closes: Vec::new(),
    }
}

/// A sealed competition with levels of claims.
pub fn sealed(start: &str, title: &str, phase: Phase) -> CompetitionSummary {
    CompetitionSummary {
        phase,
        levels_bps: vec![8_500, 9_000, 9_500],
        tie_rule: "entry_id".to_owned(),
        commit_deadline: NOW + 3_600,
        ..competition(start, title, false)
    }
}

/// A reveal or a close.
pub fn host_record(start: &str, listed: u64, missing: u64) -> HostRecord {
    HostRecord { id: id(start), listed, missing, created: NOW - 120, first_seen: NOW - 60 }
}

pub fn entry(number: u64, name: &str, standing: EntryStanding) -> Entry {
    Entry {
        id: id(&format!("e{number:03}")),
        display_name: name.to_owned(),
        competitor: peer_id(&format!("Comp{number:04}")),
        size_class: "mlp-64-32-10".to_owned(),
        standing,
        created: NOW - 3_600 + 60 * number,
        first_seen: NOW - 3_500 + 60 * number,
        mine: number == 2,
    }
}

/// An entry of every standing.
pub fn entries() -> Vec<Entry> {
    vec![
        entry(1, "日本語の名前はとても長い", EntryStanding::OnRoster),
        entry(2, "Zoë", EntryStanding::Entered),
        entry(3, "a name that is longer than any column for names", EntryStanding::Withdrawn),
        entry(4, "greedy", EntryStanding::BeyondCap),
        entry(5, "late", EntryStanding::LeftOut),
    ]
}

pub fn row(rank: u64, name: &str, correct: u64, interval_bps: (u32, u32)) -> BoardRow {
    BoardRow {
        rank: Some(rank),
        standing: Standing::Pending,
        display_name: name.to_owned(),
        namesake: false,
        competitor: peer_id(&format!("Comp{rank:04}")),
        entry: id(&format!("e{rank:03}")),
        submission: id(&format!("5{rank:03}")),
        size_class: "mlp-64-32-10".to_owned(),
        correct,
        rows: 898,
        accuracy_bps: u32::try_from(correct * 10_000 / 898).unwrap(),
        interval_bps,
        entries: rank,
        submitted: NOW - 300 * rank,
        first_seen: NOW - 290 * rank,
        checked_here: rank != 3,
        verify_us: 6_204,
        setup: SetupTrust::SingleParty,
        mine: rank == 2,
    }
}

pub fn rows() -> Vec<BoardRow> {
    vec![
        row(1, "日本語の名前はとても長い", 874, (9_607, 9_826)),
        row(2, "Zoë", 861, (9_433, 9_708)),
        row(3, "a name that is longer than any column for names", 799, (8_680, 9_099)),
    ]
}

pub fn board(competition: CompetitionSummary, rows: Vec<BoardRow>) -> Board {
    Board {
        competition,
        description: "Handwritten digits, eight by eight pixels, as scikit-learn has them.".to_owned(),
        setup: SetupTrust::SingleParty,
        test_set_here: true,
        test_set: Some(id("7e57")),
        records: 12,
        peers: 0,
        peers_same: 0,
        peers_most: 0,
        pending: 1,
        fingerprint: id("3fa9c1d2e0b1"),
        rows,
    }
}

/// One submission of every competitor, and a worse one of the first before that.
pub fn submissions() -> Vec<Submission> {
    let submission = |n: u64, correct: u64, created: u64| Submission {
        id: id(&format!("5{n:03}")),
        statement: id(&format!("57{n:02}")),
        entry: id(&format!("e{n:03}")),
        competitor: peer_id(&format!("Comp{n:04}")),
        correct,
        standing: Standing::Pending,
        created,
        first_seen: created + 10,
        mine: n == 2,
    };
    vec![
        submission(3, 799, NOW - 6_000),
        submission(9, 820, NOW - 4_000),
        submission(2, 861, NOW - 2_400),
        submission(1, 874, NOW - 300),
    ]
}

pub fn detail(submission: &str) -> SubmissionDetail {
    SubmissionDetail {
        id: submission.to_owned(),
        statement: id("57a7e3e27"),
        competition: id("3fa9c1"),
        entry: id("e001"),
        reveal: None,
        display_name: "日本語の名前はとても長い".to_owned(),
        competitor: peer_id("Comp0001"),
        size_class: "mlp-64-32-10".to_owned(),
        commitment: id("c0331713e27"),
        verifying_key: id("beef1e5"),
        proving_key: id("90d1e5"),
        test_set: Some(id("7e57")),
        correct: 874,
        rows: 898,
        chunks: vec![874],
        proof_bytes: 160,
        record_bytes: 612,
        standing: Standing::Pending,
        created: NOW - 300,
        first_seen: NOW - 290,
        verify_us: 6_204,
    }
}

pub fn peers() -> Vec<Peer> {
    let peer = |n: u64| Peer {
        peer_id: peer_id(&format!("Peer{n:04}")),
        address: format!("/ip4/127.0.0.1/tcp/400{n}"),
        dialled: n == 1,
        connected: NOW - 3_600,
        agent: if n == 2 { String::new() } else { "podium/0.1.0".to_owned() },
        latency_us: (n == 1).then_some(1_234),
        records: 12 - n,
        same: [None, Some(true), Some(false)][usize::try_from(n).unwrap()],
        refused: n - 1,
        last_refusal: (n == 2).then(|| "a proof that does not verify".to_owned()),
        score: 1.5 - 2.0 * f64::from(u32::try_from(n).unwrap()),
        bytes_in: 1_500_000 * n,
        bytes_out: 40_000 * n,
        ..Peer::default()
    };
    vec![peer(1), peer(2)]
}

pub fn bans() -> Vec<Ban> {
    let reason = "20 refused records: the last one has a proof that does not verify".to_owned();
    vec![Ban { peer_id: peer_id("Rogue001"), reason, since: NOW - 60, until: NOW + 540 }]
}

pub fn own() -> Vec<OwnRecord> {
    let record = |n: u64, kind: &str, opening: Option<bool>| OwnRecord {
        id: id(&format!("0{n}")),
        kind: kind.to_owned(),
        competition: id("3fa9c1"),
        summary: format!("{kind} of Zoë in Digits: which is it?"),
        first_seen: NOW - 60 * n,
        held_by: n,
        waiting: n == 0,
        opening,
    };
    vec![record(0, "submission", None), record(1, "entry", Some(true)), record(2, "entry", Some(false))]
}

pub fn work() -> Work {
    let report = Report {
        id: "4711-1".to_owned(),
        task: "proving".to_owned(),
        competition: Some(id("3fa9c1")),
        step: "chunks proved: 5 of 12".to_owned(),
        done_bps: 4_321,
        ended: false,
    };
    Work { report, started: NOW - 180, updated: NOW - 1 }
}

pub fn fetches() -> Vec<Fetch> {
    let fetch = |n: u64| Fetch {
        blob: id(&format!("b10b{n}")),
        bytes: 256 << 20,
        done: 64 << 20,
        sources: n,
        active: n > 0,
    };
    vec![fetch(2), fetch(0)]
}

pub fn health() -> Health {
    Health {
        warnings: vec!["one own record is not confirmed by any peer".to_owned()],
        started: NOW - 86_400,
        records: 412,
        competitions: 3,
        fingerprint: id("f1"),
        pending: 2,
        checks_waiting: 1,
        checks_running: 1,
        outbox: 1,
        peers: 2,
        banned: 1,
        reachability: Reachability::Private,
        external: vec!["/ip4/192.0.2.7/tcp/4001/p2p-circuit".to_owned()],
        fetches: 2,
        store_bytes: 9_000_000,
        blobs_bytes: 1_500_000_000,
        blobs_quota_bytes: 32 << 30,
        disk_free_bytes: 250_000_000_000,
        memory_bytes: 90_000_000,
        clock_offset_s: Some(-2),
    }
}

pub fn hello() -> Hello {
    Hello {
        api_version: API_VERSION,
        agent: "podium/0.1.0".to_owned(),
        peer_id: peer_id("Self0001"),
        listen: vec!["/ip4/127.0.0.1/tcp/4001".to_owned()],
        data_dir: "/home/me/.local/share/podium".to_owned(),
    }
}

/// What a board is opened with on a screen of `size`.
pub fn start(size: (u16, u16)) -> Start {
    Start {
        socket: PathBuf::from("/home/me/.local/share/podium/podium.sock"),
        wanted: None,
        size,
        clock: Clock { unix: NOW, mono_ms: 0 },
        keys: Rebinding::new(),
        node: Some(PathBuf::from("/usr/local/bin/podium")),
    }
}

/// A state before anything is known, on a screen of `size`.
pub fn fresh(size: (u16, u16)) -> State {
    State::new(start(size))
}

pub fn conn(state: &mut State, msg: FromConn) -> Vec<Effect> {
    update(state, Msg::Conn(msg))
}

pub fn connect(state: &mut State) -> Vec<Effect> {
    conn(state, FromConn::Connected(Box::new(hello())))
}

pub fn answer(state: &mut State, command: Command, body: Body) -> Vec<Effect> {
    conn(state, FromConn::Answer { command, body: Box::new(body) })
}

pub fn tick(state: &mut State, mono_ms: u64) -> Vec<Effect> {
    update(state, Msg::Tick(Clock { unix: NOW + mono_ms / 1_000, mono_ms }))
}

/// The competitions of [`full`].
pub fn competitions() -> Vec<CompetitionSummary> {
    let mut closed = competition("beef", "Breast cancer", false);
    closed.phase = Phase::Closed;
    closed.rows = Some(284);
    closed.min_rows = 200;
    closed.best = None;
    closed.entries = 0;
    closed.size_classes.truncate(1);
    vec![
        competition("3fa9c1", "Digits: which is it?", true),
        competition("d19175", "手書き数字コンペティション", true),
        closed,
    ]
}

/// What a made-up daemon knows.
#[derive(Clone)]
pub struct World {
    pub competitions: Vec<CompetitionSummary>,
    /// Of the first competition.
    pub board: Board,
    pub entries: Vec<Entry>,
    pub submissions: Vec<Submission>,
}

impl World {
    /// With this board and these entries; its competition is the first.
    pub fn new(board: Board, entries: Vec<Entry>) -> Self {
        let mut competitions = competitions();
        competitions[0] = board.competition.clone();
        let submissions = if board.rows.is_empty() { Vec::new() } else { submissions() };
        Self { competitions, board, entries, submissions }
    }

    pub fn answer(&self, command: &Command) -> Body {
        let board_of = |wanted: &str| {
            let known = self.competitions.iter().find(|c| c.id == wanted).unwrap();
            Board { competition: known.clone(), ..self.board.clone() }
        };
        match command {
            Command::Hello => Body::Hello(hello()),
            Command::Subscribe => Body::Done,
            Command::Competitions => Body::Competitions { competitions: self.competitions.clone() },
            Command::Board { competition } => Body::Board(Box::new(board_of(competition))),
            Command::Outline { competition } => {
                Body::Board(Box::new(Board { rows: Vec::new(), ..board_of(competition) }))
            }
            Command::Entries { .. } => Body::Entries { entries: self.entries.clone() },
            Command::Submissions { .. } => Body::Submissions { submissions: self.submissions.clone() },
            Command::Submission { id } => Body::Submission(Box::new(detail(id))),
            Command::Peers => Body::Peers { peers: peers(), banned: bans() },
            Command::Own => Body::Own { records: own() },
            Command::Work => Body::Work { work: vec![work()] },
            Command::Fetches => Body::Fetches { fetches: fetches() },
            Command::Health => Body::Health(Box::new(health())),
            other => panic!("the board never asks for {other:?}"),
        }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new(board(competitions().remove(0), rows()), entries())
    }
}

/// Answers what is asked for, and what is asked for then, until nothing is.
pub fn serve(state: &mut State, world: &World, mut effects: Vec<Effect>) {
    while let Some(effect) = effects.pop() {
        match effect {
            Effect::Send(command) => {
                let body = world.answer(&command);
                effects.extend(answer(state, command, body));
            }
            Effect::LoadVisit(competition) => {
                effects.extend(update(state, Msg::Visit(competition, Visit::default())));
            }
            _ => {}
        }
    }
}

/// A state in which everything has arrived.
pub fn full(size: (u16, u16)) -> State {
    of_world(size, &World::default())
}

/// A state in which everything has arrived, with this board and these entries; its competition is the first.
pub fn with(size: (u16, u16), board: Board, entries: Vec<Entry>) -> State {
    of_world(size, &World::new(board, entries))
}

/// A state in which everything of a world has arrived: every pane has been looked at.
pub fn of_world(size: (u16, u16), world: &World) -> State {
    let mut state = fresh(size);
    let effects = connect(&mut state);
    serve(&mut state, world, effects);
    for pane in Pane::ALL {
        look_at(&mut state, world, pane);
    }
    state.focus = Pane::Competitions;
    state
}

/// Gives a pane the keyboard, and what it asks for.
pub fn look_at(state: &mut State, world: &World, pane: Pane) {
    state.focus = pane;
    let (width, height) = state.size;
    let effects = update(state, Msg::Resize(width, height));
    serve(state, world, effects);
}

/// What the made-up daemon tells of.
pub fn news() -> Event {
    Event::RecordAccepted {
        kind: "submission".to_owned(),
        id: id("5"),
        competition: id("3fa9c1"),
        summary: "by-somebody-new".to_owned(),
        verify_us: 6_204,
    }
}
