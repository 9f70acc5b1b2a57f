//! Attacks that worked once.

use super::{
    flow::{NOW, accepted},
    sealed::{contest, entered, revealed, scored, withdrawn},
};
use crate::{
    Board, Body, Bundle, Competition, EntryStanding, FormError, RuleError, SealError, TieRule, Verdict,
    limits::MAX_ROSTER,
    sign, skeleton,
    testing::{
        CREATED, FakeChecker, classes, enter, entry, host, key_bytes, person, sealed, settle, state_with,
        test_set_bytes,
    },
    verify_bundle,
};

/// A competitor enters more than he may, and the host lists as many as he may.
#[test]
fn a_host_who_fills_a_competitors_places_leaves_nothing_out() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let made: Vec<_> = (1..=3).map(|model| entered(id, 2, model, CREATED + u64::from(model))).collect();
    for one in &made {
        accepted(settle(&mut state, &one.1));
    }
    accepted(settle(&mut state, &revealed(id, &[&made[0].1, &made[1].1]).1));
    let standing = |state: &_, at: usize| contest(state, id).entry_standing(made[at].1.id());
    assert_eq!(standing(&state, 2), Some(EntryStanding::BeyondCap));
    // A withdrawal that claims to be of before the reveal makes no place afterwards.
    accepted(settle(&mut state, &withdrawn(id, 2, made[0].1.id())));
    assert_eq!(standing(&state, 0), Some(EntryStanding::OnRoster));
    assert_eq!(standing(&state, 2), Some(EntryStanding::BeyondCap));
}

/// Ids are free to choose: time, name and audit digest of an entry are bound by nothing but its signature.
#[test]
fn nobody_can_choose_an_entry_that_wins_ties_in_a_sealed_competition() {
    let mut won = 0;
    for round in 0..8 {
        let rules = Competition { tie_rule: TieRule::EntryId, ..sealed(&format!("ties {round}")) };
        let hosted = host(rules);
        let id = hosted.id();
        let mut state = state_with(&hosted);
        let honest = entered(id, 3, 1, CREATED);
        let ground = (0..64).map(|n| {
            let body =
                crate::Entry { audit_digest: [n; 32], ..entry(id, &person(2), classes()[0], 2, CREATED) };
            (body.clone(), enter(&person(2), body))
        });
        let ground = ground.min_by_key(|one| one.1.id()).unwrap();
        let shown = revealed(id, &[&honest.1, &ground.1]);
        for record in [&honest.1, &ground.1, &shown.1] {
            accepted(settle(&mut state, record));
        }
        accepted(settle(&mut state, &scored(&shown, &honest, 3, 5).1));
        accepted(settle(&mut state, &scored(&shown, &ground, 2, 5).1));
        let board = Board::of(contest(&state, id));
        won += usize::from(board.rows[0].entry == ground.1.id());
    }
    assert!((1..=7).contains(&won), "the lowest of 64 ids wins {won} of 8 ties");
}

#[test]
fn names_that_cannot_be_seen_are_refused() {
    for blank in [
        '\u{ad}',
        '\u{34f}',
        '\u{115f}',
        '\u{1160}',
        '\u{17b4}',
        '\u{180e}',
        '\u{206a}',
        '\u{206f}',
        '\u{2800}',
        '\u{3164}',
        '\u{ffa0}',
        '\u{fffb}',
        '\u{e0041}',
        '\u{e0100}',
    ] {
        for name in [blank.to_string(), format!("Ada{blank}")] {
            let body = crate::Entry {
                display_name: name.clone(),
                ..entry(host(sealed("digits")).id(), &person(2), classes()[0], 1, CREATED)
            };
            let error = sign(&person(2), &Body::Entry(Box::new(body))).map(|signed| signed.id());
            let refused =
                matches!(error, Err(SealError::Form(FormError::Rule(RuleError::TextCharacter { .. }))));
            assert!(refused, "{name:?} {error:?}");
        }
    }
}

#[test]
fn a_capital_i_is_no_disguise() {
    for (a, b) in [("Al", "AI"), ("Bill", "BiIl"), ("Bill", "BilI"), ("ai", "AI"), ("model 1", "model I")] {
        assert_eq!(skeleton(a), skeleton(b), "{a} {b}");
    }
    assert_ne!(skeleton("Ada"), skeleton("Ida"));
}

/// One proof, signed with ever earlier times: each record is kept, and none is worth telling everybody at once.
#[test]
fn the_same_proofs_with_earlier_times_are_not_forwarded() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let mine = entered(id, 2, 1, CREATED);
    let shown = revealed(id, &[&mine.1]);
    accepted(settle(&mut state, &mine.1));
    accepted(settle(&mut state, &shown.1));
    for back in 0..20 {
        let body = crate::testing::submission_after(
            Some((shown.1.id(), &shown.0)),
            &mine.1,
            &mine.0,
            &person(2),
            &[5, 0, 0],
            crate::testing::DEADLINE - back,
            0,
        );
        let outcome = settle(&mut state, &crate::testing::submit(&person(2), body));
        let expected = if back == 0 { Verdict::Accept } else { Verdict::Ignore };
        assert_eq!(outcome.verdict(), Some(expected), "{outcome:?}");
    }
}

