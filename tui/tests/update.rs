//! What messages change, and what they ask for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use api::{Body, Command, ErrorKind, Event};
use common::*;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui::conn::{Down, FromConn};
use tui::fetch::{DEBOUNCE_MS, REFRESH_MS};
use tui::state::{LOG_LINES, Link, Overlay, Pane, State};
use tui::update::{Effect, Msg, resolve, update};

fn press(state: &mut State, code: KeyCode) -> Vec<Effect> {
    update(state, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn write(state: &mut State, text: &str) {
    for c in text.chars() {
        press(state, KeyCode::Char(c));
    }
}

fn event(state: &mut State, event: Event) -> Vec<Effect> {
    conn(state, FromConn::Event(event))
}

fn accepted(competition: &str) -> Event {
    Event::RecordAccepted {
        kind: "submission".to_owned(),
        id: id("5"),
        competition: id(competition),
        summary: "Zoë 95.87 %".to_owned(),
        verify_us: 6_204,
    }
}

fn ask_board(start: &str) -> Effect {
    Effect::Send(Command::Board { competition: id(start) })
}

fn ask_entries(start: &str) -> Effect {
    Effect::Send(Command::Entries { competition: id(start) })
}

const SIZE: (u16, u16) = (80, 24);

#[test]
fn connecting_asks_for_everything_and_the_newest_competition_is_shown() {
    let mut state = fresh(SIZE);
    assert_eq!(connect(&mut state), [Effect::Send(Command::Competitions), Effect::Send(Command::Peers)]);
    let effects =
        answer(&mut state, Command::Competitions, Body::Competitions { competitions: competitions() });
    assert_eq!(effects, [ask_board("3fa9c1"), ask_entries("3fa9c1")]);
    assert_eq!(state.focus, Pane::Competitions);
}

#[test]
fn nothing_is_asked_without_a_connection() {
    let mut state = fresh(SIZE);
    assert!(tick(&mut state, 60_000).is_empty());
    assert_eq!(press(&mut state, KeyCode::Char('r')), [Effect::Reconnect]);
}

#[test]
fn the_wanted_competition_is_found_by_its_prefix_even_later() {
    let mut state = fresh(SIZE);
    state.wanted = Some("beef".to_owned());
    connect(&mut state);
    let mut known = competitions();
    let late = known.pop().unwrap();
    let effects =
        answer(&mut state, Command::Competitions, Body::Competitions { competitions: known.clone() });
    assert!(effects.is_empty());
    assert!(state.error.as_ref().unwrap().0.contains("beef"), "{:?}", state.error);
    event(&mut state, accepted("beef"));
    assert!(tick(&mut state, DEBOUNCE_MS).contains(&Effect::Send(Command::Competitions)));
    known.push(late);
    let effects = answer(&mut state, Command::Competitions, Body::Competitions { competitions: known });
    assert_eq!(effects, [ask_board("beef"), ask_entries("beef")]);
    assert_eq!(state.focus, Pane::Board);
    assert_eq!(state.competitions.current().unwrap().id, id("beef"));
}

#[test]
fn ambiguous_prefixes_are_refused() {
    let known = [competition("aa1", "", true), competition("aa2", "", true)];
    assert!(resolve(&known, "aa").unwrap_err().starts_with("2 competitions"));
    assert_eq!(resolve(&known, "AA2").unwrap(), id("aa2"));
    assert!(resolve(&known, "\u{1b}[2J").unwrap_err().chars().all(|c| !c.is_control()));
}

#[test]
fn a_burst_of_records_becomes_one_request_for_the_board_that_is_shown() {
    let mut state = full(SIZE);
    for _ in 0..100 {
        assert!(event(&mut state, accepted("3fa9c1")).is_empty());
    }
    assert!(tick(&mut state, DEBOUNCE_MS - 1).is_empty());
    let effects = tick(&mut state, DEBOUNCE_MS);
    assert_eq!(effects, [Effect::Send(Command::Competitions), ask_board("3fa9c1")]);
    event(&mut state, accepted("3fa9c1"));
    assert!(tick(&mut state, 3 * DEBOUNCE_MS).is_empty(), "the answers are still awaited");
}

#[test]
fn records_of_other_competitions_leave_the_board_alone() {
    let mut state = full(SIZE);
    event(&mut state, accepted("beef"));
    assert_eq!(tick(&mut state, DEBOUNCE_MS), [Effect::Send(Command::Competitions)]);
}

#[test]
fn entries_are_asked_for_after_everything_but_a_proof() {
    for (kind, asked) in [("entry", true), ("withdrawal", true), ("reveal", true), ("submission", false)] {
        let mut state = full(SIZE);
        let Event::RecordAccepted { id, competition, summary, verify_us, .. } = accepted("3fa9c1") else {
            panic!("a record")
        };
        let kind = kind.to_owned();
        event(&mut state, Event::RecordAccepted { kind, id, competition, summary, verify_us });
        let effects = tick(&mut state, DEBOUNCE_MS);
        assert_eq!(effects.contains(&ask_entries("3fa9c1")), asked, "{effects:?}");
    }
}

#[test]
fn entries_are_walked_and_filtered_like_rows() {
    let mut state = full(SIZE);
    state.focus = Pane::Entries;
    press(&mut state, KeyCode::Char('G'));
    assert_eq!(state.entries.current(), entries().last());
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.overlay, Some(Overlay::Details));
    press(&mut state, KeyCode::Esc);
    state.set_filter("withdrawn".to_owned());
    assert_eq!(state.entries.shown_len(), 1);
}

#[test]
fn peers_and_lost_events_are_asked_for() {
    let mut state = full(SIZE);
    event(&mut state, Event::PeerConnected { peer_id: peer_id("New") });
    assert_eq!(tick(&mut state, DEBOUNCE_MS), [Effect::Send(Command::Peers)]);
    answer(&mut state, Command::Peers, Body::Peers { peers: Vec::new(), banned: Vec::new() });
    assert!(state.peers.items().is_empty());
    event(&mut state, Event::Lagged { missed: 9 });
    assert_eq!(tick(&mut state, 3 * DEBOUNCE_MS).len(), 4);
}

#[test]
fn everything_is_asked_for_again_after_a_while() {
    let mut state = full(SIZE);
    assert!(tick(&mut state, REFRESH_MS - 1).is_empty());
    assert_eq!(tick(&mut state, REFRESH_MS).len(), 4);
}

#[test]
fn a_late_answer_for_another_board_is_ignored() {
    let mut state = full(SIZE);
    press(&mut state, KeyCode::Char('j'));
    assert_eq!(press(&mut state, KeyCode::Enter), [ask_board("d19175"), ask_entries("d19175")]);
    assert!(state.entries.items().is_empty(), "nobody is shown who entered another one");
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Char('k'));
    assert_eq!(press(&mut state, KeyCode::Enter), [ask_board("3fa9c1"), ask_entries("3fa9c1")]);
    let late = Body::Entries { entries: entries() };
    answer(&mut state, Command::Entries { competition: id("d19175") }, late);
    assert!(state.entries.items().is_empty());
    let other = board(competitions().remove(1), rows());
    answer(&mut state, Command::Board { competition: id("d19175") }, Body::Board(Box::new(other)));
    assert!(state.board.is_none());
    let asked = board(competitions().remove(0), rows());
    answer(&mut state, Command::Board { competition: id("3fa9c1") }, Body::Board(Box::new(asked)));
    assert_eq!(state.board.as_ref().unwrap().competition.id, id("3fa9c1"));
    assert_eq!(state.rows.items().len(), 3);
}

