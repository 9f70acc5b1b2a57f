//! Real processes, real proofs: from hosting to equal boards, with late joiners, crashes and bad input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod common;

use common::{Node, eventually, expect, host, json, run, samples};
use std::path::Path;

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    samples(dir.path());
    dir
}

fn submit<'a>(id: &'a str, model: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let name: &[&str] = if more.contains(&"--name") { &[] } else { &["--name", "Ada"] };
    [&["submit", "--competition", id, "--model", model], name, more].concat()
}

#[test]
fn three_nodes_agree_and_a_late_one_catches_up() {
    let dir = folder();
    let path = |name: &str| dir.path().join(name);
    let model = path("model.onnx").display().to_string();
    let a = Node::start(&path("a"), &[]);
    let b = Node::start(&path("b"), &[a.address()]);
    let c = Node::start(&path("c"), &[a.address()]);
    let id = host(&a.dir, dir.path());
    eventually("b has the test set", || b.board(&id).is_some_and(|board| board["test_set_here"] == true));

    let made = b.json(&submit(&id, &model, &[]));
    assert_eq!(made["rows"], 284);
    let correct = made["correct"].as_u64().unwrap();
    assert!(correct > 250, "{correct}");
    let submission = made["submission"].as_str().unwrap().to_owned();
    let complete =
        |node: &Node| node.board(&id).is_some_and(|board| board["rows"].as_array().unwrap().len() == 1);
    eventually("all boards have the submission", || [&a, &b, &c].iter().all(|node| complete(node)));
    assert_eq!(a.board(&id), b.board(&id));
    assert_eq!(a.board(&id), c.board(&id));
    assert_eq!(a.board(&id).unwrap()["rows"][0]["correct"], correct);

    // The same command again makes nothing new; a lower claim is a second submission of the same entry.
    let again = b.json(&submit(&id, &model, &[]));
    assert_eq!((&again["entry"], &again["submission"]), (&made["entry"], &made["submission"]));
    assert_eq!((&again["entry_new"], &again["submission_new"]), (&false.into(), &false.into()));
    let lower = b.json(&submit(&id, &model, &["--claim", "threshold"]));
    assert_eq!((&lower["entry"], &lower["correct"]), (&made["entry"], &256.into()));

    // A crash loses nothing, and a node that comes later gets everything from whoever it meets.
    b.kill();
    let b = Node::start(&path("b"), &[a.address()]);
    assert!(complete(&b), "what was acknowledged is there after a crash");
    let late = Node::start(&path("late"), &[c.quic_address()]);
    eventually("the late node has all", || complete(&late) && late.board(&id) == a.board(&id));
    assert_eq!(late.json(&["verify", &submission[..8]])["correct"], correct);
    verify_bundle(&late, dir.path(), &id);
    eventually("b and c agree after the crash", || b.board(&id) == c.board(&id));
    for node in [a, b, c, late] {
        node.stop();
    }
}

fn verify_bundle(node: &Node, dir: &Path, id: &str) {
    let file = dir.join("competition.bundle");
    let bundle = file.display().to_string();
    let written = node.json(&["export", id, "--out", &bundle]);
    assert_eq!(written["test_set"], true);
    // Somewhere else, without a data folder.
    let nobody = dir.join("nobody");
    let verified = json(&nobody, &["verify", &bundle]);
    assert_eq!((&verified["valid"], &verified["proofs"]), (&true.into(), &3.into()));
    assert_eq!(verified["fingerprint"], node.board(id).unwrap()["fingerprint"]);
    assert_eq!(verified["openness"], "open: the test set was public before the models were fixed");
    assert!(!nobody.exists(), "nothing is written by verifying");
    let good = std::fs::read(&file).unwrap();
    // Records and blobs, one byte of each; headers and padding are no content.
    let content = content(&good);
    assert!(content.len() >= 6, "{content:?}");
    for at in content {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&file, &bad).unwrap();
        expect(3, &run(&nobody, &["verify", &bundle]));
    }
    std::fs::write(&file, &good[..good.len() / 2]).unwrap();
    expect(3, &run(&nobody, &["verify", &bundle]));
    expect(2, &run(&nobody, &["verify", "no/such.bundle"]));
}

/// The middle of every file in a tar archive.
fn content(archive: &[u8]) -> Vec<usize> {
    let (mut at, mut found) = (0, Vec::new());
    while let Some(header) = archive.get(at..at + 512).filter(|header| header[0] != 0) {
        let digits = std::str::from_utf8(&header[124..135]).unwrap();
        let size = usize::from_str_radix(digits.trim_matches(['\0', ' ']), 8).unwrap();
        found.push(at + 512 + size / 2);
        at += 512 + size.div_ceil(512) * 512;
    }
    found
}

