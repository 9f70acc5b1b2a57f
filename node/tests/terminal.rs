//! The command line where a person sits: on a pseudo-terminal there are bars, questions and only so many columns.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod common;
#[path = "../../tui/tests/common/pty.rs"]
mod pty;

use common::{command, expect, host, host_with, json, run, samples};
use pty::Session;
use std::io::Write;
use std::path::Path;

fn open(home: &Path, size: (u16, u16), arguments: &[&str]) -> Session {
    let mut command = command(home);
    command.args(arguments).env("TERM", "xterm-256color");
    Session::start_sized(command, size)
}

/// What stays on the screen when the command has ended.
fn ended(mut session: Session, last: &str) -> (Option<i32>, String) {
    session.expect(last);
    let shown = session.shown();
    (session.end().0.code(), shown)
}

#[test]
fn a_narrow_terminal_shows_what_fits_and_says_what_does_not() {
    let dir = tempfile::tempdir().unwrap();
    samples(dir.path());
    let home = dir.path().join("a");
    expect(0, &run(&home, &["init"]));
    let id = host(&home, dir.path());
    let model = dir.path().join("model.onnx").display().to_string();
    json(&home, &["submit", "--competition", &id, "--model", &model, "--name", "李雷"]);
    let (code, shown) = ended(open(&home, (80, 24), &["leaderboard", &id]), "has all of it)");
    assert_eq!(code, Some(0));
    for whole in ["rank  name", ">= 97.88 %", "no room for", "submission: --json", "keys: single party"] {
        assert!(shown.contains(whole), "{whole:?} in\n{shown}");
    }
    let row = shown.lines().find(|line| line.contains("李雷")).unwrap();
    assert!(row.contains("278 of 284"), "a row is one line: {row:?}");
    let (_, wide) = ended(open(&home, (220, 24), &["leaderboard", &id]), "single party");
    assert!(!wide.contains("no room"), "{wide}");
    let piped = run(&home, &["leaderboard", &id]);
    assert!(String::from_utf8_lossy(&piped.stdout).contains("submission"), "programs get all of it");
}

#[test]
fn what_cannot_be_taken_back_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    samples(dir.path());
    let home = dir.path().join("a");
    expect(0, &run(&home, &["init"]));
    let id = host_with(&home, dir.path(), &["--commit-deadline", "+1h", "--deadline", "+2h"]);
    let model = dir.path().join("model.onnx").display().to_string();
    let entered = json(&home, &["enter", "--competition", &id, "--model", &model]);
    let entry = entered["entry"].as_str().unwrap();
    for (answer, code, last) in
        [("n\n", 1, "nothing was done"), ("\n", 1, "nothing was done"), ("y\n", 0, "withdrawn:")]
    {
        let mut session = open(&home, (100, 24), &["withdraw", entry]);
        session.expect("Go on? [y/N]");
        session.keyboard.write_all(answer.as_bytes()).unwrap();
        assert_eq!(ended(session, last).0, Some(code), "{answer:?}");
    }
    let mut session = open(&home, (100, 24), &["--no-input", "withdraw", entry]);
    session.expect("it was withdrawn before");
    assert_eq!(session.end().0.code(), Some(0));
}

#[test]
fn a_bar_shows_the_step_and_goes_when_it_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("a");
    expect(0, &run(&home, &["init"]));
    let mut session = open(&home, (100, 24), &["keys", "make", "linear-30-2"]);
    session.expect("multiplying in G1");
    session.expect("done in");
    let (status, seen, _) = session.end();
    assert_eq!(status.code(), Some(0));
    assert!(seen.contains(" % ") && seen.contains("key for linear-30-2"), "{seen:?}");
    let quiet = open(&home, (100, 24), &["-q", "keys", "make", "linear-64-10"]);
    let (code, shown) = ended(quiet, ".pk");
    assert_eq!((code, shown.trim().lines().count()), (Some(0), 1), "only the result: {shown}");
}
