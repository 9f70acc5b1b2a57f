//! What messages change, and what they ask for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::collections::HashMap;

use api::{Body, Command, ErrorKind, Event, Report};
use common::*;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use tui::conn::{Down, FromConn};
use tui::fetch::{DEBOUNCE_MS, REFRESH_MS};
use tui::items::Job;
use tui::state::{LOG_LINES, Link, Overlay, Pane, State};
use tui::update::{Effect, Launch, Msg, resolve, update};
use tui::visit::{Movement, Visit};

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

fn accepted(kind: &str, competition: &str) -> Event {
    Event::RecordAccepted {
        kind: kind.to_owned(),
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

fn ask_outline(start: &str) -> Effect {
    Effect::Send(Command::Outline { competition: id(start) })
}

const SIZE: (u16, u16) = (80, 24);

/// A state in which everything has arrived, looked at in this pane, and with nothing due.
fn at(pane: Pane) -> State {
    let mut state = full(SIZE);
    look_at(&mut state, &World::default(), pane);
    state.stale = false;
    state
}

#[test]
fn connecting_asks_for_what_is_shown_and_the_newest_competition_is_shown() {
    let mut state = fresh(SIZE);
    assert_eq!(connect(&mut state), [Effect::Send(Command::Competitions), Effect::Send(Command::Peers)]);
    let effects =
        answer(&mut state, Command::Competitions, Body::Competitions { competitions: competitions() });
    assert_eq!(effects, [Effect::LoadVisit(id("3fa9c1")), ask_board("3fa9c1")]);
    assert_eq!(state.focus, Pane::Competitions);
}

#[test]
fn nothing_is_asked_without_a_connection() {
    let mut state = fresh(SIZE);
    assert!(tick(&mut state, 60_000).is_empty());
    assert_eq!(press(&mut state, KeyCode::Char('r')), [Effect::Reconnect]);
}

#[test]
fn every_pane_asks_for_what_it_shows_and_for_nothing_else() {
    let asked = |pane| {
        let mut state = fresh(SIZE);
        state.focus = pane;
        connect(&mut state);
        let body = Body::Competitions { competitions: competitions() };
        let effects = answer(&mut state, Command::Competitions, body);
        let sent = effects.into_iter().filter_map(|effect| match effect {
            Effect::Send(command) => Some(command),
            _ => None,
        });
        sent.collect::<Vec<_>>()
    };
    let competition = || id("3fa9c1");
    assert_eq!(asked(Pane::Board), [Command::Board { competition: competition() }]);
    assert_eq!(asked(Pane::Competition), [Command::Board { competition: competition() }]);
    assert_eq!(asked(Pane::Entries), [Command::Entries { competition: competition() }]);
    // The proofs are asked for once the board is here.
    assert_eq!(asked(Pane::Chart), [Command::Board { competition: competition() }]);
    // Asked for as soon as there is a connection: no competition matters to these.
    assert_eq!(asked(Pane::Work), []);
    for (pane, commands) in [
        (Pane::Work, vec![Command::Own, Command::Work, Command::Fetches]),
        (Pane::Health, vec![Command::Health]),
        (Pane::Log, vec![]),
    ] {
        let mut state = fresh(SIZE);
        state.focus = pane;
        let usual = [Command::Competitions, Command::Peers];
        let expected: Vec<_> = usual.into_iter().chain(commands).map(Effect::Send).collect();
        assert_eq!(connect(&mut state), expected);
    }
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
    event(&mut state, accepted("competition", "beef"));
    assert!(tick(&mut state, DEBOUNCE_MS).contains(&Effect::Send(Command::Competitions)));
    known.push(late);
    let effects = answer(&mut state, Command::Competitions, Body::Competitions { competitions: known });
    assert_eq!(effects, [Effect::LoadVisit(id("beef")), ask_board("beef")]);
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
    let mut state = at(Pane::Board);
    for _ in 0..100 {
        assert!(event(&mut state, accepted("submission", "3fa9c1")).is_empty());
    }
    assert!(tick(&mut state, DEBOUNCE_MS - 1).is_empty());
    let effects = tick(&mut state, DEBOUNCE_MS);
    assert_eq!(effects, [Effect::Send(Command::Competitions), ask_board("3fa9c1")]);
    event(&mut state, accepted("submission", "3fa9c1"));
    assert!(tick(&mut state, 3 * DEBOUNCE_MS).is_empty(), "the answers are still awaited");
}

#[test]
fn records_of_other_competitions_leave_the_board_alone() {
    let mut state = at(Pane::Board);
    event(&mut state, accepted("submission", "beef"));
    assert_eq!(tick(&mut state, DEBOUNCE_MS), [Effect::Send(Command::Competitions)]);
}

#[test]
fn entries_are_asked_for_after_everything_but_a_proof() {
    for (kind, asked) in [("entry", true), ("withdrawal", true), ("reveal", true), ("submission", false)] {
        let mut state = at(Pane::Entries);
        event(&mut state, accepted(kind, "3fa9c1"));
        let effects = tick(&mut state, DEBOUNCE_MS);
        assert_eq!(effects.contains(&ask_entries("3fa9c1")), asked, "{effects:?}");
    }
}

#[test]
fn a_board_that_is_not_shown_is_asked_for_when_it_is() {
    let mut state = at(Pane::Log);
    event(&mut state, accepted("submission", "3fa9c1"));
    assert_eq!(tick(&mut state, DEBOUNCE_MS), [Effect::Send(Command::Competitions)]);
    assert_eq!(press(&mut state, KeyCode::Char('3')), [ask_board("3fa9c1")]);
}

#[test]
fn an_outline_tells_whether_the_board_is_worth_asking_for() {
    let mut state = at(Pane::Board);
    assert!(tick(&mut state, REFRESH_MS).contains(&ask_outline("3fa9c1")));
    let same = World::default().answer(&Command::Outline { competition: id("3fa9c1") });
    answer(&mut state, Command::Outline { competition: id("3fa9c1") }, same);
    assert!(!tick(&mut state, REFRESH_MS + DEBOUNCE_MS).contains(&ask_board("3fa9c1")));
    assert_eq!(state.rows.items().len(), 3, "the rows are kept");
    assert!(tick(&mut state, 2 * REFRESH_MS).contains(&ask_outline("3fa9c1")));
    let mut other = board(competitions().remove(0), Vec::new());
    other.fingerprint = id("0123");
    let body = Body::Board(Box::new(other));
    answer(&mut state, Command::Outline { competition: id("3fa9c1") }, body);
    assert!(tick(&mut state, 2 * REFRESH_MS + DEBOUNCE_MS).contains(&ask_board("3fa9c1")));
}

#[test]
fn entries_are_walked_and_filtered_like_rows() {
    let mut state = at(Pane::Entries);
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
    let mut state = at(Pane::Peers);
    event(&mut state, Event::PeerConnected { peer_id: peer_id("New") });
    assert_eq!(tick(&mut state, DEBOUNCE_MS), [Effect::Send(Command::Peers)]);
    answer(&mut state, Command::Peers, Body::Peers { peers: Vec::new(), banned: Vec::new() });
    assert!(state.peers.items().is_empty());
    event(&mut state, Event::Lagged { missed: 9 });
    let effects = tick(&mut state, 3 * DEBOUNCE_MS);
    assert_eq!(effects, [Effect::Send(Command::Competitions), Effect::Send(Command::Peers)]);
}

#[test]
fn bandwidth_is_measured_between_two_answers() {
    let mut state = at(Pane::Peers);
    tick(&mut state, REFRESH_MS);
    let mut later = peers();
    later[0].bytes_in += 50_000;
    answer(&mut state, Command::Peers, Body::Peers { peers: later, banned: bans() });
    let rates: Vec<_> = state
        .peers
        .items()
        .iter()
        .map(|neighbour| match neighbour {
            tui::items::Neighbour::Connected { rate, .. } => *rate,
            tui::items::Neighbour::Banned(_) => None,
        })
        .collect();
    assert_eq!(rates, [Some((5_000, 0)), Some((0, 0)), None]);
}

#[test]
fn a_late_answer_for_another_board_is_ignored() {
    let mut state = at(Pane::Competitions);
    press(&mut state, KeyCode::Char('j'));
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(effects, [Effect::LoadVisit(id("d19175")), ask_board("d19175")]);
    assert!(state.entries.items().is_empty(), "nobody is shown who entered another one");
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Char('k'));
    assert_eq!(press(&mut state, KeyCode::Enter), [ask_board("3fa9c1")], "its last visit is known");
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
    let mut state = at(Pane::Board);
    press(&mut state, KeyCode::Char('j'));
    let before = state.rows.current().unwrap().competitor.clone();
    let mut changed = rows();
    changed.swap(0, 1);
    event(&mut state, accepted("submission", "3fa9c1"));
    tick(&mut state, REFRESH_MS);
    let next = board(competitions().remove(0), changed);
    answer(&mut state, Command::Board { competition: id("3fa9c1") }, Body::Board(Box::new(next)));
    assert_eq!(state.rows.current().unwrap().competitor, before);
    assert_eq!(state.rows.window(9).position(|(on, _)| on), Some(0));
}

#[test]
fn movements_are_since_the_last_visit_and_ranks_are_kept_for_the_next() {
    let mut state = fresh(SIZE);
    connect(&mut state);
    answer(&mut state, Command::Competitions, Body::Competitions { competitions: competitions() });
    let asked = board(competitions().remove(0), rows());
    let effects =
        answer(&mut state, Command::Board { competition: id("3fa9c1") }, Body::Board(Box::new(asked)));
    let saves = |effects: &[Effect]| effects.iter().any(|e| matches!(e, Effect::SaveVisit(..)));
    assert!(!saves(&effects), "the last visit has not been read yet");
    let ranks = HashMap::from([(peer_id("Comp0001"), 3), (peer_id("Comp0002"), 1)]);
    let last = Visit { at: NOW - 86_400, ranks };
    let effects = update(&mut state, Msg::Visit(id("3fa9c1"), last.clone()));
    assert_eq!(effects, [Effect::SaveVisit(id("3fa9c1"), Visit::of(&rows(), NOW))]);
    let moved: Vec<_> = rows().iter().map(|row| last.movement(row)).collect();
    assert_eq!(moved, [Some(Movement::Up(2)), Some(Movement::Down(1)), Some(Movement::New)]);
    assert_eq!(state.last_visit(), Some(&last), "what is kept now is for the next visit");
}

#[test]
fn an_error_is_shown_and_fades() {
    let mut state = at(Pane::Peers);
    tick(&mut state, REFRESH_MS);
    let error = Body::Error { kind: ErrorKind::Internal, message: "the store is full".to_owned() };
    answer(&mut state, Command::Peers, error);
    assert_eq!(state.error.as_ref().unwrap().0, "the store is full");
    assert_eq!(state.peers.items().len(), 3, "what was known stays");
    state.stale = false;
    tick(&mut state, REFRESH_MS + 60_000);
    assert!(state.error.is_none() && state.stale);
}

#[test]
fn losing_the_connection_keeps_what_was_known_and_asks_again_after_reconnecting() {
    let mut state = at(Pane::Board);
    let lost = FromConn::Lost { why: Down::Other("closed".to_owned()), retry_ms: 250 };
    conn(&mut state, lost.clone());
    assert!(matches!(state.link, Link::Down { retry_at_ms: 250, .. }));
    assert_eq!(state.rows.items().len(), 3);
    let logged = state.logged;
    conn(&mut state, lost);
    assert_eq!(state.logged, logged, "the same failure is told once");
    assert!(tick(&mut state, 60_000).is_empty());
    let effects = connect(&mut state);
    let board = [Effect::Send(Command::Competitions), ask_board("3fa9c1")];
    assert!(board.iter().all(|effect| effects.contains(effect)), "{effects:?}");
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
    for pane in Pane::ALL.into_iter().cycle().skip(1).take(Pane::ALL.len()) {
        press(&mut state, KeyCode::Tab);
        assert_eq!(state.focus, pane);
    }
    press(&mut state, KeyCode::BackTab);
    assert_eq!(state.focus, Pane::Log);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.focus, Pane::Competitions);
    assert!(!press(&mut state, KeyCode::Esc).contains(&Effect::Quit), "escape never quits");
    for (key, pane) in ('1'..='9').zip(Pane::ALL) {
        press(&mut state, KeyCode::Char(key));
        assert_eq!(state.focus, pane);
    }
}

