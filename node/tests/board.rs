//! The real board on a pseudo-terminal, against a real node.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod common;
#[path = "../../tui/tests/common/pty.rs"]
mod pty;

use common::{Node, expect, host, run, samples};
use pty::Session;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// The board of the same build. The workspace's test command builds it; where only this package was tested, it is built
/// here, which takes a while: alone its dependencies have other features.
fn tui() -> PathBuf {
    let beside = Path::new(common::NODE).with_file_name("tui");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let sources = ["tui/src", "node/api/src"].map(|folder| newest(&root.join(folder)));
    let built = std::fs::metadata(&beside).and_then(|meta| meta.modified()).ok();
    if built.is_none_or(|built| sources.iter().any(|source| *source > built)) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "tui", "--bin", "tui"]);
        cargo.args((!cfg!(debug_assertions)).then_some("--release"));
        // The folder of this build, wherever it is: <target>/<profile>/node.
        cargo.arg("--target-dir").arg(beside.parent().unwrap().parent().unwrap());
        assert!(cargo.current_dir(root).status().unwrap().success(), "the board was not built");
    }
    beside
}

/// When a file in this folder was changed last.
fn newest(folder: &Path) -> SystemTime {
    let changed = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        if path.is_dir() { newest(&path) } else { std::fs::metadata(path).unwrap().modified().unwrap() }
    };
    std::fs::read_dir(folder).unwrap().map(changed).max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn open(tui: &Path, home: &Path, data: &Path) -> Session {
    let mut command = Command::new(tui);
    command.arg("--data-dir").arg(data).env("TERM", "xterm-256color").env("HOME", home);
    command.env("XDG_STATE_HOME", home.join("state")).env("XDG_CONFIG_HOME", home.join("config"));
    Session::start_sized(command, (160, 45))
}

#[test]
fn the_board_follows_a_real_node_live() {
    let tui = tui();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    samples(dir);
    let file = |name: &str| dir.join(name).display().to_string();
    let data = dir.join("node");
    let node = Node::start(&data, &[]);
    let mut board = open(&tui, dir, &data);
    board.expect("No competitions yet");

    let id = host(&data, dir);
    // Nothing was pressed.
    board.expect("Breast cancer");
    board.expect("No verified submission yet");
    board.keyboard.write_all(b"7").unwrap();
    let submitted =
        node.json(&["submit", "--competition", &id, "--model", &file("model.onnx"), "--name", "Zoë"]);
    // The proof was told of while it was made, and its records are this node's own.
    board.expect("proving has begun");
    board.expect("proving has ended");
    board.keyboard.write_all(b"3").unwrap();
    board.expect("Zoë");
    let bps = submitted["accuracy_bps"].as_u64().unwrap();
    board.expect(&format!("{}.{:02} %", bps / 100, bps % 100));
    board.expect("open: the test set was public");
    board.expect("3 records known, 0 pending");
    board.keyboard.write_all(b"\r").unwrap();
    // All of the submission, as the node tells it.
    board.expect(submitted["submission"].as_str().unwrap());
    board.expect("verify key");
    board.keyboard.write_all(b"\x1b").unwrap();
    board.keyboard.write_all(b"8").unwrap();

    // The node goes, and the board says so and keeps what it knows; it comes back, and the board with it.
    node.stop();
    board.expect("no daemon");
    board.keyboard.write_all(b"3").unwrap();
    board.expect("Zoë");
    let node = Node::start(&data, &[]);
    board.expect("connected ·");
    board.keyboard.write_all(b"q").unwrap();
    let (status, _, raw) = board.end();
    assert_eq!((status.code(), raw), (Some(0), false));

    // The same once, for programs.
    let once = |screen: &str, format: &str| {
        let mut command = Command::new(&tui);
        command.arg("--data-dir").arg(&data).args(["--once", "--screen", screen, "--format", format]);
        let output = command.output().unwrap();
        expect(0, &output);
        String::from_utf8(output.stdout).unwrap()
    };
    let printed: Value = serde_json::from_str(&once("leaderboard", "json")).unwrap();
    let told: Value = serde_json::from_slice(&run(&data, &["--json", "leaderboard", &id]).stdout).unwrap();
    assert_eq!(printed["rows"], told["rows"]);
    assert!(once("chart", "csv").contains(&format!(",{bps},")));
    assert!(once("entries", "markdown").contains("Zoë"));
    drop(node);
}