/// Nobody has scored: what a score would be checked against is looked at all the same.
#[test]
fn a_bundle_without_scores_is_not_whole_with_a_wrong_test_set_or_without_a_key() {
    let hosted = host(sealed("digits"));
    let mine = entered(hosted.id(), 2, 1, CREATED);
    let records = [&hosted, &mine.1, &revealed(hosted.id(), &[&mine.1]).1];
    let whole = Bundle {
        records: records.iter().map(|record| record.bytes().to_vec()).collect(),
        blobs: vec![test_set_bytes(), key_bytes(classes()[0]), key_bytes(classes()[1])],
    };
    assert!(verify_bundle(&FakeChecker, &whole, CREATED).unwrap().is_whole());
    for missing in 0..3 {
        let mut bundle = whole.clone();
        bundle.blobs.remove(missing);
        let report = verify_bundle(&FakeChecker, &bundle, CREATED).unwrap();
        assert!(!report.is_whole(), "without file {missing}: {report:?}");
    }
    // A test set that the host has sealed, and that is none.
    let noise = b"no test set".to_vec();
    let blob = crate::BlobRef::of(&noise);
    let mut rules = sealed("noise");
    if let crate::TestSetTerms::Sealed { seal, .. } = &mut rules.test_set {
        let host = crate::testing::author(&person(1));
        *seal = crate::Seal::of(&host, &blob, crate::testing::rows() as u64, &crate::testing::SALT);
    }
    let hosted = host(rules);
    let mine = entered(hosted.id(), 2, 1, CREATED);
    let body = crate::Reveal { test_set: blob, ..crate::testing::reveal(hosted.id(), &[mine.1.id()]) };
    let shown = crate::testing::by_host(Body::Reveal(body));
    let bundle = Bundle {
        records: [&hosted, &mine.1, &shown].iter().map(|record| record.bytes().to_vec()).collect(),
        blobs: vec![noise, key_bytes(classes()[0]), key_bytes(classes()[1])],
    };
    let report = verify_bundle(&FakeChecker, &bundle, CREATED).unwrap();
    assert!(!report.is_whole(), "{report:?}");
}

#[test]
#[ignore = "a measurement: cargo test -p protocol --release measure -- --ignored --nocapture"]
fn measure_large_sets() {
    use std::time::Instant;
    let rules = Competition {
        caps: crate::Caps { entries: 1000, withdrawals: 1000, submissions: 3 },
        ..sealed("large")
    };
    let hosted = host(rules);
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let start = Instant::now();
    let made: Vec<_> = (0..5000u64)
        .map(|n| {
            let who = 2 + (n % 200) as u8;
            let mut body = entry(id, &person(who), classes()[0], who, CREATED + n / 200);
            body.audit_digest[..8].copy_from_slice(&n.to_be_bytes());
            (who, (body.clone(), enter(&person(who), body)))
        })
        .collect();
    eprintln!("signed 5000 entries: {:?}", start.elapsed());
    let start = Instant::now();
    for (_, one) in &made {
        accepted(settle(&mut state, &one.1));
    }
    eprintln!("5000 entries: {:?}", start.elapsed());
    let filler = (0..MAX_ROSTER - 5000).map(|n| {
        let mut bytes = [0xee; 32];
        bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
        crate::RecordId::new(bytes)
    });
    let ids: Vec<_> = made.iter().map(|(_, one)| one.1.id()).chain(filler).collect();
    let body = crate::testing::reveal(id, &ids);
    let shown = (body.clone(), crate::testing::by_host(Body::Reveal(body)));
    let start = Instant::now();
    accepted(settle(&mut state, &shown.1));
    eprintln!("reveal of 7168: {:?}", start.elapsed());
    let start = Instant::now();
    for _ in 0..100 {
        state.wanted_blobs();
    }
    eprintln!("wanted_blobs: {:?}", start.elapsed() / 100);
    let mut scores = Vec::new();
    for correct in [3, 4] {
        scores.extend(made.iter().map(|(who, one)| scored(&shown, one, *who, correct)));
    }
    let start = Instant::now();
    for score in &scores {
        let (outcome, _) = state.apply(score.1.bytes(), NOW);
        assert!(matches!(outcome, crate::Outcome::Checking), "{outcome:?}");
        crate::testing::run_all(&mut state);
    }
    eprintln!("10000 submissions: {:?}", start.elapsed());
    let start = Instant::now();
    for (who, one) in &made {
        let record = withdrawn(id, *who, one.1.id());
        accepted(state.apply(record.bytes(), NOW).0);
    }
    eprintln!("5000 withdrawals: {:?}", start.elapsed());
    let all: Vec<_> = contest(&state, id).records().map(|kept| (kept.item.0, kept.item.1)).collect();
    let start = Instant::now();
    for (record, kind) in &all {
        assert!(contest(&state, id).record(*record, *kind).is_some());
    }
    eprintln!("every record looked up: {:?}", start.elapsed());
    let start = Instant::now();
    let mut board = Board::of(contest(&state, id));
    eprintln!("board: {:?}", start.elapsed());
    let start = Instant::now();
    board.update(contest(&state, id), &scores[0].1.author());
    eprintln!("board update: {:?}", start.elapsed());
    let start = Instant::now();
    for (_, one) in &made {
        contest(&state, id).entry_standing(one.1.id());
    }
    eprintln!("standings: {:?}", start.elapsed());
    let start = Instant::now();
    contest(&state, id).fingerprint();
    eprintln!("fingerprint: {:?}", start.elapsed());
    let start = Instant::now();
    state.missing_on_rosters(id, usize::MAX);
    eprintln!("missing on rosters: {:?}", start.elapsed());
}
