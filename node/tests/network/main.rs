//! Networks of real node processes that are killed, cut, starved, flooded and lied to. After each scenario all nodes
//! hold the same records, every one that any of them had acknowledged is among them, every proof on a board was checked
//! by the node that shows it, no log tells of a panic, and every node ends in good order.
//!
//! As root, with iproute2, nodes live in network namespaces of their own that only the wires of the scenario connect;
//! otherwise they share loopback and meet through proxies of the test. Every scenario prints which.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod cluster;
mod faults;
mod kills;
mod local;
mod proxy;
#[path = "../../src/cli/bench/network/records.rs"]
mod records;
mod rogue;
mod rogues;
mod shapes;
mod stock;
mod wires;
