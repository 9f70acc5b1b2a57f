//! Whole screens. Where a change is meant: `INSTA_UPDATE=always cargo test -p tui --test screens`, then read
//! the difference.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use api::{Body, Command};
use common::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;
use tui::conn::{Down, FromConn};
use tui::state::{Overlay, Pane, State};
use tui::theme::Theme;
use tui::view::board::OPEN;
use tui::view::draw;

const SIZES: [(u16, u16); 3] = [(60, 15), (80, 24), (200, 50)];

fn drawn(state: &State, theme: &Theme) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(state.size.0, state.size.1)).unwrap();
    terminal.draw(|frame| draw(frame, state, theme)).unwrap();
    terminal
}

/// The screen as text, a line a row, wide characters once.
fn screen(state: &State) -> String {
    let terminal = drawn(state, &Theme::new(false));
    let buffer = terminal.backend().buffer();
    let (width, height) = state.size;
    let mut page = String::new();
    for y in 0..height {
        let mut line = String::new();
        let mut x = 0;
        while x < width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(tui::text::width(symbol).max(1)).unwrap();
        }
        page.push_str(line.trim_end());
        page.push('\n');
    }
    page
}

fn snapshots(name: &str, make: impl Fn((u16, u16)) -> State) {
    for size in SIZES {
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), screen(&make(size)));
    }
}

fn down(size: (u16, u16), why: Down) -> State {
    let mut state = fresh(size);
    conn(&mut state, FromConn::Lost { why, retry_ms: 3_000 });
    state
}

#[test]
fn competitions_with_a_board() {
    snapshots("competitions", full);
}

#[test]
fn board_of_an_open_competition() {
    snapshots("board", |size| {
        let mut state = full(size);
        state.focus = Pane::Board;
        state
    });
}

#[test]
fn peers_pane() {
    snapshots("peers", |size| {
        let mut state = full(size);
        state.focus = Pane::Peers;
        state
    });
}

#[test]
fn no_competitions_yet() {
    snapshots("empty", |size| {
        let mut state = fresh(size);
        connect(&mut state);
        answer(&mut state, Command::Competitions, Body::Competitions { competitions: Vec::new() });
        state
    });
}

#[test]
fn no_daemon() {
    snapshots("no_daemon", |size| down(size, Down::NoDaemon));
}

#[test]
fn version_mismatch() {
    snapshots("version", |size| down(size, Down::Version { expected: 1, got: 2 }));
}

#[test]
fn help() {
    snapshots("help", |size| {
        let mut state = full(size);
        state.overlay = Some(Overlay::Help);
        state
    });
}

#[test]
fn details() {
    snapshots("details", |size| {
        let mut state = full(size);
        state.focus = Pane::Board;
        state.overlay = Some(Overlay::Details);
        state
    });
}

#[test]
fn disconnected_with_an_old_board_and_a_filter() {
    let mut state = full((80, 24));
    state.focus = Pane::Board;
    state.typing = true;
    state.set_filter("zo".to_owned());
    let why = Down::Other("the daemon closed the connection".to_owned());
    conn(&mut state, FromConn::Lost { why, retry_ms: 3_000 });
    insta::assert_snapshot!("disconnected_80x24", screen(&state));
}

#[test]
fn warnings_are_visible_at_every_usual_size() {
    for size in SIZES {
        let mut state = full(size);
        state.focus = Pane::Board;
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        // Borders and other panes stand between the lines of a wrapped warning.
        let page = screen(&state);
        assert!(words(&page).contains(OPEN), "{size:?}");
        for part in
            ["single-party key: its maker could forge proofs", "read weights", "12 records known, 1 pending"]
        {
            assert!(words(&page).contains(part), "{size:?}: {part}");
        }
        assert!(page.contains("fingerprint"), "{size:?}");
        assert!(page.contains("3fa9c1d2e0b1"), "{size:?}");
        for row in rows() {
            assert!(page.contains(&tui::text::percent(row.accuracy_bps)), "{size:?}");
            assert!(page.contains(&tui::text::interval(row.interval_bps)), "{size:?}");
        }
    }
}

#[test]
fn sealed_competitions_have_no_open_label() {
    let mut state = full((80, 24));
    state.board.as_mut().unwrap().competition.open = false;
    assert!(!screen(&state).contains(OPEN));
}

#[test]
fn columns_of_wide_names_are_aligned() {
    let mut state = full((200, 50));
    state.focus = Pane::Board;
    let page = screen(&state);
    let column = |needle: &str| {
        let line = page.lines().find(|l| l.contains(needle)).unwrap();
        tui::text::width(&line[..line.find(needle).unwrap()])
    };
    let ends = rows().into_iter().map(|r| {
        let accuracy = tui::text::percent(r.accuracy_bps);
        // The list of competitions shows the best one, too.
        let line = page.lines().find(|l| l.contains(&tui::text::interval(r.interval_bps))).unwrap();
        tui::text::width(&line[..line.rfind(&accuracy).unwrap()])
    });
    let ends: Vec<_> = ends.collect();
    assert!(ends.windows(2).all(|w| w[0] == w[1]), "{ends:?}");
    assert!(column("96.07–98.26") > 0);
}

#[test]
fn every_size_can_be_drawn_in_every_state() {
    let states: [fn((u16, u16)) -> State; 4] =
        [full, fresh, |s| down(s, Down::NoDaemon), |s| down(s, Down::Other("x ".repeat(400)))];
    for make in states {
        for width in (1..210).step_by(19) {
            for height in (1..60).step_by(5) {
                let mut state = make((width, height));
                for focus in Pane::ALL {
                    state.focus = focus;
                    for overlay in [None, Some(Overlay::Help), Some(Overlay::Details)] {
                        state.overlay = overlay;
                        drawn(&state, &Theme::new(true));
                    }
                }
            }
        }
    }
}

#[test]
fn only_visible_rows_are_drawn_of_a_huge_board() {
    let mut state = full((80, 24));
    let many: Vec<_> = (1..=100_000).map(|n| row(n, &format!("name {n}"), 800, (8_700, 9_100))).collect();
    state.rows.replace(many);
    state.focus = Pane::Board;
    state.rows.bottom();
    let started = std::time::Instant::now();
    for _ in 0..100 {
        drawn(&state, &Theme::new(true));
    }
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    let page = screen(&state);
    assert!(page.contains("name 100000"));
    assert!(!page.contains("name 99900"));
}

#[test]
fn without_colour_there_is_none() {
    let mut state = full((80, 24));
    state.focus = Pane::Board;
    let plain = drawn(&state, &Theme::new(false));
    let none = |c: &ratatui::buffer::Cell| {
        c.fg == ratatui::style::Color::Reset && c.bg == ratatui::style::Color::Reset
    };
    assert!(plain.backend().buffer().content().iter().all(none));
    let inverted = |c: &ratatui::buffer::Cell| c.modifier.contains(Modifier::REVERSED);
    assert!(plain.backend().buffer().content().iter().any(inverted), "the selected row");
    let coloured = drawn(&state, &Theme::new(true));
    assert!(!coloured.backend().buffer().content().iter().all(none));
}
