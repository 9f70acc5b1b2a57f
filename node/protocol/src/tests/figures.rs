//! What it costs: records without their proofs, a large board, floods. The bounds leave room for a busy machine; whether
//! the target itself is met is printed.

use super::sealed::{contest, entered};
use crate::{
    Board, Caps, ChunkProof, Competition, Entry, Outcome, RecordId, Signed, Submission, Verdict,
    limits::MAX_PENDING,
    testing::{
        CREATED, FakeChecker, FakeState, TEST_SET, author, classes, competition, enter, host, key_bytes,
        person, run_all, state_with, submission, submit,
    },
};
use libp2p_identity::Keypair;
use std::{hint::black_box, sync::LazyLock, time::Instant};

/// The bound over the target.
const MARGIN: f64 = 3.0;

/// Prints a figure; beyond the margin it fails.
fn figure(what: &str, got: f64, target: f64, unit: &str) {
    let met = if got <= target { "met" } else { "MISSED" };
    println!("{what}: {got:.1} {unit}, target {target} {unit}: {met}");
    assert!(got <= target * MARGIN, "{what}: expected at most {target} {unit} and some, got {got:.1}");
}

/// Seconds that this thread has had of a processor: other programs do not count. The kernel brings it up to date a few
/// hundred times a second.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    nanos.map_or_else(|| START.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What one call takes, in microseconds: the fastest of several rounds, as other programs only slow it down.
fn fastest_micros(rounds: usize, mut round: impl FnMut() -> usize) -> f64 {
    let micros = |_| {
        let (start, mut calls) = (cpu_seconds(), 0);
        while cpu_seconds() - start < 0.05 {
            calls += round();
        }
        (cpu_seconds() - start) * 1e6 / calls as f64
    };
    (0..rounds).map(micros).fold(f64::INFINITY, f64::min)
}

/// Keys of so many people.
fn keypair(at: usize) -> Keypair {
    let mut seed = [0x55; 32];
    seed[..8].copy_from_slice(&(at as u64).to_be_bytes());
    Keypair::ed25519_from_bytes(seed).unwrap()
}

fn with_keys(competition: RecordId, at: usize) -> (Keypair, Entry, Signed) {
    let keys = keypair(at);
    let mut body = crate::testing::entry(competition, &keys, classes()[0], at as u8, CREATED);
    body.display_name = format!("model {}", at / 2);
    (keys.clone(), body.clone(), enter(&keys, body))
}

fn score(one: &(Keypair, Entry, Signed), correct: u64) -> Signed {
    let correct = [correct % 500, 1, 0];
    submit(&one.0, submission(&one.2, &one.1, &one.0, &correct, CREATED + 9, 0))
}

/// Judges records up to their proofs, which are not checked: so they are forgotten, and may come again.
fn apply_all(state: &mut FakeState, records: &[Signed]) -> usize {
    for record in records {
        assert_eq!(state.apply(record.bytes(), CREATED).0, Outcome::Checking);
    }
    while let Some(job) = state.next_job() {
        let reason = String::new();
        state.proof_checked(job.id, Err(crate::ProofError::NotChecked { reason }), 0);
    }
    records.len()
}

#[test]
fn judging_a_record_without_its_proof_takes_at_most_100_microseconds() {
    let hosted = host(competition("digits"));
    let made: Vec<_> = (0..200).map(|at| with_keys(hosted.id(), at)).collect();
    let mut kept = state_with(&hosted);
    let records: Vec<Signed> = made.iter().map(|one| one.2.clone()).collect();
    let entries = fastest_micros(4, || apply_all(&mut kept, &records));
    for record in &records {
        kept.apply(record.bytes(), CREATED);
    }
    run_all(&mut kept);
    let scores: Vec<Signed> = made.iter().enumerate().map(|(at, one)| score(one, at as u64)).collect();
    let submissions = fastest_micros(4, || apply_all(&mut kept, &scores));
    figure("an entry without its proof", entries, 100.0, "us");
    figure("a submission of three chunks without its proofs", submissions, 100.0, "us");
}

/// The pages that this process holds, in MiB.
fn resident_mib() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096.0 / f64::from(1 << 20))
}

/// A state with so many entries of as many competitors, each with one submission.
fn large(entries: usize) -> (FakeState, RecordId, Vec<(Keypair, Entry, Signed)>) {
    let hosted = host(Competition {
        caps: Caps { entries: 1, withdrawals: 0, submissions: 3 },
        ..competition("large")
    });
    let mut state = state_with(&hosted);
    let made: Vec<_> = (0..entries).map(|at| with_keys(hosted.id(), at)).collect();
    for (at, one) in made.iter().enumerate() {
        state.apply(one.2.bytes(), CREATED);
        run_all(&mut state);
        state.apply(score(one, at as u64 * 7).bytes(), CREATED);
        run_all(&mut state);
    }
    (state, hosted.id(), made)
}

fn board_figures(entries: usize) {
    let before = resident_mib();
    let (mut state, id, made) = large(entries);
    let after = resident_mib();
    assert_eq!(contest(&state, id).counts().records, 2 * entries as u64 + 1);
    let of = fastest_micros(5, || {
        black_box(Board::of(contest(&state, id)));
        1
    });
    let mut board = Board::of(contest(&state, id));
    assert_eq!(board.rows.len(), entries);
    // Somebody at the end comes to the top.
    let last = &made[entries - 1];
    state.apply(score(last, 499).bytes(), CREATED);
    run_all(&mut state);
    let who = author(&last.0);
    board.update(contest(&state, id), &who);
    assert_eq!(board, Board::of(contest(&state, id)));
    let update = fastest_micros(20, || {
        board.update(contest(&state, id), &who);
        1
    });
    let share = entries as f64 / 5000.0;
    println!("{} records in one competition", 2 * entries);
    figure("the board made anew", of / 1000.0, 50.0 * share, "ms");
    figure("the board brought up to date", update / 1000.0, 1.0 * share.max(0.2), "ms");
    if let (Some(before), Some(after)) = (before, after) {
        figure("memory, the signed records of the test included", after - before, 200.0, "MiB");
    }
}

