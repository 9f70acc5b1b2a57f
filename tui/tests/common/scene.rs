//! A fixed scene: a sealed competition that is being proved, watched by one of its competitors.

use api::{Board, Event, Phase, Submission};
use tui::state::{Pane, State};
use tui::update::{Msg, update};
use tui::visit::Visit;

use super::*;

/// Columns and rows of the picture.
pub const SIZE: (u16, u16) = (124, 24);

/// Names and proved rows of 898, best first.
const COMPETITORS: [(&str, u64); 9] = [
    ("Ada", 888),
    ("gradient descent", 884),
    ("手書き研究会", 879),
    ("Zoë", 871),
    ("MLP 64-32-10", 871),
    ("linear baseline", 857),
    ("two layers down", 841),
    ("soft margins", 803),
    ("first try", 771),
];

/// 95 % Wilson intervals of these counts, in basis points.
const INTERVALS: [(u32, u32); 9] = [
    (9_796, 9_939),
    (9_740, 9_907),
    (9_669, 9_864),
    (9_566, 9_792),
    (9_566, 9_792),
    (9_387, 9_661),
    (9_185, 9_503),
    (8_715, 9_130),
    (8_333, 8_813),
];

fn scene_rows() -> Vec<BoardRow> {
    let rank = |n: usize| if n == 4 { 4 } else { n as u64 + 1 };
    let rows =
        COMPETITORS.iter().zip(INTERVALS).enumerate().map(|(n, ((name, correct), interval))| BoardRow {
            rank: Some(rank(n)),
            competitor: peer_id(&format!("k{n}{:x}", 48_271 * (n + 7) % 65_536)),
            entries: 1 + (n as u64 * 2) % 3,
            mine: *name == "Zoë",
            checked_here: true,
            verify_us: 1_800 + 37 * n as u64,
            submitted: NOW - 540 * (9 - n as u64),
            ..row(n as u64 + 1, name, *correct, interval)
        });
    rows.collect()
}

fn history() -> Vec<Submission> {
    let scores = [(9, 771), (8, 803), (8, 841), (7, 857), (6, 871), (4, 879), (3, 884), (1, 888)];
    let one = |(hours, correct): &(u64, u64)| Submission {
        correct: *correct,
        created: NOW - hours * 3_600 + 411,
        ..submissions().remove(0)
    };
    scores.iter().map(one).collect()
}

/// The board of the scene on a screen of this size.
pub fn scene(size: (u16, u16)) -> State {
    let mut competition = sealed("3fa9c1", "Handwritten digits: which is it?", Phase::Proving);
    competition.levels_bps = Vec::new();
    competition.created = NOW - 10 * 3_600;
    competition.commit_deadline = NOW - 3_600 * 5;
    competition.prove_deadline = NOW + 3_600 * 7;
    competition.entries = 14;
    competition.submissions = 17;
    competition.best = Some(888);
    competition.reveals = vec![host_record("4e", 14, 0)];
    let rows = scene_rows();
    let board = Board {
        description: "Digits of eight by eight pixels. Hidden models, proved scores.".to_owned(),
        records: 33,
        peers: 5,
        peers_same: 5,
        peers_most: 33,
        pending: 0,
        ..board(competition, rows)
    };
    let mut world = World::new(board, entries());
    world.submissions = history();
    let mut state = fresh(size);
    let effects = connect(&mut state);
    let ranks = [(0, 2), (1, 1), (2, 3), (3, 7), (4, 5), (5, 4), (7, 6)];
    let key = |n: usize| world.board.rows[n].competitor.clone();
    let last = Visit { at: NOW - 86_400, ranks: ranks.iter().map(|(n, rank)| (key(*n), *rank)).collect() };
    serve(&mut state, &world, effects);
    update(&mut state, Msg::Visit(id("3fa9c1"), last));
    look_at(&mut state, &world, Pane::Board);
    let news = |kind: &str, summary: &str, verify_us| {
        let (kind, summary) = (kind.to_owned(), summary.to_owned());
        Event::RecordAccepted { kind, id: id("5"), competition: id("3fa9c1"), summary, verify_us }
    };
    for event in [
        Event::PeerConnected { peer_id: peer_id("Peer0005") },
        news("submission", "MLP 64-32-10 proves at least 96.99 %", 1_948),
        news("submission", "Ada proves at least 98.88 %", 1_800),
    ] {
        let effects = conn(&mut state, FromConn::Event(event));
        serve(&mut state, &world, effects);
    }
    state
}