#[test]
fn the_selected_competitor_stays_selected_when_the_board_changes() {
    let mut state = full(SIZE);
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::Char('j'));
    let before = state.rows.current().unwrap().competitor.clone();
    let mut changed = rows();
    changed.swap(0, 1);
    tick(&mut state, REFRESH_MS);
    let next = board(competitions().remove(0), changed);
    answer(&mut state, Command::Board { competition: id("3fa9c1") }, Body::Board(Box::new(next)));
    assert_eq!(state.rows.current().unwrap().competitor, before);
    assert_eq!(state.rows.window(9).position(|(on, _)| on), Some(0));
}

#[test]
fn an_error_is_shown_and_fades() {
    let mut state = full(SIZE);
    tick(&mut state, REFRESH_MS);
    let error = Body::Error { kind: ErrorKind::Internal, message: "the store is full".to_owned() };
    answer(&mut state, Command::Peers, error);
    assert_eq!(state.error.as_ref().unwrap().0, "the store is full");
    assert_eq!(state.peers.items().len(), 2, "what was known stays");
    tick(&mut state, REFRESH_MS + 60_000);
    assert!(state.error.is_none());
}

#[test]
fn losing_the_connection_keeps_what_was_known_and_asks_again_after_reconnecting() {
    let mut state = full(SIZE);
    let lost = FromConn::Lost { why: Down::Other("closed".to_owned()), retry_ms: 250 };
    conn(&mut state, lost.clone());
    assert!(matches!(state.link, Link::Down { retry_at_ms: 250, .. }));
    assert_eq!(state.rows.items().len(), 3);
    let logged = state.logged;
    conn(&mut state, lost);
    assert_eq!(state.logged, logged, "the same failure is told once");
    assert!(tick(&mut state, 60_000).is_empty());
    assert_eq!(connect(&mut state).len(), 4);
}