#[test]
fn a_board_of_a_thousand_records_takes_a_tenth_of_one_of_ten_thousand() {
    board_figures(500);
}

#[test]
#[ignore = "makes and checks 10,000 records: cargo test -p protocol --lib figures -- --ignored --nocapture --test-threads=1"]
fn a_board_of_ten_thousand_records() {
    board_figures(5000);
}

/// Records that are invalid in several ways, told apart by `at`.
fn invalid(competition: RecordId, own: &(Entry, Signed), at: usize) -> Vec<u8> {
    let mut late = own.0.clone();
    (late.created, late.competition) = (crate::testing::DEADLINE + 1 + at as u64, competition);
    match at % 4 {
        0 => {
            let mut bytes = own.1.bytes().to_vec();
            let last = bytes.len() - 1 - at % 60;
            bytes[last] ^= 1 + (at / 256) as u8 % 200;
            bytes
        }
        1 => enter(&person(2), late).bytes().to_vec(),
        2 => Signed::seal(&person(2), [&[crate::VERSION, 0xa1][..], &at.to_be_bytes()].concat())
            .unwrap()
            .bytes()
            .to_vec(),
        _ => at.to_be_bytes().repeat(100),
    }
}

fn flood_figures(count: usize) {
    let hosted = host(competition("flood"));
    let mut state = state_with(&hosted);
    let own = entered(hosted.id(), 2, 1, CREATED);
    let records: Vec<Vec<u8>> = (0..count).map(|at| invalid(hosted.id(), &own, at)).collect();
    let before = resident_mib();
    let names = ["a forged signature", "a broken rule", "an unreadable payload", "noise"];
    println!("{count} invalid records");
    for (kind, name) in names.into_iter().enumerate() {
        let of_kind: Vec<_> = records.iter().skip(kind).step_by(names.len()).collect();
        let start = cpu_seconds();
        for bytes in &of_kind {
            assert_eq!(state.apply(bytes, CREATED).0.verdict(), Some(Verdict::Reject));
        }
        let micros = (cpu_seconds() - start) * 1e6 / of_kind.len() as f64;
        figure(name, micros, 100.0, "us");
    }
    assert_eq!((state.set().len(), state.pending(None), state.jobs_ready()), (1, 0, 0));
    let long = vec![0x0a; crate::limits::MAX_RECORD_BYTES];
    let long = fastest_micros(20, || {
        assert_eq!(state.apply(&long, CREATED).0.verdict(), Some(Verdict::Reject));
        1
    });
    println!("the longest noise: {long:.1} us");

    // In order, but with invalid proofs: what is cheap about them, then the check (here of a stand-in).
    let mut state = state_with(&hosted);
    state.apply(own.1.bytes(), CREATED);
    run_all(&mut state);
    let good = submission(&own.1, &own.0, &person(2), &[1, 1, 0], CREATED, 0);
    let forged: Vec<Signed> = (0..count)
        .map(|at| {
            let chunk = ChunkProof { correct: at as u64 % 500, ..good.chunks[0] };
            let chunks = vec![chunk, good.chunks[1], good.chunks[2]];
            let made = Submission { chunks, created: CREATED + at as u64 / 500, ..good.clone() };
            submit(&person(2), made)
        })
        .filter(|record| record.bytes() != submit(&person(2), good.clone()).bytes())
        .collect();
    let (mut cheap, mut checks, mut again) = (0.0, 0.0, 0.0);
    let key = key_bytes(classes()[0]);
    for part in forged.chunks(MAX_PENDING.min(1000)) {
        let start = cpu_seconds();
        let checking =
            part.iter().filter(|record| state.apply(record.bytes(), CREATED).0 == Outcome::Checking).count();
        cheap += cpu_seconds() - start;
        assert!(checking + 40 >= part.len(), "{checking}");
        let start = cpu_seconds();
        while let Some(job) = state.next_job() {
            let result = job.check.run(&FakeChecker, &key, Some(&TEST_SET));
            state.proof_checked(job.id, result, 0);
        }
        checks += cpu_seconds() - start;
        let start = cpu_seconds();
        for record in part {
            black_box(state.apply(record.bytes(), CREATED).0);
        }
        again += cpu_seconds() - start;
        while state.next_job().is_some() {}
    }
    let per = |seconds: f64| seconds * 1e6 / forged.len() as f64;
    println!("{} records in order with invalid proofs", forged.len());
    figure("the cheap part", per(cheap), 100.0, "us");
    println!("a check by the stand-in: {:.1} us", per(checks));
    figure("the same record again", per(again), 10.0, "us");
    if let (Some(before), Some(after)) = (before, resident_mib()) {
        println!("memory: {:.1} MiB more", after - before);
    }
}

#[test]
fn a_flood_of_five_hundred_records_costs_little() {
    flood_figures(500);
}

#[test]
#[ignore = "20,000 records: cargo test -p protocol --lib figures -- --ignored --nocapture --test-threads=1"]
fn a_flood_of_ten_thousand_records() {
    flood_figures(10_000);
}
