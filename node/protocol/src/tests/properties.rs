//! Any order, any repetition, any split: the same board, byte for byte, and the same fingerprint.

use crate::{
    Board, Caps, Competition, Outcome, ProofJob, RecordId, Signed, Update,
    testing::{
        CREATED, DEADLINE, FakeChecker, FakeModel, FakeState, TEST_SET, bring_blobs, classes, competition,
        enter, entry, host, key_bytes, person, run_all, run_one, submission, submit,
    },
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// Records of two competitions: three competitors with three entries each where two are admitted, four statements an
/// entry where two are admitted, some of them proved twice; and records that must never change anything.
struct Universe {
    competitions: Vec<Signed>,
    valid: Vec<Signed>,
    invalid: Vec<Signed>,
    /// By competition: the ids that the rules keep, worked out from the rules alone.
    kept: BTreeMap<RecordId, BTreeSet<RecordId>>,
}

static UNIVERSE: LazyLock<Universe> = LazyLock::new(universe);

fn universe() -> Universe {
    let caps = Caps { entries: 2, withdrawals: 0, submissions: 2 };
    let hosted = ["first", "second"].map(|title| host(Competition { caps, ..competition(title) }));
    let mut universe = Universe {
        competitions: hosted.to_vec(),
        valid: Vec::new(),
        invalid: Vec::new(),
        kept: BTreeMap::new(),
    };
    for contest in &hosted {
        let mut kept = BTreeSet::from([contest.id()]);
        universe.valid.push(contest.clone());
        for who in 2..5 {
            kept.extend(competitor(&mut universe, contest.id(), who));
        }
        universe.kept.insert(contest.id(), kept);
    }
    universe
}

/// Adds one competitor's records; returns the ids of those that are to be kept.
fn competitor(universe: &mut Universe, competition: RecordId, who: u8) -> BTreeSet<RecordId> {
    let person = person(who);
    let mut entries = Vec::new();
    for model in 0..3u8 {
        let class = classes()[usize::from(model % 2)];
        // Entries 0 and 1 claim the same time, so that their ids decide.
        let body = entry(competition, &person, class, 10 * who + model, CREATED + u64::from(model / 2));
        let record = enter(&person, body.clone());
        let submissions = submissions(universe, &record, &body, who);
        universe.valid.push(record.clone());
        entries.push((body.created, record.id(), submissions));

        let mut forged = body.clone();
        forged.model_proof.0[3] ^= 1;
        forged.created = CREATED - 1;
        universe.invalid.push(enter(&person, forged));
        universe.invalid.push(enter(&person_after(who), body));
    }
    entries.sort_by_key(|(created, id, _)| (*created, *id));
    entries.truncate(2);
    entries.into_iter().flat_map(|(_, id, submissions)| submissions.into_iter().chain([id])).collect()
}

fn person_after(who: u8) -> libp2p_identity::Keypair {
    person(who + 100)
}

/// Adds the submissions of one entry; returns those that are kept if the entry is.
fn submissions(universe: &mut Universe, record: &Signed, body: &crate::Entry, who: u8) -> Vec<RecordId> {
    let person = person(who);
    let mut first_of_statement = Vec::new();
    for statement in 0..4u64 {
        let correct = [40 + statement * 7 + u64::from(who / 3), statement, 0];
        let variants = (0..=(statement % 2) as u8).map(|randomness| {
            let created = CREATED + 10 - statement + u64::from(randomness);
            let made = submission(record, body, &person, &correct, created, randomness);
            (created, submit(&person, made))
        });
        let variants: Vec<(u64, Signed)> = variants.collect();
        first_of_statement.extend(variants.iter().map(|(created, signed)| (*created, signed.id())).min());
        universe.valid.extend(variants.into_iter().map(|(_, signed)| signed));
    }
    first_of_statement.sort_unstable();
    first_of_statement.truncate(2);

    let good = submission(record, body, &person, &[400, 0, 0], CREATED, 0);
    let mut forged = good.clone();
    forged.chunks[0].correct += 1;
    universe.invalid.push(submit(&person, forged));
    universe.invalid.push(submit(&person_after(who), good.clone()));
    universe.invalid.push(submit(&person, crate::Submission { created: DEADLINE + 1, ..good.clone() }));
    let mut short = good;
    short.chunks.pop();
    if !short.chunks.is_empty() {
        universe.invalid.push(submit(&person, short));
    }
    first_of_statement.into_iter().map(|(_, id)| id).collect()
}

/// What a node shows: board bytes and fingerprint of every competition, and of everything.
pub(super) fn shown(state: &FakeState) -> Vec<(Vec<u8>, crate::Fingerprint)> {
    let all = [(Vec::new(), state.set().fingerprint())];
    let contests =
        state.set().contests().map(|contest| (Board::of(contest).to_bytes(), contest.fingerprint()));
    contests.chain(all).collect()
}

static REFERENCE: LazyLock<Vec<(Vec<u8>, crate::Fingerprint)>> = LazyLock::new(|| {
    let mut state = FakeState::default();
    feed(&mut state, UNIVERSE.valid.iter());
    shown(&state)
});

pub(super) fn feed<'a>(state: &mut FakeState, records: impl Iterator<Item = &'a Signed>) {
    for record in records {
        state.apply(record.bytes(), CREATED);
    }
    bring_blobs(state);
    run_all(state);
}

/// What happens to a node between two records.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Record(usize),
    Blobs,
    /// Take a proof check, and hold its result back.
    Take,
    /// Report a held result.
    Report(usize),
}