#[test]
fn what_could_not_be_sent_is_sent_later() {
    let mut state = fresh(SIZE);
    let effects = connect(&mut state);
    assert!(effects.contains(&Effect::Send(Command::Peers)));
    assert!(update(&mut state, Msg::Unsent(Command::Peers)).is_empty());
    assert_eq!(tick(&mut state, DEBOUNCE_MS), [Effect::Send(Command::Peers)]);
}

#[test]
fn panes_go_round_and_escape_leads_back() {
    let mut state = full(SIZE);
    for pane in [Pane::Board, Pane::Entries, Pane::Peers, Pane::Log, Pane::Competitions] {
        press(&mut state, KeyCode::Tab);
        assert_eq!(state.focus, pane);
    }
    press(&mut state, KeyCode::BackTab);
    assert_eq!(state.focus, Pane::Log);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.focus, Pane::Competitions);
    assert!(press(&mut state, KeyCode::Esc).is_empty(), "escape never quits");
}

#[test]
fn rows_are_walked_by_keys() {
    let mut state = full(SIZE);
    press(&mut state, KeyCode::Enter);
    let rank = |state: &State| state.rows.current().unwrap().rank;
    for (key, expected) in [
        (KeyCode::Char('j'), 2),
        (KeyCode::Down, 3),
        (KeyCode::Down, 3),
        (KeyCode::Char('k'), 2),
        (KeyCode::Char('G'), 3),
        (KeyCode::Char('g'), 1),
        (KeyCode::PageDown, 3),
        (KeyCode::PageUp, 1),
        (KeyCode::Up, 1),
    ] {
        press(&mut state, key);
        assert_eq!(rank(&state), Some(expected), "{key:?}");
    }
}

#[test]
fn overlays_open_close_and_take_the_keys() {
    let mut state = full(SIZE);
    press(&mut state, KeyCode::Char('?'));
    assert_eq!(state.overlay, Some(Overlay::Help));
    press(&mut state, KeyCode::Char('j'));
    assert_eq!(state.overlay, None);
    assert_eq!(state.competitions.window(9).position(|(on, _)| on), Some(0), "nothing moved under it");
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.overlay, Some(Overlay::Details));
    press(&mut state, KeyCode::Esc);
    assert_eq!((state.overlay, state.focus), (None, Pane::Board));
}

#[test]
fn filters_are_typed_kept_dropped_and_bounded() {
    let mut state = full(SIZE);
    press(&mut state, KeyCode::Char('/'));
    write(&mut state, "q");
    assert!(state.typing, "q is a letter here");
    assert_eq!(state.competitions.shown_len(), 0);
    press(&mut state, KeyCode::Backspace);
    write(&mut state, "CANCER");
    assert_eq!(state.competitions.shown_len(), 1);
    press(&mut state, KeyCode::Enter);
    assert!(!state.typing);
    assert_eq!(press(&mut state, KeyCode::Enter), [ask_board("beef"), ask_entries("beef")]);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.focus, Pane::Competitions);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.competitions.shown_len(), 3);
    press(&mut state, KeyCode::Char('/'));
    write(&mut state, &"x".repeat(500));
    assert_eq!(state.filter(Pane::Competitions).len(), tui::state::FILTER_CHARS);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.filter(Pane::Competitions), "");
}

#[test]
fn quitting_works_everywhere() {
    let mut state = full(SIZE);
    assert_eq!(press(&mut state, KeyCode::Char('q')), [Effect::Quit]);
    let interrupt = || Msg::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    press(&mut state, KeyCode::Char('/'));
    assert_eq!(update(&mut state, interrupt()), [Effect::Quit]);
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Char('?'));
    assert_eq!(update(&mut state, interrupt()), [Effect::Quit]);
}

#[test]
fn the_log_is_bounded() {
    let mut state = full(SIZE);
    for n in 0..2 * LOG_LINES {
        event(&mut state, Event::BlobFetched { blob: id("b10b"), bytes: n as u64 });
    }
    assert_eq!(state.log.items().len(), LOG_LINES);
}

#[test]
fn the_same_messages_make_the_same_state() {
    let play = || {
        let mut state = full(SIZE);
        event(&mut state, accepted("3fa9c1"));
        press(&mut state, KeyCode::Enter);
        let effects = tick(&mut state, 400);
        (format!("{state:?}"), effects)
    };
    assert_eq!(play(), play());
}
