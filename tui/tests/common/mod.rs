//! What the tests share: made-up competitions, and a daemon that says what a test tells it to.
#![allow(dead_code, reason = "every test binary uses a part of it")]

use std::path::PathBuf;

use api::{
    API_VERSION, Board, BoardRow, Body, Command, CompetitionSummary, Entry, EntryStanding, Event, Hello,
    HostRecord, OPEN_LABEL, Peer, Phase, Reply, Request, SEALED_LABEL, SetupTrust, Standing,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tui::conn::FromConn;
use tui::state::{Clock, State};
use tui::update::{Effect, Msg, update};

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

pub fn peers() -> Vec<Peer> {
    let peer = |n: u64| Peer {
        peer_id: peer_id(&format!("Peer{n:04}")),
        address: format!("/ip4/127.0.0.1/tcp/400{n}"),
        agent: if n == 2 { String::new() } else { "podium/0.1.0".to_owned() },
        records: 12 - n,
        refused: n - 1,
        score: 1.5 - 2.0 * f64::from(u32::try_from(n).unwrap()),
        ..Peer::default()
    };
    vec![peer(1), peer(2)]
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

/// A state before anything is known, on a screen of `size`.
pub fn fresh(size: (u16, u16)) -> State {
    let socket = PathBuf::from("/home/me/.local/share/podium/podium.sock");
    State::new(socket, None, size, Clock { unix: NOW, mono_ms: 0 })
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

/// A state in which everything has arrived.
pub fn full(size: (u16, u16)) -> State {
    with(size, board(competitions().remove(0), rows()), entries())
}

/// A state in which everything has arrived, with this board and these entries; its competition is the first.
pub fn with(size: (u16, u16), board: Board, entries: Vec<Entry>) -> State {
    let mut state = fresh(size);
    connect(&mut state);
    let mut known = competitions();
    known[0] = board.competition.clone();
    let id = board.competition.id.clone();
    answer(&mut state, Command::Competitions, Body::Competitions { competitions: known });
    answer(&mut state, Command::Board { competition: id.clone() }, Body::Board(Box::new(board)));
    answer(&mut state, Command::Entries { competition: id }, Body::Entries { entries });
    answer(&mut state, Command::Peers, Body::Peers { peers: peers(), banned: Vec::new() });
    state
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

/// One connection of the made-up daemon.
pub struct Daemon {
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
}

impl Daemon {
    pub async fn accept(listener: &UnixListener) -> Self {
        let (stream, _): (UnixStream, _) = listener.accept().await.unwrap();
        let (read, writer) = stream.into_split();
        Self { lines: BufReader::new(read).lines(), writer }
    }

    /// The next request; `None` when the client has hung up.
    pub async fn request(&mut self) -> Option<Request> {
        let line = self.lines.next_line().await.ok()??;
        Some(serde_json::from_str(&line).unwrap())
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        // The client may hang up while it is told too much.
        let _ = self.writer.write_all(bytes).await;
    }

    pub async fn reply(&mut self, id: u64, body: Body) {
        let mut line = serde_json::to_vec(&Reply { id, body }).unwrap();
        line.push(b'\n');
        self.raw(&line).await;
    }

    /// Answers the greeting and the subscription; returns the subscription's id.
    pub async fn greet(&mut self) -> u64 {
        let request = self.request().await.unwrap();
        assert_eq!(request.command, Command::Hello);
        self.reply(request.id, Body::Hello(hello())).await;
        let request = self.request().await.unwrap();
        assert_eq!(request.command, Command::Subscribe);
        self.reply(request.id, Body::Done).await;
        request.id
    }

    /// Answers everything that the board asks for until it hangs up; tells one event after the peers.
    pub async fn serve(mut self) {
        let mut subscription = None;
        while let Some(Request { id, command }) = self.request().await {
            let known = competitions();
            let body = match command {
                Command::Hello => Body::Hello(hello()),
                Command::Subscribe => {
                    subscription = Some(id);
                    Body::Done
                }
                Command::Competitions => Body::Competitions { competitions: known },
                Command::Peers => Body::Peers { peers: peers(), banned: Vec::new() },
                Command::Board { competition } => {
                    let found = known.into_iter().find(|c| c.id == competition).unwrap();
                    Body::Board(Box::new(board(found, rows())))
                }
                Command::Entries { .. } => Body::Entries { entries: entries() },
                other => panic!("the board never asks for {other:?}"),
            };
            let last = matches!(body, Body::Peers { .. });
            self.reply(id, body).await;
            if let Some(subscription) = subscription.take_if(|_| last) {
                self.reply(subscription, Body::Event(news())).await;
            }
        }
    }
}