#[test]
fn rows_are_walked_by_keys() {
    let mut state = at(Pane::Board);
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
        (KeyCode::End, 3),
        (KeyCode::Home, 1),
    ] {
        press(&mut state, key);
        assert_eq!(rank(&state), Some(expected), "{key:?}");
    }
}

#[test]
fn rows_are_sorted_by_keys_and_the_selected_one_stays() {
    let mut state = at(Pane::Board);
    press(&mut state, KeyCode::Char('j'));
    let order = |state: &State| state.rows.window(9).map(|(_, row)| row.rank.unwrap()).collect::<Vec<_>>();
    press(&mut state, KeyCode::Char('s'));
    assert_eq!((order(&state), state.rows.order()), (vec![3, 2, 1], Some(("name", false))));
    press(&mut state, KeyCode::Char('S'));
    assert_eq!((order(&state), state.rows.order()), (vec![1, 2, 3], Some(("name", true))));
    press(&mut state, KeyCode::Char('s'));
    assert_eq!(order(&state), [1, 2, 3], "fewest tries first");
    assert_eq!(state.rows.current().unwrap().rank, Some(2));
}

#[test]
fn overlays_open_close_scroll_and_take_the_keys() {
    let mut state = full((60, 15));
    press(&mut state, KeyCode::Char('?'));
    assert_eq!(state.overlay, Some(Overlay::Help));
    press(&mut state, KeyCode::Char('j'));
    assert_eq!((state.overlay, state.scrolls[2]), (Some(Overlay::Help), 1));
    press(&mut state, KeyCode::Char('G'));
    let end = state.scrolls[2];
    assert!(end > 1);
    press(&mut state, KeyCode::Char('j'));
    assert_eq!(state.scrolls[2], end, "there is nothing below the end");
    press(&mut state, KeyCode::Char('k'));
    assert_eq!(state.scrolls[2], end - 1);
    press(&mut state, KeyCode::Tab);
    assert_eq!((state.overlay, state.focus), (None, Pane::Competitions));
    assert_eq!(state.competitions.window(9).position(|(on, _)| on), Some(0), "nothing moved under it");
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.overlay, Some(Overlay::Details));
    press(&mut state, KeyCode::Esc);
    assert_eq!((state.overlay, state.focus), (None, Pane::Board));
}