pub(super) fn steps(records: usize) -> impl Strategy<Value = Vec<Step>> {
    let once: Vec<Step> = (0..records).map(Step::Record).collect();
    let step = prop_oneof![
        2 => (0..records).prop_map(Step::Record),
        1 => Just(Step::Blobs),
        4 => Just(Step::Take),
        4 => any::<usize>().prop_map(Step::Report),
    ];
    prop::collection::vec(step, 0..300)
        .prop_map(move |more| once.iter().cloned().chain(more).collect::<Vec<_>>())
        .prop_shuffle()
}

/// Plays the steps, then lets everything come to an end.
pub(super) fn play(records: &[&Signed], steps: &[Step]) -> FakeState {
    play_noting(records, steps, &mut |_, _| ())
}

/// The same; `note` is told after every step what has become of which records.
pub(super) fn play_noting(
    records: &[&Signed],
    steps: &[Step],
    note: &mut dyn FnMut(&FakeState, Vec<Fate>),
) -> FakeState {
    let mut state = FakeState::default();
    let mut held = Vec::new();
    for step in steps {
        let fates = match step {
            Step::Record(at) => {
                let (own, more) = state.apply(records[*at].bytes(), CREATED);
                [(records[*at].id(), own)].into_iter().chain(fates(more)).collect()
            }
            Step::Blobs => fates(bring_blobs(&mut state)),
            Step::Take => {
                held.extend(state.next_job());
                Vec::new()
            }
            Step::Report(_) if held.is_empty() => Vec::new(),
            Step::Report(at) => fates(report(&mut state, held.swap_remove(at % held.len()))),
        };
        note(&state, fates);
    }
    let updates = bring_blobs(&mut state);
    note(&state, fates(updates));
    for job in held.into_iter().rev() {
        let updates = report(&mut state, job);
        note(&state, fates(updates));
    }
    while let Some(updates) = run_one(&mut state) {
        note(&state, fates(updates));
    }
    state
}

/// A record and what has become of it.
pub(super) type Fate = (RecordId, Outcome);

fn fates(updates: Vec<Update>) -> Vec<Fate> {
    updates.into_iter().map(|update| (update.id, update.outcome)).collect()
}

fn report(state: &mut FakeState, job: ProofJob<FakeModel>) -> Vec<Update> {
    let key = key_bytes(job.check.key().class);
    let result = job.check.run(&FakeChecker, &key, Some(&TEST_SET));
    state.proof_checked(job.id, result, 1)
}

fn every_record() -> Vec<&'static Signed> {
    UNIVERSE.valid.iter().chain(&UNIVERSE.invalid).collect()
}

#[test]
fn what_is_kept_is_what_the_rules_say() {
    let mut state = FakeState::default();
    feed(&mut state, UNIVERSE.valid.iter());
    for (competition, expected) in &UNIVERSE.kept {
        assert_eq!(&state.set().contest(*competition).unwrap().ids(), expected);
        assert_eq!(expected.len(), 1 + 3 * (2 + 2 * 2));
    }
    assert!(UNIVERSE.invalid.len() > 50 && UNIVERSE.valid.len() > 100);
    let boards: Vec<Board> = state.set().contests().map(Board::of).collect();
    assert!(boards.iter().all(|board| board.rows.len() == 3));
    assert_eq!(boards.len(), UNIVERSE.competitions.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn order_repetition_and_timing_do_not_matter(steps in steps(UNIVERSE.valid.len())) {
        let records: Vec<&Signed> = UNIVERSE.valid.iter().collect();
        prop_assert_eq!(&shown(&play(&records, &steps)), &*REFERENCE);
    }

    #[test]
    fn invalid_records_never_change_anything(
        steps in steps(UNIVERSE.valid.len() + UNIVERSE.invalid.len()),
    ) {
        let state = play(&every_record(), &steps);
        prop_assert_eq!(&shown(&state), &*REFERENCE);
        prop_assert!(UNIVERSE.invalid.iter().all(|record| state.set().kind_of(record.id()).is_none()));
    }

    #[test]
    fn any_split_merges_to_the_same(
        side in prop::collection::vec(0u8..3, UNIVERSE.valid.len()),
        invalid_side in prop::collection::vec(0u8..3, UNIVERSE.invalid.len()),
    ) {
        // 0: left, 1: right, 2: both.
        let sides: Vec<(&Signed, u8)> = every_record().into_iter().zip(side.into_iter().chain(invalid_side)).collect();
        let part = |one: u8| {
            let mut state = FakeState::default();
            feed(&mut state, sides.iter().filter(|(_, side)| *side == one || *side == 2).map(|(record, _)| *record));
            state
        };
        let (mut left, mut right) = (part(0), part(1));
        // A record may wait on one side for what only the other has: competition, then entry, then submission.
        for _ in 0..3 {
            merge(&mut left, &right);
            merge(&mut right, &left);
        }
        prop_assert_eq!(&shown(&left), &*REFERENCE);
        prop_assert_eq!(&shown(&right), &*REFERENCE);
    }
}

/// Applies everything that the other side keeps.
pub(super) fn merge(into: &mut FakeState, from: &FakeState) {
    let records: Vec<_> = from.set().contests().flat_map(|contest| contest.records()).collect();
    for (_, _, bytes, _) in records.into_iter().map(|kept| kept.item) {
        into.apply(bytes, CREATED);
    }
    bring_blobs(into);
    run_all(into);
}
