//! The command line as people and scripts meet it: what goes where, exit codes, interrupts. Real processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod common;

use common::{command, expect, host, json, run, samples};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a command says to standard error, without what differs from run to run.
fn said(dir: &Path, code: i32, arguments: &[&str]) -> String {
    let text = expect(code, &run(&dir.join("a"), arguments));
    text.replace(&dir.display().to_string(), "DIR")
}

#[test]
fn errors_say_what_was_expected_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    samples(dir.path());
    let say = |code, arguments: &[&str]| said(dir.path(), code, arguments);
    let mut all = vec![say(1, &["competitions"]), say(5, &["peers"]), say(1, &["status"])];
    let peer = stdout(&run(&dir.path().join("a"), &["init"]));
    all.push(say(1, &["init"]).replace(peer.trim(), "PEER"));
    let id = host(&dir.path().join("a"), dir.path());
    all.push(say(1, &["leaderboard", "00000000"]));
    all.push(say(1, &["leaderboard", "xyz"]));
    all.push(say(2, &["leaderboard"]));
    all.push(say(2, &["run", "--metrics", "192.0.2.7:9464"]));
    all.push(say(2, &["run", "--log", "node=loud"]));
    all.push(say(2, &["keys", "make", "linear-31-2"]));
    all.push(say(2, &["verify", "no/such.bundle"]));
    all.push(say(2, &["schema", "nothing"]));
    all.push(say(
        4,
        &["submit", "--competition", &id, "--model", &dir.path().join("other.onnx").display().to_string()],
    ));
    insta::assert_snapshot!(all.join("---\n").replace(&id, "ID").replace(&id[..8], "ID"));
}

#[test]
fn results_go_to_standard_output_and_the_quiet_hear_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    samples(dir.path());
    let home = dir.path().join("a");
    let made = run(&home, &["init"]);
    assert!(stdout(&made).starts_with("12D3Koo") && stdout(&made).lines().count() == 1);
    assert!(expect(0, &made).contains("identity.key"), "the advice is a message");
    let quiet = run(&dir.path().join("b"), &["-q", "init"]);
    assert_eq!((expect(0, &quiet).as_str(), stdout(&quiet).lines().count()), ("", 1));
    let error = run(&home, &["--quiet", "leaderboard", "00000000"]);
    assert!(expect(1, &error).starts_with("error: "), "errors are told to everybody");
    let id = host(&home, dir.path());
    // A prefix is enough; one that is too short says so.
    assert_eq!(json(&home, &["leaderboard", &id[..6]])["competition"]["id"], id.as_str());
    assert!(expect(1, &run(&home, &["leaderboard", &id[..2]])).contains('4'));
}

#[test]
fn what_cannot_be_taken_back_needs_a_word() {
    let dir = tempfile::tempdir().unwrap();
    samples(dir.path());
    let home = dir.path().join("a");
    expect(0, &run(&home, &["init"]));
    let id = common::host_with(&home, dir.path(), &["--commit-deadline", "+1h", "--deadline", "+2h"]);
    let model = dir.path().join("model.onnx").display().to_string();
    let entered = json(&home, &["enter", "--competition", &id, "--model", &model, "--name", "Ada"]);
    let entry = entered["entry"].as_str().unwrap();
    for arguments in [&["withdraw", entry][..], &["--no-input", "withdraw", entry]] {
        assert!(expect(2, &run(&home, arguments)).contains("expected --yes"));
    }
    assert_eq!(json(&home, &["entries", &id])[0]["standing"], "entered");
    assert!(json(&home, &["withdraw", entry, "--yes"])["withdrawal"].is_string());
    assert!(json(&home, &["withdraw", entry])["withdrawal"].is_null(), "again is harmless");
}

#[test]
fn an_interrupt_leaves_nothing_half_done() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("a");
    expect(0, &run(&home, &["init"]));
    let mut making = command(&home)
        .args(["keys", "make", "linear-64-10"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let files = || -> Vec<String> {
        let entries = std::fs::read_dir(home.join("keys")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    // While the key is being written, if that can be seen; it is fast on some disks.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(120)
        && files().is_empty()
        && making.try_wait().unwrap().is_none()
    {
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = kill_process(Pid::from_raw(i32::try_from(making.id()).unwrap()).unwrap(), Signal::INT); // it may have ended
    let output = making.wait_with_output().unwrap();
    assert!(matches!(output.status.code(), Some(130 | 0)), "{}", output.status);
    if output.status.code() == Some(130) {
        assert!(expect(130, &output).contains("interrupted"));
    }
    assert!(files().iter().all(|name| !name.starts_with('.')), "{:?}", files());
    // Early, before anything is written.
    let mut making =
        command(&home).args(["keys", "make", "mlp-784-32-10"]).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    kill_process(Pid::from_raw(i32::try_from(making.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    assert_eq!(making.wait().unwrap().code(), Some(130));
    expect(0, &run(&home, &["keys", "make", "linear-64-10"]));
    assert_eq!(json(&home, &["keys", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn shells_manuals_and_the_version_come_from_the_program_itself() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("a");
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = run(&home, &["completions", shell]);
        expect(0, &script);
        assert!(stdout(&script).contains("prove-chunk"), "{shell}");
    }
    let pages = dir.path().join("man");
    expect(0, &run(&home, &["man", "--out", &pages.display().to_string()]));
    let page = std::fs::read_to_string(pages.join("node-submit.1")).unwrap();
    assert!(page.contains("\\-\\-claim") && page.contains("Examples"), "{page}");
    assert!(pages.join("node.1").exists());
    let version = stdout(&run(&home, &["--version"]));
    assert!(version.starts_with(&format!("node {} (", env!("CARGO_PKG_VERSION"))), "{version}");
    assert!(version.contains("/podium/exchange/") && version.contains("arithmetic"), "{version}");
    let schema = json(&home, &["schema", "leaderboard"]);
    assert_eq!(schema["$id"], "urn:podium:cli:leaderboard:1");
    assert!(!home.exists(), "none of this needs a data folder");
}