#[test]
fn what_was_made_without_a_node_goes_out_at_the_next_run() {
    let dir = folder();
    let path = |name: &str| dir.path().join(name);
    let (a, b) = (path("a"), path("b"));
    expect(0, &run(&a, &["init"]));
    expect(1, &run(&a, &["init"]));
    let id = host(&a, dir.path());
    let model = path("model.onnx").display().to_string();
    let scored = json(&a, &["score", "--competition", &id, "--model", &model]);
    let made = json(&a, &submit(&id, &model, &[]));
    assert_eq!(made["correct"], scored["integer_correct"]);
    assert_eq!(json(&a, &["leaderboard", &id])["rows"].as_array().unwrap().len(), 1);
    let b = Node::start(&b, &[]);
    let a = Node::start(&a, &[b.address()]);
    eventually("b has it", || {
        b.board(&id).is_some_and(|board| board["rows"][0]["correct"] == made["correct"])
    });
    assert_eq!(a.board(&id), b.board(&id));
    assert_eq!(b.json(&["keys", "fetch", "--competition", &id])[0]["size_class"], "linear-30-2");
    assert_eq!(b.json(&["peers"])["peers"][0]["peer_id"], a.hello["peer_id"]);
}

#[test]
fn bad_input_has_its_exit_code_and_leaves_nothing_half_done() {
    let dir = folder();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let home = dir.path().join("a");
    assert!(expect(1, &run(&home, &["competitions"])).contains("node init"));
    expect(5, &run(&home, &["peers"]));
    expect(5, &run(&home, &["stop"]));
    let node = Node::start(&home, &[]);
    let id = host(&home, dir.path());
    let before = node.board(&id).unwrap();

    expect(2, &run(&home, &["submit", "--competition", &id]));
    expect(2, &run(&home, &["competitions", "--colour"]));
    expect(2, &run(&home, &["keys", "make", "linear-31-2"]));
    expect(2, &run(&home, &["run", "--listen", "nowhere"]));
    assert!(expect(1, &run(&home, &["run", "--bootstrap", "/dns4/a.example/tcp/1"])).contains("IP address"));
    assert!(expect(1, &run(&home, &["leaderboard", "00000000"])).contains("no competition starts with"));
    expect(1, &run(&home, &["leaderboard", "xyz"]));
    expect(1, &run(&home, &submit(&id, &path("none.onnx"), &[])));
    expect(1, &run(&home, &submit(&id, &path("cut.onnx"), &[])));
    expect(1, &run(&home, &submit(&id, &path("test.csv"), &[])));
    expect(1, &run(&home, &submit(&id, &dir.path().display().to_string(), &[])));
    assert!(expect(4, &run(&home, &submit(&id, &path("other.onnx"), &[]))).contains("30 features"));
    assert!(
        expect(4, &run(&home, &submit(&id, &path("model.onnx"), &["--claim", "284"]))).contains("at most")
    );
    expect(4, &run(&home, &submit(&id, &path("model.onnx"), &["--size-class", "mlp-64-32-10"])));
    expect(4, &run(&home, &submit(&id, &path("model.onnx"), &["--name", "new\nline"])));

    let hosting = |test: &str, more: &[&str]| {
        let title: &[&str] = if more.contains(&"--title") { &[] } else { &["--title", "T"] };
        run(&home, &[&["host", "--label", "diagnosis", "--test", &path(test)], title, more].concat())
    };
    expect(1, &hosting("none.csv", &[]));
    expect(1, &hosting("cut.csv", &[]));
    expect(1, &hosting("model.onnx", &[]));
    expect(4, &hosting("test.csv", &["--deadline", "2020-01-01T00:00:00Z"]));
    expect(2, &hosting("test.csv", &["--deadline", "soon"]));
    expect(2, &hosting("test.csv", &["--threshold", "101"]));
    expect(4, &hosting("test.csv", &["--size-class", "linear-30-2", "--title", " "]));
    assert_eq!(node.board(&id).unwrap(), before, "nothing of this has left a trace on the board");
    assert_eq!(json(&home, &["competitions"]).as_array().unwrap().len(), 1);

    assert!(expect(6, &run(&home, &["run", "--no-mdns"])).contains("already running"));
    let elsewhere = path("other.sock");
    assert!(expect(6, &run(&home, &["--socket", &elsewhere, "competitions"])).contains("in use"));
    assert!(expect(6, &run(&home, &["--socket", &elsewhere, "run", "--no-mdns"])).contains("in use"));
    node.stop();
}

#[test]
fn an_entry_that_was_refused_by_its_name_can_be_made_again_with_another() {
    let dir = folder();
    let home = dir.path().join("a");
    let model = dir.path().join("model.onnx").display().to_string();
    expect(0, &run(&home, &["init"]));
    let id = host(&home, dir.path());
    expect(4, &run(&home, &["submit", "--competition", &id, "--model", &model, "--name", " "]));
    let made = json(&home, &submit(&id, &model, &[]));
    assert_eq!(made["entry_reused"], false);
}

#[test]
fn a_corrupt_store_is_an_error_and_stays_as_it_is() {
    let dir = folder();
    let home = dir.path().join("a");
    expect(0, &run(&home, &["init"]));
    host(&home, dir.path());
    let db = home.join("store").join("db");
    std::fs::write(&db, vec![0x5a; 100_000]).unwrap();
    for command in [&["competitions"][..], &["run", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"]] {
        let said = expect_corrupt(&run(&home, command));
        assert!(said.contains("corrupt"), "{said}");
    }
}

/// sled reports its own panics to standard error before they are turned into an error.
fn expect_corrupt(output: &std::process::Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}
