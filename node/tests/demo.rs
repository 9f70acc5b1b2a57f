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