#[test]
fn details_ask_for_the_submission_and_again_when_it_is_another() {
    let mut state = at(Pane::Board);
    let ask = |n: u64| Effect::Send(Command::Submission { id: id(&format!("5{n:03}")) });
    assert_eq!(press(&mut state, KeyCode::Enter), [ask(1)]);
    answer(
        &mut state,
        Command::Submission { id: id("5001") },
        Body::Submission(Box::new(detail(&id("5001")))),
    );
    press(&mut state, KeyCode::Esc);
    assert!(press(&mut state, KeyCode::Enter).is_empty(), "it is known");
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Char('j'));
    assert_eq!(press(&mut state, KeyCode::Enter), [ask(2)]);
    assert!(state.detail.is_none());
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
    assert!(press(&mut state, KeyCode::Enter).contains(&ask_board("beef")));
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.focus, Pane::Competitions);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.competitions.shown_len(), 3);
    press(&mut state, KeyCode::Char('/'));
    write(&mut state, &"x".repeat(500));
    assert_eq!(state.filter(Pane::Competitions).len(), tui::state::FILTER_CHARS);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.filter(Pane::Competitions), "");
    state.focus = Pane::Health;
    press(&mut state, KeyCode::Char('/'));
    assert!(!state.typing, "a text has no filter");
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
fn ids_are_copied_and_nothing_else() {
    for (pane, expected) in [
        (Pane::Competitions, id("3fa9c1")),
        (Pane::Board, id("5001")),
        (Pane::Entries, id("e001")),
        (Pane::Peers, peer_id("Peer0001")),
        (Pane::Work, id("3fa9c1")),
        (Pane::Health, peer_id("Self0001")),
    ] {
        let mut state = at(pane);
        press(&mut state, KeyCode::Char('g'));
        let effects = press(&mut state, KeyCode::Char('y'));
        assert!(effects.contains(&Effect::Copy(expected)), "{pane:?}: {effects:?}");
    }
    let mut state = at(Pane::Log);
    assert!(press(&mut state, KeyCode::Char('y')).is_empty());
    assert!(state.error.is_some());
    // A daemon that is not what it should be cannot make people paste what it likes.
    let mut state = at(Pane::Competitions);
    let mut nasty = competitions();
    nasty[0].id = "3fa9; rm -rf ~\n".to_owned();
    state.competitions.replace(nasty);
    state.competitions.top();
    assert!(press(&mut state, KeyCode::Char('y')).contains(&Effect::Copy("3fa9rmrf".to_owned())));
}

