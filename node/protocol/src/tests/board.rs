//! Boards that are brought up to date, and what is shown beside the rows.

use super::{
    flow::accepted,
    sealed::{contest, entered, revealed, scored},
};
use crate::{
    Board, Competition, Entry, Signed, TieRule,
    testing::{
        CREATED, FakeState, author, classes, competition, enter, entry, host, person, sealed, settle,
        state_with, submission, submit,
    },
};

/// A record of one competitor is kept: the board is brought up to date, and is the one made anew.
fn follow(state: &mut FakeState, board: &mut Board, who: u8, record: &Signed) {
    accepted(settle(state, record));
    let contest = contest(state, board.competition);
    board.update(contest, &author(&person(who)));
    assert_eq!(*board, Board::of(contest));
}

fn named(competition: &Signed, who: u8, name: &str, created: u64) -> (Entry, Signed) {
    let body = Entry {
        display_name: name.to_owned(),
        ..entry(competition.id(), &person(who), classes()[0], who, created)
    };
    (body.clone(), enter(&person(who), body))
}

fn score(of: &(Entry, Signed), who: u8, correct: u64) -> Signed {
    submit(&person(who), submission(&of.1, &of.0, &person(who), &[correct, 0, 0], CREATED + 9, 0))
}

#[test]
fn a_board_that_follows_every_record_is_the_board_made_anew() {
    for tie_rule in [TieRule::SharedRank, TieRule::EntryId] {
        let hosted = host(Competition { tie_rule, ..competition("digits") });
        let mut state = state_with(&hosted);
        let mut board = Board::of(contest(&state, hosted.id()));
        let made: Vec<_> = (2..8).map(|who| named(&hosted, who, &format!("n{}", who / 2), CREATED)).collect();
        for (who, one) in (2..8).zip(&made) {
            follow(&mut state, &mut board, who, &one.1);
        }
        // Up from the end, into ties, past others, and to the top.
        for (who, correct) in
            [(2, 5), (3, 5), (4, 9), (5, 1), (2, 9), (6, 9), (7, 0), (5, 30), (3, 4), (7, 5)]
        {
            follow(&mut state, &mut board, who, &score(&made[usize::from(who) - 2], who, correct));
        }
        assert_eq!(board.rows.len(), 6);
    }
}

#[test]
fn a_row_goes_with_its_entry_and_names_are_told_apart_again() {
    let hosted = host(competition("digits"));
    let mut state = state_with(&hosted);
    let mut board = Board::of(contest(&state, hosted.id()));
    // Ada, and a Cyrillic one.
    let ada = named(&hosted, 2, "Ada", CREATED + 5);
    let other = named(&hosted, 3, "\u{0410}da", CREATED);
    follow(&mut state, &mut board, 2, &ada.1);
    follow(&mut state, &mut board, 2, &score(&ada, 2, 9));
    assert!(!board.rows[0].namesake);
    follow(&mut state, &mut board, 3, &other.1);
    assert!(!board.rows[0].namesake, "who has no row misleads nobody");
    follow(&mut state, &mut board, 3, &score(&other, 3, 4));
    assert!(board.rows.iter().all(|row| row.namesake));
    // Two earlier entries of hers displace the one that was scored.
    for later in 0..2 {
        let body = entry(hosted.id(), &person(2), classes()[0], 40 + later, CREATED + u64::from(later));
        follow(&mut state, &mut board, 2, &enter(&person(2), body));
    }
    let names: Vec<_> = board.rows.iter().map(|row| (row.rank, row.namesake)).collect();
    assert_eq!(names, [(Some(1), false)]);
}

#[test]
fn one_competitor_with_two_names_is_nobodys_namesake() {
    let hosted = host(competition("digits"));
    let mut state = state_with(&hosted);
    let (mine, again) = (named(&hosted, 2, "Ada", CREATED), named(&hosted, 2, "ada", CREATED + 1));
    for record in [&mine.1, &again.1, &score(&mine, 2, 4), &score(&again, 2, 5)] {
        accepted(settle(&mut state, record));
    }
    let board = Board::of(contest(&state, hosted.id()));
    assert_eq!((board.rows.len(), board.rows[0].namesake, board.rows[0].entries), (1, false, 2));
}

#[test]
fn a_sealed_board_follows_its_competitors_after_the_reveal() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let mut board = Board::of(contest(&state, id));
    let made: Vec<_> = (2..5).map(|who| entered(id, who, who, CREATED)).collect();
    for (who, one) in (2..5).zip(&made) {
        follow(&mut state, &mut board, who, &one.1);
    }
    let shown = revealed(id, &made.iter().map(|one| &one.1).collect::<Vec<_>>());
    accepted(settle(&mut state, &shown.1));
    // Whoever it is about, what is shown of the competition itself follows too.
    board.update(contest(&state, id), &author(&person(2)));
    assert_eq!(board, Board::of(contest(&state, id)));
    for (who, correct) in [(2, 4), (3, 6), (4, 6), (2, 7)] {
        let one = &made[usize::from(who) - 2];
        follow(&mut state, &mut board, who, &scored(&shown, one, who, correct).1);
    }
    let ranks: Vec<_> = board.rows.iter().map(|row| (row.correct, row.rank)).collect();
    assert_eq!(ranks, [(7, Some(1)), (6, Some(2)), (6, Some(2))]);
}
