//! The demonstration, as a newcomer runs it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod common;

use common::{NODE, expect};
use std::process::{Command, Stdio};

#[test]
fn the_demonstration_ends_well_and_leaves_nothing_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let output = Command::new(NODE)
        .args(["demo", "--json"])
        .env("TMPDIR", scratch.path())
        .env_remove("PODIUM_SOCKET")
        .env_remove("PODIUM_DATA_DIR")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = expect(0, &output);
    assert!(said.contains("the three boards are identical"), "{said}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["boards_identical"], true);
    assert_eq!(summary["forged"]["refused_by"], 3);
    let board = summary["board"].as_array().unwrap();
    assert_eq!(board.len(), 2);
    assert!(board.iter().all(|row| row["rows"] == 898 && row["accuracy_bps"].as_u64() > Some(9000)));
    assert!(board[0]["correct"].as_u64() >= board[1]["correct"].as_u64());
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "the folder has been removed");
}

#[test]
#[ignore = "needs anvil: PODIUM_ANVIL=$PWD/contracts/node_modules/.bin/anvil cargo test -p node --test demo -- --ignored"]
fn a_prize_is_settled_on_a_live_chain_within_a_minute() {
    let scratch = tempfile::tempdir().unwrap();
    let output = Command::new(NODE)
        .args(["demo", "--chain", "--json"])
        .env("TMPDIR", scratch.path())
        .env_remove("PODIUM_SOCKET")
        .env_remove("PODIUM_DATA_DIR")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = expect(0, &output);
    assert!(said.contains("Ada's board shows the prize: 5, won on the chain"), "{said}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&summary["correct"], &summary["rows"]), (&277.into(), &284.into()), "{summary}");
    let coins = |who: &str, when: &str| summary[who][when].as_str().unwrap().parse::<f64>().unwrap();
    // Prize and bonds; gas costs the host the contracts, and both of them little.
    let (host, winner) = (coins("host", "after"), coins("winner", "after"));
    assert_eq!((coins("host", "before"), coins("winner", "before")), (10.0, 10.0));
    assert!((4.9..5.0).contains(&host) && (14.9..15.0).contains(&winner), "{summary}");
    assert!(summary["seconds"].as_f64().unwrap() < 60.0, "{summary}");
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "the folder has been removed");
}

#[test]
fn without_a_chain_the_demonstration_says_where_to_get_one() {
    let output = Command::new(NODE)
        .args(["demo", "--chain"])
        .env("PODIUM_ANVIL", "/nowhere/anvil")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = expect(4, &output);
    assert!(said.contains("/nowhere/anvil") && said.contains("npm install"), "{said}");
}