#[test]
fn a_daemon_is_started_once_and_only_where_there_is_none() {
    let mut state = full(SIZE);
    assert!(press(&mut state, KeyCode::Char('D')).is_empty());
    assert!(state.error.is_some());
    let mut state = fresh(SIZE);
    conn(&mut state, FromConn::Lost { why: Down::NoDaemon, retry_ms: 250 });
    let start = Effect::Launch(Launch::Daemon);
    assert_eq!(press(&mut state, KeyCode::Char('D')), [start.clone(), Effect::Reconnect]);
    assert!(press(&mut state, KeyCode::Char('D')).is_empty(), "it is being started");
    update(&mut state, Msg::Ended(Launch::Daemon, Err("exit status 1".to_owned())));
    assert!(state.error.as_ref().unwrap().0.contains("exit status 1"));
    assert!(press(&mut state, KeyCode::Char('D')).contains(&start), "after a failure again");
    state.node_program = None;
    state.starting = false;
    assert!(press(&mut state, KeyCode::Char('D')).is_empty());
}

#[test]
fn a_bundle_is_written_of_the_competition_that_is_looked_at() {
    let mut state = at(Pane::Competitions);
    press(&mut state, KeyCode::Char('j'));
    let export = |start: &str| Effect::Launch(Launch::Export(id(start)));
    assert_eq!(press(&mut state, KeyCode::Char('e')), [export("d19175")]);
    let mut state = at(Pane::Board);
    assert_eq!(press(&mut state, KeyCode::Char('e')), [export("3fa9c1")]);
    update(&mut state, Msg::Ended(Launch::Export(id("3fa9c1")), Ok("the bundle is in x".to_owned())));
    assert_eq!(state.log.items()[0].text, "the bundle is in x");
}

