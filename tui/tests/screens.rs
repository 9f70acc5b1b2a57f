//! Whole screens. Where a change is meant: `INSTA_UPDATE=always cargo test -p tui --test screens`, then read
//! the difference.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use api::{Body, Command, OPEN_LABEL, Phase, Prize, PrizeStatus, SEALED_LABEL, Standing};
use common::*;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;
use tui::conn::{Down, FromConn};
use tui::picture;
use tui::state::{Overlay, Pane, State};
use tui::theme::{Palette, Theme};
use tui::update::{Launch, Msg, update};
use tui::view::competition;
use tui::visit::Visit;

const SIZES: [(u16, u16); 3] = [(60, 15), (80, 24), (200, 50)];

fn drawn(state: &State, theme: &Theme) -> Buffer {
    picture::of(state, theme)
}

/// The screen as text, a line a row, wide characters once.
fn screen(state: &State) -> String {
    picture::text(&drawn(state, &Theme::new(false))).join("\n") + "\n"
}

fn press(state: &mut State, code: KeyCode) {
    let effects = update(state, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    serve(state, &World::default(), effects);
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
fn every_other_pane() {
    for (name, pane) in [
        ("competition", Pane::Competition),
        ("chart", Pane::Chart),
        ("entries", Pane::Entries),
        ("peers", Pane::Peers),
        ("work", Pane::Work),
        ("health", Pane::Health),
        ("log", Pane::Log),
    ] {
        snapshots(name, on(pane, None, full));
    }
}

#[test]
fn texts_are_scrolled_to_their_end_and_no_further() {
    snapshots("competition_end", |size| {
        let mut state = on(Pane::Competition, None, full)(size);
        press(&mut state, KeyCode::Char('G'));
        press(&mut state, KeyCode::Char('j'));
        state
    });
    for size in SIZES {
        for (pane, last) in [(Pane::Competition, "fingerprint"), (Pane::Health, "listens on")] {
            let mut state = on(pane, None, full)(size);
            press(&mut state, KeyCode::Char('G'));
            assert!(screen(&state).contains(last), "{size:?} {pane:?}:\n{}", screen(&state));
        }
        let mut state = full(size);
        press(&mut state, KeyCode::Char('?'));
        press(&mut state, KeyCode::Char('G'));
        let page = screen(&state);
        let last: Vec<_> =
            page.lines().rev().filter(|l| l.contains("opening") || l.contains("nothing")).collect();
        assert!(last.iter().any(|l| l.contains("proves nothing")) || last[0].contains("nothing"), "{page}");
    }
}

#[test]
fn movements_since_the_last_visit() {
    snapshots("moved", |size| {
        let mut state = on(Pane::Board, None, full)(size);
        let ranks = [(1, 3), (2, 1)].map(|(n, rank)| (peer_id(&format!("Comp{n:04}")), rank));
        let last = Visit { at: NOW - 86_400, ranks: ranks.into() };
        update(&mut state, Msg::Visit(id("3fa9c1"), last));
        state
    });
}

#[test]
fn a_competition_with_a_prize_and_peers_that_agree() {
    snapshots("prize", |size| {
        let mut competition = competitions().remove(0);
        let status = PrizeStatus::Held {
            amount: "1.5".to_owned(),
            token: None,
            phase: "revealed".to_owned(),
            entries: 12,
            proved: 7,
            best: Some(277),
            differences: Vec::new(),
            looked: NOW,
        };
        competition.prize = Some(prize(status));
        let mut board = board(competition, rows());
        (board.records, board.peers, board.peers_same, board.peers_most) = (412, 5, 5, 412);
        let mut state = of_world(size, &World::new(board, entries()));
        state.focus = Pane::Competition;
        state
    });
    let mut state = full((80, 24));
    state.focus = Pane::Competition;
    let board = state.board.as_mut().unwrap();
    (board.records, board.peers, board.peers_same, board.peers_most) = (412, 5, 5, 412);
    press(&mut state, KeyCode::Char('G'));
    assert!(screen(&state).contains("412 of 412 records, same fingerprint as 5 of 5 peers"));
    state.board.as_mut().unwrap().peers_most = 415;
    assert!(screen(&state).contains("412 of 415 records"), "{}", screen(&state));
}

fn prize(status: PrizeStatus) -> Prize {
    let contract = "0x00112233445566778899aabbccddeeff00112233".to_owned();
    Prize { chain_id: 8_453, contract, id: format!("{:0>64}", "2a"), status }
}

#[test]
fn a_prize_that_the_chain_says_otherwise_or_not_at_all() {
    let show = |status: PrizeStatus| {
        let mut competition = competitions().remove(0);
        competition.prize = Some(prize(status));
        let board = board(competition, rows());
        let text: Vec<String> =
            competition::text(&board, 200, NOW).into_iter().map(|(line, _)| line).collect();
        let mut state = of_world((160, 50), &World::new(board, entries()));
        state.focus = Pane::Competition;
        screen(&state) + &text.join("\n")
    };
    let differs = api::Difference { what: "threshold".into(), chain: "9900".into(), record: "9000".into() };
    let held = |differences| PrizeStatus::Held {
        amount: "1.5".to_owned(),
        token: None,
        phase: "open".to_owned(),
        entries: 0,
        proved: 0,
        best: None,
        differences,
        looked: NOW,
    };
    let page = show(held(vec![differs]));
    assert!(page.contains("MISMATCH: threshold: the chain says 9900, the record 9000"), "{page}");
    assert!(page.contains("!1.5"), "{page}");
    let page = show(held(Vec::new()));
    assert!(
        !page.contains("MISMATCH") && page.contains("1.5, open on the chain, 0 entered, 0 proved"),
        "{page}"
    );
    let page = show(PrizeStatus::Unknown { reason: "the chain's node does not answer".into(), looked: NOW });
    assert!(page.contains("says the host; the chain's node does not answer"), "{page}");
    let page = show(PrizeStatus::Unwatched);
    assert!(page.contains("this node does not look at the chain"), "{page}");
}

#[test]
fn a_daemon_that_is_being_started_and_one_that_cannot_be() {
    snapshots("starting", |size| {
        let mut state = down(size, Down::NoDaemon);
        press(&mut state, KeyCode::Char('D'));
        update(&mut state, Msg::Launched("the daemon was started; its log: /d/node.log".to_owned()));
        state
    });
    snapshots("not_started", |size| {
        let mut state = down(size, Down::NoDaemon);
        press(&mut state, KeyCode::Char('D'));
        let why = "the daemon has ended (exit status: 6); its log: /d/node.log".to_owned();
        update(&mut state, Msg::Ended(Launch::Daemon, Err(why)));
        state
    });
    let mut state = down((80, 24), Down::NoDaemon);
    state.node_program = None;
    assert!(screen(&state).contains("Start one in another terminal:  node run"));
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
fn connecting_and_connected_before_the_first_answer() {
    snapshots("connecting", fresh);
    snapshots("asking", |size| {
        let mut state = fresh(size);
        connect(&mut state);
        state
    });
}

#[test]
fn an_error_of_the_daemon() {
    snapshots("error", |size| {
        let mut state = full(size);
        tick(&mut state, 20_000);
        let message = "the store is full: 4096 bytes are free".to_owned();
        answer(&mut state, Command::Peers, Body::Error { kind: api::ErrorKind::Internal, message });
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
    for (name, pane) in [
        ("details", Pane::Board),
        ("peer_details", Pane::Peers),
        ("work_details", Pane::Work),
        ("event_details", Pane::Log),
    ] {
        snapshots(name, |size| {
            let mut state = on(pane, None, full)(size);
            press(&mut state, KeyCode::Enter);
            state
        });
    }
    snapshots("details_end", |size| {
        let mut state = on(Pane::Board, None, full)(size);
        press(&mut state, KeyCode::Enter);
        press(&mut state, KeyCode::Char('G'));
        state
    });
    snapshots("ban_details", |size| {
        let mut state = on(Pane::Peers, None, full)(size);
        press(&mut state, KeyCode::Char('G'));
        press(&mut state, KeyCode::Enter);
        state
    });
    for size in SIZES {
        let mut state = on(Pane::Board, None, full)(size);
        press(&mut state, KeyCode::Enter);
        let mut seen = screen(&state);
        for _ in 0..30 {
            press(&mut state, KeyCode::Char('j'));
            seen += &screen(&state);
        }
        // Whole where the box is wide enough; its start everywhere.
        let width = if size.0 >= 80 { 64 } else { 30 };
        for digest in ["57a7e3e27", "c0331713e27", "beef1e5", "90d1e5", "7e57"] {
            assert!(seen.contains(&id(digest)[..width]), "{size:?}: {digest}\n{seen}");
        }
        let words: Vec<_> = seen.split_whitespace().filter(|w| !["┃", "↓", "↑"].contains(w)).collect();
        let words = words.join(" ");
        assert!(
            words.contains("node export 3fa9c1000000") && words.contains("in 6.2 ms"),
            "{size:?}: {words}"
        );
    }
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
    for size in SIZES {
        let why = Down::Other("the daemon closed the connection".to_owned());
        let mut state = full(size);
        conn(&mut state, FromConn::Lost { why: why.clone(), retry_ms: 3_000 });
        insta::assert_snapshot!(format!("lost_{}x{}", size.0, size.1), screen(&state));
        insta::assert_snapshot!(format!("unreached_{}x{}", size.0, size.1), screen(&down(size, why)));
    }
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
        state.stale = true;
        state
    }
}

#[test]
fn a_sealed_competition_in_its_committing_phase() {
    snapshots("committing", committing);
    snapshots("committing_board", on(Pane::Board, None, committing));
    snapshots("committing_entries", on(Pane::Entries, None, committing));
    snapshots("committing_competition", on(Pane::Competition, None, committing));
    snapshots("committing_chart", on(Pane::Chart, None, committing));
}

#[test]
fn details_of_an_entry() {
    snapshots("entry_details", on(Pane::Entries, Some(Overlay::Details), committing));
}

#[test]
fn a_closed_competition_with_final_and_left_out_rows() {
    snapshots("closed", on(Pane::Board, None, closed));
    snapshots("closed_entries", on(Pane::Entries, None, closed));
    snapshots("closed_competition", on(Pane::Competition, None, closed));
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
    snapshots("disputed_competition", on(Pane::Competition, None, disputed));
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
        let buffer = drawn(&state, &theme);
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
            assert!(details.contains(&make(size).rows.current().unwrap().competitor[44..]), "{details}");
            let mut state = on(Pane::Board, Some(Overlay::Details), make)(size);
            // With the first key the rest of the details comes.
            press(&mut state, KeyCode::Char('G'));
            press(&mut state, KeyCode::Char('G'));
            let end = screen(&state);
            assert!(end.contains("\nbundle "), "the last field is there:\n{end}");
        }
        let entries = screen(&on(Pane::Entries, None, make)(size));
        assert!(entries.contains("Zoë"), "{entries}");
        let mut state = on(Pane::Competition, None, make)(size);
        let mut seen = screen(&state);
        for _ in 0..40 {
            press(&mut state, KeyCode::Char('j'));
            seen += &screen(&state);
        }
        let board = state.board.as_ref().unwrap();
        for (line, _) in competition::text(board, usize::from(size.0), NOW) {
            // An arrow at the edge may lie over the last column.
            let line: String = line.chars().take(56).collect();
            assert!(seen.contains(line.trim_end()), "{line}\n{seen}");
        }
        let state = on(Pane::Board, None, make)(size);
        let rows = state.rows.items().len().min(2);
        let page = screen(&state);
        let shown = state.rows.items().iter().filter(|r| page.contains(&tui::text::interval(r.interval_bps)));
        assert!(shown.count() >= rows, "{page}");
    }
    let mut help = full(size);
    help.overlay = Some(Overlay::Help);
    let mut seen = screen(&help);
    for _ in 0..80 {
        press(&mut help, KeyCode::Char('j'));
        seen += &screen(&help);
    }
    assert!(seen.contains("quit"), "{seen}");
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
    let states: [fn((u16, u16)) -> State; 9] = [
        |s| of_world(s, &World { submissions: Vec::new(), ..World::default() }),
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
        for width in (1..210).step_by(29) {
            for height in (1..60).step_by(7) {
                let mut state = make((width, height));
                for focus in Pane::ALL {
                    state.focus = focus;
                    for overlay in [None, Some(Overlay::Help), Some(Overlay::Details)] {
                        state.overlay = overlay;
                        let theme = Theme { ascii: width % 2 == 0, ..Theme::new(true) };
                        drawn(&state, &theme);
                        tui::view::scroll_end(&state);
                    }
                }
            }
        }
    }
}

#[test]
fn ten_thousand_rows_are_as_smooth_as_ten() {
    let many: Vec<_> = (1..=10_000).map(|n| row(n, &format!("name {n}"), 800, (8_700, 9_100))).collect();
    let time = |count: usize| {
        let mut state = full((200, 50));
        let next = board(competitions().remove(0), many[..count].to_vec());
        state.fetches.want(tui::fetch::Snap::Board, 0);
        let effects = update(&mut state, Msg::Resize(200, 50));
        assert!(!effects.is_empty());
        answer(&mut state, Command::Board { competition: id("3fa9c1") }, Body::Board(Box::new(next)));
        assert_eq!(state.rows.items().len(), count);
        state.focus = Pane::Board;
        let started = std::time::Instant::now();
        for _ in 0..50 {
            press(&mut state, KeyCode::Char('j'));
            drawn(&state, &Theme::new(true));
        }
        (started.elapsed(), state)
    };
    let (few, _) = time(10);
    let (all, mut state) = time(10_000);
    // A frame of a thousand times as many rows may not cost a thousand times as much; and never a blink.
    assert!(all < few * 3 + std::time::Duration::from_millis(500), "{all:?} against {few:?}");
    press(&mut state, KeyCode::Char('G'));
    let page = screen(&state);
    assert!(page.contains("name 10000") && !page.contains("name 9900"));
    // A filter and an order look at all rows, and still take less than a key's repetition.
    let started = std::time::Instant::now();
    press(&mut state, KeyCode::Char('s'));
    press(&mut state, KeyCode::Char('/'));
    press(&mut state, KeyCode::Char('7'));
    assert!(started.elapsed().as_millis() < 3_000, "{:?}", started.elapsed());
    println!("50 frames of 10 rows {few:?}, of 10,000 {all:?}; sort and filter {:?}", started.elapsed());
}

#[test]
fn only_visible_rows_are_made_into_text() {
    use std::cell::Cell;
    use tui::list::{Item, List};
    thread_local!(static LOOKED_AT: Cell<usize> = const { Cell::new(0) });
    struct Counted;
    impl Item for Counted {
        fn same(&self, _: &Self) -> bool {
            false
        }
        fn matches(&self, _: &str) -> bool {
            true
        }
    }
    let mut list = List::default();
    list.replace((0..10_000).map(|_| Counted).collect());
    list.bottom();
    list.window(40).for_each(|_| LOOKED_AT.set(LOOKED_AT.get() + 1));
    assert_eq!(LOOKED_AT.get(), 40);
}

#[test]
fn without_colour_there_is_none() {
    let mut state = full((80, 24));
    for pane in Pane::ALL {
        state.focus = pane;
        for palette in [Palette::Dark, Palette::Light, Palette::HighContrast] {
            let plain = drawn(&state, &Theme { palette, ..Theme::new(false) });
            let none = |c: &ratatui::buffer::Cell| {
                c.fg == ratatui::style::Color::Reset && c.bg == ratatui::style::Color::Reset
            };
            assert!(plain.content().iter().all(none), "{pane:?}");
            let coloured = drawn(&state, &Theme { palette, ..Theme::new(true) });
            assert!(!coloured.content().iter().all(none), "{pane:?}");
        }
    }
    state.focus = Pane::Board;
    let inverted = |c: &ratatui::buffer::Cell| c.modifier.contains(Modifier::REVERSED);
    assert!(drawn(&state, &Theme::new(false)).content().iter().any(inverted), "the selected row");
}

#[test]
fn high_contrast_leaves_no_cell_in_other_colours() {
    use ratatui::style::Color;
    let theme = Theme { palette: Palette::HighContrast, ..Theme::new(true) };
    let mut state = full((200, 50));
    for (pane, overlay) in Pane::ALL.into_iter().flat_map(|p| [None, Some(Overlay::Help)].map(|o| (p, o))) {
        (state.focus, state.overlay) = (pane, overlay);
        let bright = [Color::White, Color::LightYellow, Color::LightCyan];
        let fine = |c: &ratatui::buffer::Cell| bright.contains(&c.fg) && c.bg == Color::Black;
        let buffer = drawn(&state, &theme);
        let width = usize::from(buffer.area.width);
        let mut place = 0;
        while place < buffer.content().len() {
            let cell = &buffer.content()[place];
            assert!(fine(cell), "{pane:?} {overlay:?}: {cell:?} at {},{}", place % width, place / width);
            // What lies under the second half of a wide character is not drawn.
            place += tui::text::width(cell.symbol()).max(1);
        }
    }
}

#[test]
fn ascii_only_draws_the_same_screen_in_ascii() {
    let theme = Theme { ascii: true, ..Theme::new(false) };
    for (size, pane) in SIZES.into_iter().flat_map(|size| Pane::ALL.map(|pane| (size, pane))) {
        let state = on(pane, None, full)(size);
        let page = picture::text(&drawn(&state, &theme));
        assert!(page.iter().all(|line| line.is_ascii()), "{page:#?}");
        let usual = picture::text(&drawn(&state, &Theme::new(false)));
        for (line, usual) in page.iter().zip(&usual) {
            assert_eq!(line.len(), tui::text::width(usual), "{line}\n{usual}");
        }
    }
    let page = picture::text(&drawn(&on(Pane::Board, None, full)((80, 24)), &theme)).join("\n");
    insta::assert_snapshot!("ascii_80x24", page);
}

/// Every text that the daemon tells of, wherever it stands, passes the connection's cleaning as part of a JSON
/// document (`conn.rs`); whatever comes through that is drawn as one line of so many columns.
#[test]
fn strangers_texts_never_leave_their_cells() {
    let nasty =
        tui::sanitise::text("\u{1b}[2J\u{202e}مرحبا\u{200b} \u{1f468}\u{200d}\u{1f469} Z̸̧a\u{301}\t日本");
    let mut rows = rows();
    rows[0].display_name = nasty.clone();
    let mut competition = competitions().remove(0);
    competition.title = nasty.clone();
    let mut named = entries();
    named[0].display_name = nasty.clone();
    let mut world = World::new(board(competition, rows), named);
    world.board.description = nasty;
    for size in SIZES {
        let mut state = of_world(size, &world);
        for pane in Pane::ALL {
            state.focus = pane;
            let buffer = drawn(&state, &Theme::new(false));
            for cell in buffer.content() {
                assert!(!cell.symbol().chars().any(char::is_control), "{:?}", cell.symbol());
            }
            let right_edge = picture::text(&buffer).into_iter().filter(|line| line.starts_with(['│', '┃']));
            for line in right_edge {
                assert!(line.ends_with(['│', '┃', '┐', '┘', '┓', '┛']), "{line}");
            }
        }
    }
}
