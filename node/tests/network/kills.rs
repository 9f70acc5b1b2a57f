//! Nodes that are killed at random moments while clients publish.

use super::cluster::Cluster;
use super::stock::{Publisher, publish_open};
use super::wires::{Way, full};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;

/// The seed of this run: of `PODIUM_TEST_SEED`, so that a run can be repeated.
fn seed() -> u64 {
    let given = std::env::var("PODIUM_TEST_SEED").ok();
    let seed = given.map_or_else(rand::random, |seed| seed.parse().expect("PODIUM_TEST_SEED is a number"));
    println!("repeat with PODIUM_TEST_SEED={seed}");
    seed
}

/// Kills one node after the other and starts it again. While it starts nobody can reach it, so that what it
/// acknowledged must be its own to give.
fn run(nodes: usize, kills: usize) {
    let seed = seed();
    let mut dice = StdRng::seed_from_u64(seed);
    let mut cluster = Cluster::start("kill -9", Way::best(), nodes, &full(nodes));
    publish_open(&cluster, 0, 0, 2);
    let publisher = Publisher::start(&cluster, seed, 0, Duration::from_millis(10));
    let mut during_start = 0;
    for _ in 0..kills {
        std::thread::sleep(Duration::from_millis(dice.gen_range(0..400)));
        let victim = dice.gen_range(0..nodes);
        cluster.kill(victim);
        cluster.isolate(victim, true);
        cluster.spawn(victim);
        if dice.gen_bool(0.3) {
            // Once more before it has read its records.
            std::thread::sleep(Duration::from_millis(dice.gen_range(0..150)));
            cluster.kill(victim);
            cluster.spawn(victim);
            during_start += 1;
        }
        assert!(cluster.listens(victim), "{}", cluster.log(victim));
        cluster.lost_nothing(victim);
        cluster.isolate(victim, false);
    }
    let published = publisher.stop();
    println!("  {kills} kills, {during_start} more during the start, {published} competitions published");
    assert!(published as usize > kills, "it was hardly used: {published}");
    cluster.settle(Duration::from_secs(60));
    cluster.finish();
}

#[test]
fn twenty_kills_lose_nothing_that_was_acknowledged() {
    run(4, 20);
}

#[test]
#[ignore = "minutes: cargo test -p node --release --test network -- --ignored --nocapture"]
fn two_hundred_kills_lose_nothing_that_was_acknowledged() {
    run(5, 200);
}