#[test]
fn work_appears_moves_and_goes_as_it_is_told() {
    let mut state = at(Pane::Work);
    let told = |done_bps: u32, ended: bool| {
        let report = Report { id: "new".to_owned(), done_bps, ended, ..work().report };
        Event::Work { work: api::Work { report, started: NOW, updated: NOW + 5 } }
    };
    let shown = |state: &State| {
        let done = state.jobs.items().iter().filter_map(|job| match job {
            Job::Work(work) => Some((work.report.id.clone(), work.report.done_bps)),
            _ => None,
        });
        done.collect::<Vec<_>>()
    };
    event(&mut state, told(10, false));
    event(&mut state, told(20, false));
    assert_eq!(shown(&state), [("4711-1".to_owned(), 4_321), ("new".to_owned(), 20)]);
    assert_eq!(state.log.items()[0].text, "proving has begun");
    event(&mut state, told(10_000, true));
    assert_eq!(shown(&state).len(), 1);
    assert!(state.log.items()[0].text.starts_with("proving has ended after 5 s"));
}

#[test]
fn the_mouse_selects_scrolls_and_changes_panes() {
    let mut state = at(Pane::Competitions);
    let mouse = |state: &mut State, kind, column, row| {
        update(state, Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
    };
    let click = MouseEventKind::Down(MouseButton::Left);
    // Title, tabs, border, heads, first row, second row.
    mouse(&mut state, click, 5, 5);
    assert_eq!(state.competitions.current().unwrap().id, id("d19175"));
    mouse(&mut state, MouseEventKind::ScrollDown, 5, 5);
    assert_eq!(state.competitions.current().unwrap().id, id("beef"));
    mouse(&mut state, click, 5, 20);
    assert_eq!(state.focus, Pane::Board);
    let page = tui::picture::text(&tui::picture::of(&state, &tui::theme::Theme::new(false)));
    let line = |wanted: &str| u16::try_from(page.iter().position(|l| l.contains(wanted)).unwrap()).unwrap();
    // The line of the threshold stands between the second row and the third, and is no row.
    let (second, threshold, third) = (line("Zoë"), line("─── threshold"), line("a name"));
    assert_eq!((threshold, third), (second + 1, second + 2));
    mouse(&mut state, click, 10, third);
    assert_eq!(state.rows.current().unwrap().rank, Some(3));
    mouse(&mut state, click, 10, threshold);
    assert_eq!(state.rows.current().unwrap().rank, Some(3));
    mouse(&mut state, click, 10, second);
    assert_eq!(state.rows.current().unwrap().rank, Some(2));
    mouse(&mut state, click, 2, 1);
    assert_eq!(state.focus, Pane::Competitions, "a click on a name of the tabs");
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
fn a_screen_that_would_look_the_same_is_not_drawn() {
    let mut state = at(Pane::Board);
    state.stale = false;
    // The first second of a minute.
    for ms in (0..50_000).step_by(250) {
        for effect in tick(&mut state, ms) {
            let Effect::Send(command) = effect else { continue };
            // An answer is a reason to draw; nothing else here is.
            let body = World::default().answer(&command);
            answer(&mut state, command, body);
            state.stale = false;
        }
        assert!(!state.stale, "{ms}");
    }
    tick(&mut state, 60_000);
    assert!(state.stale, "a minute has passed: ages have changed");
    conn(&mut state, FromConn::Lost { why: Down::NoDaemon, retry_ms: 3_000 });
    state.stale = false;
    tick(&mut state, 60_500);
    assert!(!state.stale);
    tick(&mut state, 61_250);
    assert!(state.stale, "the next try is counted down");
}

#[test]
fn the_last_two_minutes_are_counted_down() {
    let mut world = World::default();
    world.competitions[1].prove_deadline = NOW + 100;
    let mut state = of_world(SIZE, &world);
    state.stale = false;
    tick(&mut state, 250);
    assert!(!state.stale);
    tick(&mut state, 1_000);
    assert!(state.stale);
}

#[test]
fn the_same_messages_make_the_same_state() {
    let play = || {
        let mut state = full(SIZE);
        event(&mut state, accepted("submission", "3fa9c1"));
        press(&mut state, KeyCode::Enter);
        let effects = tick(&mut state, 400);
        (format!("{state:?}"), effects)
    };
    assert_eq!(play(), play());
}
