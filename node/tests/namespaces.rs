//! Nodes behind real address translation: network namespaces and nftables. Not part of the suite, as it takes root.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod common;

use common::NODE;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Two private networks, each behind a router that translates, and a public node between the routers:
///
/// ```text
/// a 192.168.1.2 -- na 11.1.0.2 -- 11.1.0.1 hub 11.2.0.1 -- 11.2.0.2 nb -- 192.168.2.2 b
/// ```
///
/// The public addresses are somebody's on the internet; here they are nobody's.
struct Networks {
    prefix: String,
}

/// Lets out and back in what was let out; says nothing to the rest.
const ROUTER: &str = "\
table inet router {
  chain post { type nat hook postrouting priority srcnat; oifname \"up\" masquerade; }
  chain in { type filter hook input priority filter; iifname \"up\" ct state new drop; }
  chain fwd { type filter hook forward priority filter; iifname \"up\" ct state new drop; }
}";

fn sh(command: &str) {
    let status = Command::new("sh").args(["-euc", command]).status().unwrap();
    assert!(status.success(), "{command}");
}

impl Networks {
    fn new() -> Self {
        let networks = Self { prefix: format!("podium{}-", std::process::id()) };
        let p = &networks.prefix;
        for name in ["hub", "na", "nb", "a", "b"] {
            sh(&format!("ip netns add {p}{name}; ip -n {p}{name} link set lo up"));
        }
        for (side, n) in [("a", 1), ("b", 2)] {
            sh(&format!(
                "ip -n {p}hub link add down{side} type veth peer name up netns {p}n{side}
                 ip -n {p}hub addr add 11.{n}.0.1/24 dev down{side}; ip -n {p}hub link set down{side} up
                 ip -n {p}n{side} addr add 11.{n}.0.2/24 dev up; ip -n {p}n{side} link set up up
                 ip -n {p}n{side} route add default via 11.{n}.0.1
                 ip -n {p}n{side} link add down type veth peer name up netns {p}{side}
                 ip -n {p}n{side} addr add 192.168.{n}.1/24 dev down; ip -n {p}n{side} link set down up
                 ip -n {p}{side} addr add 192.168.{n}.2/24 dev up; ip -n {p}{side} link set up up
                 ip -n {p}{side} route add default via 192.168.{n}.1
                 ip netns exec {p}n{side} sysctl -qw net.ipv4.ip_forward=1
                 echo '{ROUTER}' | ip netns exec {p}n{side} nft -f -"
            ));
        }
        sh(&format!("ip netns exec {p}hub sysctl -qw net.ipv4.ip_forward=1"));
        networks
    }

    /// Runs a node in one of them.
    fn node(&self, name: &str, dir: &Path, arguments: &[&str]) -> Node {
        let dir = dir.join(name);
        std::fs::create_dir_all(&dir).unwrap();
        let log = std::fs::File::create(dir.join("node.log")).unwrap();
        let mut child = Command::new("ip")
            .args(["netns", "exec", &format!("{}{name}", self.prefix), NODE, "--data-dir"])
            .arg(&dir)
            .args(["--json", "run", "--no-mdns", "--until-stdin-ends", "--listen", "/ip4/0.0.0.0/tcp/4001"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let log = || std::fs::read_to_string(dir.join("node.log")).unwrap_or_default();
        let hello = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no node: {}", log()));
        Node { dir, hello, child }
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for name in ["a", "b", "na", "nb", "hub"] {
            let _ = Command::new("ip").args(["netns", "del", &format!("{}{name}", self.prefix)]).status();
        }
    }
}

struct Node {
    dir: PathBuf,
    hello: Value,
    child: Child,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    fn id(&self) -> &str {
        self.hello["peer_id"].as_str().unwrap()
    }

    fn peer(&self, other: &Node) -> Option<Value> {
        let peers = common::json(&self.dir, &["peers"]);
        peers["peers"].as_array().unwrap().iter().find(|peer| peer["peer_id"] == other.id()).cloned()
    }
}

fn within(seconds: u64, what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(seconds), "never: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("{what}: after {:.1} s", start.elapsed().as_secs_f64());
}

#[test]
#[ignore = "takes root, ip and nft: sudo -E cargo test -p node --test namespaces -- --ignored --nocapture"]
fn two_nodes_behind_routers_reach_each_other() {
    let (networks, dir) = (Networks::new(), tempfile::tempdir().unwrap());
    let hub = networks.node("hub", dir.path(), &["--relay"]);
    let address = |n: u8| format!("/ip4/11.{n}.0.1/tcp/4001/p2p/{}", hub.id());
    let a = networks.node("a", dir.path(), &["--bootstrap", &address(1)]);
    let b = networks.node("b", dir.path(), &["--bootstrap", &address(2)]);
    // Each finds out that nobody can dial it, and takes a place at the relay.
    let log = |node: &Node| std::fs::read_to_string(node.dir.join("node.log")).unwrap_or_default();
    for node in [&a, &b] {
        within(60, "it knows that it is private", || log(node).contains("verdict=Private"));
        within(60, "it has a place at the relay", || log(node).contains("reached through a relay"));
    }
    let circuit = format!("{}/p2p-circuit/p2p/{}", address(1), b.id());
    common::expect(0, &common::run(&a.dir, &["peers", "connect", &circuit]));
    assert!(a.peer(&b).is_some());
    within(60, "the routers let them through to each other", || {
        a.peer(&b).is_some_and(|peer| peer["relayed"] == false)
    });
    let direct = a.peer(&b).unwrap()["address"].as_str().unwrap().to_owned();
    assert!(direct.starts_with("/ip4/11.2.0.2/tcp/"), "{direct}");
}
