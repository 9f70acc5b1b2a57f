//! Peers that lie and peers that flood.

use super::cluster::{Cluster, Told};
use super::local::{self, until};
use super::rogue::{Malice, Rogue};
use super::stock::{RECORDS, publish_open, publish_past};
use super::wires::{Way, star};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const SETTLED: Duration = Duration::from_secs(60);

#[test]
fn whoever_lies_keeps_nothing_from_a_node_that_joins() {
    let mut cluster = Cluster::new("corrupting peers", Way::Proxies, 2, &star(2));
    cluster.start_node(0);
    publish_past(&cluster, 0, 0..100);
    publish_open(&cluster, 0, 0, 2);
    cluster.isolate(1, true);
    cluster.start_node(1);
    let address = cluster.address(1);
    let rogues: Vec<Rogue> = (0..3).map(|_| Rogue::start(&address, Malice::Lies)).collect();
    for rogue in &rogues {
        rogue.has("it is asked", |deeds| deeds.lies.load(Ordering::SeqCst) > 2);
    }
    cluster.isolate(1, false);
    cluster.settle(SETTLED);
    let lies: usize = rogues.iter().map(|rogue| rogue.deeds.lies.load(Ordering::SeqCst)).sum();
    let peers = local::peers(cluster.dir(1));
    let honest = peers.iter().find(|peer| peer.peer_id == cluster.peer_id(0)).unwrap();
    assert_eq!(honest.refused, 0, "nobody is blamed for what others did");
    let blamed: u64 = peers.iter().map(|peer| peer.refused).sum();
    let cut_off: usize = rogues.iter().map(|rogue| rogue.deeds.cut_off.load(Ordering::SeqCst)).sum();
    println!("  {lies} lies, {blamed} noted against who is still there, {cut_off} times cut off");
    assert!(blamed > 0 || cut_off > 0, "lies cost nothing");
    drop(rogues);
    cluster.finish();
}

#[test]
fn a_flood_drowns_nobody() {
    let mut cluster = Cluster::start("flooding peers", Way::Proxies, 2, &star(2));
    publish_past(&cluster, 0, 0..5);
    cluster.settle(SETTLED);
    let address = cluster.address(0);
    let rogues: Vec<Rogue> = (0..2).map(|_| Rogue::start(&address, Malice::Floods)).collect();
    for rogue in &rogues {
        rogue.has("it floods", |deeds| deeds.sent.load(Ordering::SeqCst) > 2000);
    }
    let (mut worst_answer, mut worst_journey) = (Duration::ZERO, Duration::ZERO);
    for n in 10..25 {
        // From the node that is flooded to the other one, and back.
        let (from, to) = (usize::from(n % 2 == 0), usize::from(n % 2 == 1));
        let record = &RECORDS.past(n).unwrap()[0];
        let start = Instant::now();
        assert_eq!(cluster.publish(from, record), Told::Acknowledged);
        worst_answer = worst_answer.max(start.elapsed());
        let id = record.id().to_string();
        until(Duration::from_secs(20), "it arrives", || local::has(cluster.dir(to), &id));
        worst_journey = worst_journey.max(start.elapsed());
    }
    let memory = cluster.local(0).memory();
    let sent: usize = rogues.iter().map(|rogue| rogue.deeds.sent.load(Ordering::SeqCst)).sum();
    let cut_off: usize = rogues.iter().map(|rogue| rogue.deeds.cut_off.load(Ordering::SeqCst)).sum();
    println!(
        "  {sent} messages, {cut_off} times cut off; answers within {worst_answer:.1?}, arrival within \
         {worst_journey:.1?}, memory {} MB",
        memory >> 20
    );
    assert!(memory < 512 << 20, "{memory}");
    drop(rogues);
    cluster.settle(SETTLED);
    cluster.finish();
}
