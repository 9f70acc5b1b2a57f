//! Shapes of the network: cut in two and healed, joined late, a chain, another port.

use super::cluster::{Cluster, Told};
use super::local::{self, until};
use super::stock::{RECORDS, publish_open, publish_past};
use super::wires::{Way, chain, full, star};
use std::time::Duration;

/// Long enough for a catch-up that begins by itself, with patience for a slow machine.
const SETTLED: Duration = Duration::from_secs(60);

#[test]
fn two_halves_go_on_by_themselves_and_become_one_again() {
    let mut cluster = Cluster::start("partition", Way::best(), 5, &full(5));
    publish_open(&cluster, 0, 0, 1);
    cluster.settle(SETTLED);
    let left = |node: usize| node < 2;
    cluster.wires.set(false, |near, far| left(near) != left(far));
    publish_past(&cluster, 0, 0..20);
    publish_past(&cluster, 4, 20..40);
    let of = |cluster: &Cluster, node: usize| local::ids(cluster.dir(node)).len();
    until(SETTLED, "each half has its own", || of(&cluster, 1) == 63 && of(&cluster, 2) == 63);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((of(&cluster, 1), of(&cluster, 2)), (63, 63), "nothing goes over a wire that is cut");
    // One of them does not live to see the end of it.
    cluster.kill(3);
    cluster.start_node(3);
    cluster.wires.set(true, |_, _| true);
    cluster.settle(SETTLED);
    cluster.finish();
}

#[test]
fn who_joins_late_gets_everything_from_whoever_it_meets() {
    let mut cluster = Cluster::new("late joiner", Way::best(), 4, &chain(4));
    for node in 0..2 {
        cluster.start_node(node);
    }
    publish_past(&cluster, 0, 0..200);
    publish_open(&cluster, 1, 0, 3);
    cluster.settle(SETTLED);
    cluster.start_node(2);
    cluster.start_node(3);
    cluster.settle(SETTLED);
    // Those from whom it has everything are no longer needed.
    cluster.stop(0);
    cluster.stop(1);
    let after = local::ids(cluster.dir(3));
    assert!(cluster.acknowledged.all().is_subset(&after));
    cluster.settle(SETTLED);
    cluster.finish();
}

#[test]
fn a_chain_of_ten_carries_records_from_end_to_end() {
    let cluster = Cluster::start("chain of ten", Way::best(), 10, &chain(10));
    publish_open(&cluster, 0, 0, 1);
    for (n, node) in [0, 9, 4].into_iter().enumerate() {
        let first = 10 * n as u64;
        publish_past(&cluster, node, first..first + 10);
    }
    cluster.settle(SETTLED);
    // Broken in the middle, and mended.
    cluster.wires.set(false, |near, _| near == 5);
    publish_past(&cluster, 1, 30..35);
    publish_past(&cluster, 8, 35..40);
    std::thread::sleep(Duration::from_secs(1));
    cluster.wires.set(true, |_, _| true);
    cluster.settle(SETTLED);
    cluster.finish();
}

#[test]
fn a_node_that_comes_back_on_another_port_is_found() {
    let mut cluster = Cluster::start("another port", Way::best(), 4, &star(4));
    publish_past(&cluster, 1, 0..10);
    cluster.settle(SETTLED);
    // One that dials others: it tells them by coming.
    cluster.stop(1);
    publish_past(&cluster, 0, 10..20);
    let port = match cluster.wires.way {
        Way::Namespaces => 4002,
        Way::Proxies => 0,
    };
    cluster.set_port(1, port);
    cluster.start_node(1);
    cluster.settle(SETTLED);
    // The one that all others dial, killed: in its place listens somebody else, who is not taken for it.
    let peer = cluster.peer_id(0).to_owned();
    cluster.kill(0);
    cluster.set_port(0, port);
    cluster.start_node(0);
    assert_eq!(cluster.peer_id(0), peer);
    // The others are told the new port by whoever runs them.
    for node in 1..4 {
        cluster.stop(node);
        cluster.start_node(node);
    }
    let record = &RECORDS.past(30).unwrap()[0];
    assert_eq!(cluster.publish(3, record), Told::Acknowledged);
    cluster.settle(SETTLED);
    cluster.finish();
}

/// The kernel keeps a connection over a wire that is cut for a quarter of an hour, and tries ever more rarely. A node
/// that has lost patience dials again as soon as it can.
#[test]
#[ignore = "minutes: cargo test -p node --release --test network -- --ignored --nocapture"]
fn a_long_cut_is_over_as_soon_as_the_wire_is_mended() {
    let cluster = Cluster::start("a long cut", Way::best(), 3, &chain(3));
    publish_past(&cluster, 0, 0..5);
    cluster.settle(SETTLED);
    cluster.isolate(1, true);
    publish_past(&cluster, 0, 5..10);
    publish_past(&cluster, 2, 10..15);
    std::thread::sleep(Duration::from_secs(100));
    cluster.isolate(1, false);
    cluster.settle(Duration::from_secs(15));
    cluster.finish();
}
