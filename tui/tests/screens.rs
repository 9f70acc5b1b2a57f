//! Whole screens. Where a change is meant: `INSTA_UPDATE=always cargo test -p tui --test screens`, then read
//! the difference.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use api::{Body, Command, OPEN_LABEL, Phase, SEALED_LABEL, Standing};
use common::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;
use tui::conn::{Down, FromConn};
use tui::state::{Overlay, Pane, State};
use tui::theme::Theme;
use tui::view::draw;
use tui::view::entries::rules;

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
        assert!(words(&page).contains(OPEN_LABEL), "{size:?}");
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
    let page = screen(&state);
    assert!(!page.contains(OPEN_LABEL));
    assert!(page.contains(SEALED_LABEL));
}

/// A sealed competition whose test set is not known, and who has entered it.
fn committing(size: (u16, u16)) -> State {
    let mut competition = sealed("5ea1", "Wine: which grape?", Phase::Committing);
    (competition.rows, competition.best, competition.submissions) = (None, None, 0);
    let mut board = board(competition, Vec::new());
    (board.test_set, board.test_set_here) = (None, false);
    with(size, board, entries())
}

/// A closed competition: two rows are final, the best one came too late for the host.
fn closed(size: (u16, u16)) -> State {
    let mut competition = sealed("c105ed", "Wine: which grape?", Phase::Closed);
    competition.reveals = vec![host_record("4e", 4, 1)];
    competition.closes = vec![host_record("c1", 2, 0)];
    let mut rows = rows();
    rows.rotate_left(1);
    for (rank, row) in (1..).zip(&mut rows) {
        let left_out = rank == 3;
        row.standing = if left_out { Standing::LeftOut } else { Standing::Final };
        row.rank = (!left_out).then_some(rank);
    }
    with(size, board(competition, rows), entries())
}

/// A competition whose host has signed two reveals and two closes.
fn disputed(size: (u16, u16)) -> State {
    let mut competition = sealed("d15", "Wine: which grape?", Phase::Closed);
    competition.disputes = vec!["reveal".to_owned(), "close".to_owned()];
    competition.reveals = vec![host_record("4e", 4, 1), host_record("4f", 3, 0)];
    competition.closes = vec![host_record("c1", 2, 0), host_record("c2", 1, 1)];
    with(size, board(competition, rows()), entries())
}

/// Two competitors whose names look the same.
fn namesakes(size: (u16, u16)) -> State {
    let mut rows = rows();
    for (row, name) in rows.iter_mut().zip(["Zoë", "Zоё"]) {
        (row.display_name, row.namesake) = (name.to_owned(), true);
    }
    with(size, board(competitions().remove(0), rows), entries())
}

fn on(pane: Pane, overlay: Option<Overlay>, make: fn((u16, u16)) -> State) -> impl Fn((u16, u16)) -> State {
    move |size| {
        let mut state = make(size);
        (state.focus, state.overlay) = (pane, overlay);
        state
    }
}

#[test]
fn a_sealed_competition_in_its_committing_phase() {
    snapshots("committing", committing);
    snapshots("committing_board", on(Pane::Board, None, committing));
    snapshots("committing_entries", on(Pane::Entries, None, committing));
}

#[test]
fn details_of_an_entry() {
    snapshots("entry_details", on(Pane::Entries, Some(Overlay::Details), committing));
}

#[test]
fn a_closed_competition_with_final_and_left_out_rows() {
    snapshots("closed", on(Pane::Board, None, closed));
    snapshots("closed_entries", on(Pane::Entries, None, closed));
    snapshots("left_out_details", |size| {
        let mut state = on(Pane::Board, Some(Overlay::Details), closed)(size);
        state.rows.bottom();
        state
    });
}

#[test]
fn a_disputed_competition() {
    snapshots("disputed_list", disputed);
    snapshots("disputed", on(Pane::Board, None, disputed));
    snapshots("disputed_entries", on(Pane::Entries, None, disputed));
}

#[test]
fn namesakes_are_marked() {
    snapshots("namesakes", on(Pane::Board, None, namesakes));
    snapshots("namesake_details", on(Pane::Board, Some(Overlay::Details), namesakes));
}

#[test]
fn disputes_are_told_in_the_style_of_warnings_at_every_usual_size() {
    let theme = Theme::new(true);
    for (size, pane) in SIZES.into_iter().flat_map(|size| [(size, Pane::Competitions), (size, Pane::Board)]) {
        let state = on(pane, None, disputed)(size);
        let terminal = drawn(&state, &theme);
        let buffer = terminal.backend().buffer();
        let styled = |wanted: &str| {
            let (page, width) = (screen(&state), usize::from(size.0));
            let (y, line) = page.lines().enumerate().find(|(_, l)| l.contains(wanted)).expect(wanted);
            let x = tui::text::width(&line[..line.find(wanted).unwrap()]);
            buffer.content()[y * width + x].fg == theme.warning().fg.unwrap()
        };
        let said = "disputed: the host has signed two reveals";
        assert!(styled(if pane == Pane::Board { said } else { "disputed: W" }), "{size:?} {pane:?}");
    }
}

#[test]
fn the_smallest_usual_screen_loses_no_line() {
    let size = SIZES[0];
    for make in [committing, closed, disputed, namesakes] {
        let details = screen(&on(Pane::Board, Some(Overlay::Details), make)(size));
        if !make(size).rows.items().is_empty() {
            assert!(details.contains("\nentry "), "the last field is there:\n{details}");
            assert!(details.contains(&make(size).rows.current().unwrap().competitor[44..]), "{details}");
        }
        let entries = screen(&on(Pane::Entries, None, make)(size));
        let rules = rules(&make(size).board.unwrap().competition, usize::from(size.0));
        assert!(rules.iter().all(|line| entries.contains(line.as_str())), "{entries}");
        assert!(entries.contains("Zoë"), "{entries}");
        let state = on(Pane::Board, None, make)(size);
        let rows = state.rows.items().len().min(2);
        let page = screen(&state);
        let shown = state.rows.items().iter().filter(|r| page.contains(&tui::text::interval(r.interval_bps)));
        assert!(shown.count() >= rows, "{page}");
    }
    let mut help = full(size);
    help.overlay = Some(Overlay::Help);
    assert!(screen(&help).contains("quit"));
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
    let states: [fn((u16, u16)) -> State; 8] = [
        full,
        fresh,
        |s| down(s, Down::NoDaemon),
        |s| down(s, Down::Other("x ".repeat(400))),
        committing,
        closed,
        disputed,
        namesakes,
    ];
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
