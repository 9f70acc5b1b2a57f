//! A network of cores in one process, with a virtual clock and one source of randomness: what a seed brings about, it
//! brings about again. Nodes crash and join late, links lose and reorder, the network splits and heals, and for every
//! attack on records there is somebody who tries it. The invariants are checked after every event.
//!
//! A seed that fails is played again by `PODIUM_SIM_SEED=7 cargo test -p protocol simulation::one_seed`.
//!
//! The proofs here are stand-ins ([`crate::testing`]): what real proofs withstand is tested with the circuits.

mod attacks;
mod exchange;
mod hosts;
mod invariants;
mod ledger;
mod limits;
mod network;
mod node;
mod people;
mod rogues;
mod sabotage;
mod truth;
mod wishes;
mod world;

use std::{collections::BTreeMap, time::Instant};
use world::{Counts, Plan, World};

const SHORT: Plan = Plan { nodes: 50, competitors: 24, sabotage: None };
const LONG: Plan = Plan { nodes: 100, competitors: 40, sabotage: None };

/// Plays one seed. A failure says everything that it takes to play it again.
fn play(seed: u64, plan: Plan) -> (Counts, String) {
    let mut world = World::new(seed, plan);
    if let Err(failure) = world.run() {
        let last: Vec<String> = world.last.iter().cloned().collect();
        panic!(
            "{} does not hold at {} ms: {}\nthe last events:\n{}\nto play it again: PODIUM_SIM_SEED={seed} PODIUM_SIM_NODES={} \
             cargo test -p protocol simulation::one_seed",
            failure.invariant,
            world.now,
            failure.why,
            last.join("\n"),
            plan.nodes,
        );
    }
    (world.counts.clone(), world.log_hash())
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn a_few_seeds_of_fifty_nodes() {
    let mut total = Counts::default();
    for seed in 0..2 {
        let (counts, _) = play(seed, SHORT);
        assert!(counts.kept > 100 && counts.crashes > 5, "{counts:?}");
        total.add(&counts);
    }
    let not_met =
        |(role, reason): &&(&'static str, &str)| !total.refusals.contains_key(&(*role, (*reason).to_owned()));
    let not_met: Vec<_> = MET.iter().filter(not_met).collect();
    assert!(not_met.is_empty(), "{not_met:?} of {:?}", total.refusals);
}

/// What the attacks meet, by role and reason: an attack that meets something else before it is none.
const MET: [(&str, &str); 27] = [
    ("memoriser", "Context(NotOnRoster"),
    ("memoriser", "Context(RevealField"),
    ("swapper", "Proof(Chunk"),
    ("proof copier", "Context(NotTheCompetitor"),
    ("proof copier", "Proof(Chunk"),
    ("commitment copier", "Proof(Refuted"),
    ("grinder", "Context(EntriesCap"),
    ("grinder", "Context(SubmissionsCap"),
    ("claimer", "Context(ClassNotAdmitted"),
    ("claimer", "Context(AfterDeadline"),
    ("claimer", "Context(EntryElsewhere"),
    ("claimer", "Context(ChunkCount"),
    ("claimer", "Context(ChunkCorrect"),
    ("claimer", "Proof(Chunk"),
    ("claimer", "Proof(Refuted"),
    ("equivocator", "Context(EntriesCap"),
    ("closing host", "Context(BeforeDeadline"),
    ("salt host", "Context(Seal"),
    ("salt host", "Context(BeforeDeadline"),
    ("salt host", "Context(NotTheHost"),
    ("competitor", "Context(Defect(Unreadable"),
    ("garbage flooder", "Envelope(TooLong"),
    ("garbage flooder", "Envelope(Malformed("),
    ("garbage flooder", "Form(Malformed("),
    ("proof flooder", "Proof(Refuted"),
    ("salt host", "Again"),
    ("orphan flooder", "Busy"),
];

#[test]
fn one_seed() {
    let seed = from_environment("PODIUM_SIM_SEED").unwrap_or(1000);
    let nodes = from_environment("PODIUM_SIM_NODES").map_or(20, |nodes| nodes as usize);
    let plan = if nodes >= LONG.nodes { LONG } else { Plan { nodes, ..SHORT } };
    let (first, second) = (play(seed, plan), play(seed, plan));
    assert_eq!(first, second, "the same seed, another run");
}

#[test]
#[ignore = "half an hour; PODIUM_SIM_SEEDS says how many, PODIUM_SIM_FIRST from which one: cargo test -p protocol --release simulation -- --ignored --nocapture"]
fn many_seeds_of_a_hundred_nodes() {
    let seeds = from_environment("PODIUM_SIM_SEEDS").unwrap_or(50);
    let first = from_environment("PODIUM_SIM_FIRST").unwrap_or(10_000);
    let start = Instant::now();
    let mut total = Counts::default();
    for seed in first..first + seeds {
        let (counts, _) = play(seed, LONG);
        println!(
            "seed {seed}: {} events, {} records made, {} kept, {} crashes, {} cut off, agreed at {} s; {} s so far",
            counts.events,
            counts.records,
            counts.kept,
            counts.crashes,
            counts.cut_off,
            counts.agreed_ms / 1000,
            start.elapsed().as_secs(),
        );
        total.add(&counts);
    }
    println!("{seeds} seeds: {} events, {} records made", total.events, total.records);
    let mut by_role: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((role, reason), count) in &total.refusals {
        by_role.entry(role).or_default().push(format!("{count} {reason}"));
    }
    for (role, reasons) in by_role {
        println!("refused of the {role}: {}", reasons.join(", "));
    }
}
