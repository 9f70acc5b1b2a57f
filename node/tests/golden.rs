//! What every command prints: tables, JSON and errors, word for word. Against a store with real records as far as it
//! goes; what takes peers is told by a made-up node, which also tells more than a real one would.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod common;

use api::{API_VERSION, Ban, Blob, BlobUse, BoardRow, Body, Command as Ask, ErrorKind, Found, Health, Hello};
use api::{OwnRecord, Peer, Reachability, Reply, Request, SetupTrust, Standing};
use common::{Node, assert_conforms, command, expect, host, json, run, samples};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A command line with what it printed, as a session in a terminal shows it.
fn session(dir: &Path, arguments: &[&str]) -> String {
    let output = run(&dir.join("a"), arguments);
    if arguments.contains(&"--json") && output.status.success() {
        let options = |word: &&&str| **word != "--socket" && !word.starts_with('/');
        let words: Vec<&str> = arguments.iter().filter(options).copied().collect();
        assert_conforms(&words, &serde_json::from_slice(&output.stdout).unwrap());
    }
    let told = |text: &[u8]| String::from_utf8_lossy(text).replace(&dir.display().to_string(), "/home/you");
    let (said, printed) = (told(&output.stderr), told(&output.stdout));
    let said: String = said.lines().map(|line| format!("! {line}\n")).collect();
    let line = arguments.join(" ").replace(&dir.display().to_string(), "/home/you");
    format!("$ node {line}\n{said}{printed}= {}\n\n", output.status.code().unwrap())
}

/// The same, of a list in which what was made in the same second comes in any order.
fn unordered(dir: &Path, arguments: &[&str]) -> String {
    let told = session(dir, arguments);
    let without_ids = |line: &&str| line.split_once(' ').map(|(_, rest)| rest.trim().to_owned());
    match told.split_once("= 0").unwrap() {
        (table, rest) if !arguments.contains(&"--json") => {
            let (header, body): (Vec<&str>, Vec<&str>) =
                table.lines().partition(|line| line.starts_with(['$', '!']) || line.contains("  what"));
            let mut body = body;
            body.sort_by_key(without_ids);
            format!("{}\n= 0{rest}", [header, body].concat().join("\n"))
        }
        (text, rest) => {
            let from = text.find("\n[").or_else(|| text.find("\n{")).unwrap();
            let mut printed: Value = serde_json::from_str(&text[from..]).unwrap();
            let list = if printed.is_array() { &mut printed } else { &mut printed["blobs"] };
            let key = |item: &Value| (item["kind"].to_string(), item["bytes"].as_u64());
            list.as_array_mut().unwrap().sort_by_key(key);
            format!("{}\n{printed:#}\n= 0{rest}", &text[..from])
        }
    }
}

/// What differs from run to run; `!` stands before lines of standard error.
macro_rules! golden {
    ($name:expr, $told:expr) => {
        insta::with_settings!({ filters => vec![
            (r"(?m)^! .*\(\d+ %[,)].*\n", ""),
            (r"\b[0-9a-f]{64}\b", "[ID]"),
            (r"\b[0-9a-f]{8}\b", "[SHORT]"),
            (r"\b[0-9a-f]{96}\b|\b[0-9a-f]{128}\b", "[COMMITMENT]"),
            (r"12D3KooW\w+", "[PEER]"),
            (r"…\w{8}", "[KEY]"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[TIME]"),
            (r": 1[78]\d{8}\b", ": [UNIX TIME]"),
            (r"\b\d+(\.\d+)? m?s\b", "[SECONDS]"),
            (r#""(seconds|milliseconds|estimated_seconds|seconds_per_proof)": [0-9.e-]+"#, "\"$1\": [SECONDS]"),
            (r#""(budget_bytes|proofs_at_once_that_fit|verify_us|store_bytes)": \d+"#, "\"$1\": [N]"),
            (r"\d+ at once fit into \d+\.\d [MG]B", "[N] at once fit into [MEMORY]"),
            (r"-[0-9a-f]{16}\.pk", "-[DIGEST].pk"),
            (r"/store/\S+", "/store/[FILE]"),
            (r" {2,}", "  "),
        ]}, { insta::assert_snapshot!($name, $told) });
    };
}

/// A folder with the samples, a competition and a submission to it, made without a node.
struct Store {
    dir: tempfile::TempDir,
    competition: String,
    entry: String,
    submission: String,
    made: String,
}

impl Store {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        samples(dir.path());
        let home = dir.path().join("a");
        let mut made = session(dir.path(), &["init"]);
        made += &session(dir.path(), &["competitions"]);
        made += &session(dir.path(), &["keys", "list"]);
        let competition = host(&home, dir.path());
        let model = dir.path().join("model.onnx").display().to_string();
        let model = ["--competition", &competition, "--model", &model];
        made += &session(dir.path(), &["leaderboard", &competition]);
        made += &session(dir.path(), &[&["score"], &model[..]].concat());
        made += &session(dir.path(), &[&["submit"], &model[..], &["--name", "Zoë 李雷"]].concat());
        let again = json(&home, &[&["submit"], &model[..]].concat());
        made += &session(dir.path(), &[&["submit"], &model[..], &["--json"]].concat());
        made += &session(dir.path(), &[&["score"], &model[..], &["--json"]].concat());
        let id = |field: &str| again[field].as_str().unwrap().to_owned();
        Self { competition, entry: id("entry"), submission: id("submission"), made, dir }
    }

    fn sessions(&self, lines: &[&[&str]]) -> String {
        let tell = |line: &&[&str]| match line[0] {
            "outbox" | "blobs" if line[1] != "gc" => unordered(self.dir.path(), line),
            _ => session(self.dir.path(), line),
        };
        lines.iter().map(tell).collect()
    }
}

#[test]
fn a_store_is_hosted_submitted_to_listed_exported_and_verified() {
    let store = Store::new();
    golden!("made", &store.made);
    let bundle = store.dir.path().join("b.bundle").display().to_string();
    let archive = store.dir.path().join("records.tar").display().to_string();
    let Store { competition, entry, submission, .. } = &store;
    let lines: [&[&str]; 16] = [
        &["competitions"],
        &["show", competition],
        &["show", entry],
        &["show", submission],
        &["entries", competition],
        &["leaderboard", competition],
        &["outbox", "--waiting"],
        &["blobs", "list"],
        &["blobs", "gc", "--dry-run"],
        &["keys", "list"],
        &["keys", "make", "linear-30-2"],
        &["export", competition, "--out", &bundle],
        &["verify", &bundle],
        &["verify", submission],
        &["store", "export", &archive],
        &["store", "check"],
    ];
    golden!("tables", store.sessions(&lines));
    let lines: Vec<Vec<&str>> = lines.iter().map(|line| [*line, &["--json"]].concat()).collect();
    let lines: Vec<&[&str]> = lines.iter().map(Vec::as_slice).collect();
    golden!("json", store.sessions(&lines));
}

/// The address of a node that is made up: what it answers is told by a function.
fn made_up(dir: &Path, answer: impl Fn(&Ask) -> Body + Send + Sync + 'static) -> PathBuf {
    let socket = dir.join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                let mut writer = stream.try_clone().unwrap();
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let Request { id, command } = serde_json::from_str(&line).unwrap();
                    let mut reply = serde_json::to_vec(&Reply { id, body: answer(&command) }).unwrap();
                    reply.push(b'\n');
                    if writer.write_all(&reply).is_err() {
                        return;
                    }
                }
            });
        }
    });
    socket
}

fn id(start: &str) -> String {
    format!("{start:0<64}")
}

fn hello(api_version: u32) -> Body {
    Body::Hello(Hello {
        api_version,
        agent: "podium/0.1.0".into(),
        peer_id: "12D3KooWme".into(),
        listen: vec!["/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWme".into()],
        data_dir: "/home/you/.local/share/podium".into(),
    })
}

fn peer(n: u64) -> Peer {
    Peer {
        peer_id: format!("12D3KooWpeer{n}"),
        address: format!("/ip4/192.0.2.{n}/tcp/4001"),
        dialled: n == 1,
        relayed: n == 3,
        connected: 1_700_000_000,
        agent: "podium/0.1.0".into(),
        latency_us: (n < 3).then_some(350 * n),
        records: 40 * n,
        same: (n > 1).then_some(n == 2),
        refused: n - 1,
        last_refusal: (n == 3).then(|| "expected a signature".into()),
        score: 0.5,
        bytes_in: 1_000 * n,
        bytes_out: 20_000_000 * n,
        clock_offset_s: (n < 3).then_some(-1),
    }
}

/// A node with peers, bans, waiting records and files on their way.
fn busy(ask: &Ask) -> Body {
    match ask {
        Ask::Hello => hello(API_VERSION),
        Ask::Peers => Body::Peers {
            peers: vec![peer(1), peer(2), peer(3)],
            banned: vec![Ban {
                peer_id: "12D3KooWrogue".into(),
                reason: "floods".into(),
                since: 1_700_000_000,
                until: 1_900_000_000,
            }],
        },
        Ask::Health => Body::Health(Box::new(Health {
            started: 1_700_000_000,
            records: 412,
            competitions: 3,
            fingerprint: "83244f565003aa".into(),
            peers: 3,
            reachability: Reachability::Private,
            blobs_quota_bytes: 32 << 30,
            warnings: vec!["the disk is nearly full: make room".into()],
            ..Health::default()
        })),
        Ask::Own => Body::Own {
            records: vec![OwnRecord {
                id: id("9c01"),
                kind: "entry".into(),
                summary: "entry of Ada".into(),
                competition: id("3fa1"),
                first_seen: 1_700_000_000,
                held_by: 0,
                waiting: true,
                opening: Some(false),
            }],
        },
        Ask::Blobs => Body::Blobs {
            blobs: vec![Blob {
                blob: id("b10b"),
                bytes: 24_000_000,
                since: None,
                uses: vec![BlobUse { competition: id("3fa1"), role: "proving_key".into() }],
            }],
            used: 0,
            quota: 32 << 30,
        },
        Ask::Find { prefix } if prefix == "3fa1" => {
            let found = |start| Found { id: id(start), kind: "competition".into(), competition: id(start) };
            Body::Found { records: vec![found("3fa11"), found("3fa12")] }
        }
        Ask::Find { .. } => Body::Found { records: Vec::new() },
        Ask::ConnectPeer { .. } => {
            Body::Error { kind: ErrorKind::Network, message: "expected a peer to answer, got none".into() }
        }
        Ask::Publish { .. } => Body::Error { kind: ErrorKind::Refused, message: "by a rule".into() },
        Ask::BanPeer { .. } | Ask::UnbanPeer { .. } => Body::Done,
        _ => Body::Error { kind: ErrorKind::Busy, message: "too much to do: try again".into() },
    }
}

#[test]
fn a_busy_node_is_shown_and_an_ambiguous_id_lists_what_it_could_be() {
    let dir = tempfile::tempdir().unwrap();
    let socket = made_up(dir.path(), busy).display().to_string();
    let lines: [&[&str]; 14] = [
        &["peers"],
        &["peers", "--json"],
        &["peers", "address"],
        &["peers", "connect", "/ip4/192.0.2.9/tcp/4001"],
        &["peers", "ban", "12D3KooWrogue", "--for", "1h"],
        &["peers", "unban", "12D3KooWrogue", "-q"],
        &["status", "--strict"],
        &["outbox"],
        &["blobs", "list"],
        &["leaderboard", "3fa1"],
        &["leaderboard", "4fa1"],
        &["competitions"],
        &["run"],
        &["run", "--detach"],
    ];
    let lines = lines.map(|line| [&["--socket", &socket][..], line].concat());
    let told: String = lines.iter().map(|line| session(dir.path(), line)).collect();
    // How long it has been up, on whatever day this is.
    insta::with_settings!({ filters => vec![(r"up for +\d+ d", "up for  [DAYS]")] }, {
        insta::assert_snapshot!("busy", told.replace(&format!("--socket {socket} "), ""));
    });
}

#[test]
fn a_node_of_another_release_and_one_that_hangs_up_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let other = made_up(dir.path(), |_| hello(API_VERSION + 1)).display().to_string();
    let said = expect(1, &run(dir.path(), &["--socket", &other, "competitions"]));
    assert!(said.contains(&format!("expected {API_VERSION}")) && said.contains("restart"), "{said}");
    let socket = dir.path().join("rude");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let said = expect(1, &run(dir.path(), &["--socket", &socket.display().to_string(), "competitions"]));
    assert!(said.contains("the connection to the node broke"), "{said}");
}

fn row(n: u64) -> BoardRow {
    BoardRow {
        rank: Some(n),
        standing: Standing::Pending,
        display_name: format!("competitor {n} 李雷"),
        namesake: false,
        competitor: format!("12D3KooW{n:z>44}"),
        entry: format!("{n:064x}"),
        submission: format!("{n:064x}"),
        size_class: "mlp-784-32-10".into(),
        correct: 10_000 - n,
        rows: 10_000,
        accuracy_bps: 9_000,
        interval_bps: (8_900, 9_100),
        entries: 1,
        submitted: 1_700_000_000,
        first_seen: 1_700_000_000,
        checked_here: true,
        verify_us: 6_000,
        setup: SetupTrust::SingleParty,
        mine: false,
    }
}

/// A board of so many rows, in the shape that a real one has.
fn large(store: &Store, rows: u64) -> Body {
    let printed = json(&store.dir.path().join("a"), &["leaderboard", &store.competition]);
    let mut board: api::Board = serde_json::from_value(printed).unwrap();
    board.rows = (1..=rows).map(row).collect();
    Body::Board(Box::new(board))
}

#[test]
fn ten_thousand_rows_fit_an_answer_and_are_printed_at_once() {
    let (store, rows) = (Store::new(), 10_000);
    let (board, competition) = (large(&store, rows), store.competition.clone());
    let line = serde_json::to_vec(&Reply { id: u64::MAX, body: board.clone() }).unwrap().len();
    println!(
        "{rows} rows: a line of {:.1} MB of at most {:.1}",
        line as f64 / 1e6,
        api::MAX_LINE_BYTES as f64 / 1e6
    );
    assert!(line < api::MAX_LINE_BYTES, "{line}");
    let found = Found { id: competition.clone(), kind: "competition".into(), competition };
    let socket = made_up(store.dir.path(), move |ask| match ask {
        Ask::Hello => hello(API_VERSION),
        Ask::Find { .. } => Body::Found { records: vec![found.clone()] },
        _ => board.clone(),
    });
    let socket = socket.display().to_string();
    for (format, lines) in [("--quiet", rows), ("--json", 20 * rows)] {
        let start = Instant::now();
        let output = run(store.dir.path(), &["--socket", &socket, format, "leaderboard", &store.competition]);
        expect(0, &output);
        println!("{format}: {:?}", start.elapsed());
        assert!(output.stdout.iter().filter(|byte| **byte == b'\n').count() as u64 >= lines);
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
}

/// Runs a command until its first message, then interrupts it.
fn interrupted(home: &Path, arguments: &[&str]) -> Output {
    let mut command = command(home);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    said.read_line(&mut String::new()).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    std::io::copy(&mut said, &mut std::io::sink()).unwrap();
    output
}

#[test]
fn every_exit_code_that_the_help_names_has_its_case() {
    let store = Store::new();
    let (dir, competition) = (store.dir.path(), store.competition.as_str());
    let home = dir.join("a");
    let file = |name: &str| dir.join(name).display().to_string();
    let (bundle, other) = (file("b.bundle"), file("other.onnx"));
    expect(0, &run(&home, &["export", competition, "--out", &bundle]));
    expect(1, &run(&home, &["leaderboard", "ffffffff"]));
    expect(1, &run(&home, &["submit", "--competition", competition, "--model", &file("cut.onnx")]));
    expect(2, &run(&home, &["leaderboard", "--rows"]));
    let mut bytes = std::fs::read(&bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    expect(3, &run(&home, &["verify", &bundle]));
    expect(4, &run(&home, &["submit", "--competition", competition, "--model", &other]));
    for early in ["reveal", "close"] {
        // An open competition has nothing to reveal; both ask for what is not there, or not yet.
        assert_ne!(run(&home, &[early, competition, "--yes"]).status.code(), Some(0));
    }
    expect(5, &run(&home, &["peers"]));
    let nowhere = ["run", "--no-mdns", "--listen", "/ip4/192.0.2.1/tcp/1"];
    expect(5, &run(&home, &nowhere));
    let said = expect(5, &run(&home, &[&nowhere[..], &["--detach"]].concat()));
    assert!(said.contains("node.log") && said.contains("error: "), "{said}");
    let node = Node::start(&home, &[]);
    let detached = ["run", "--detach", "--no-mdns"];
    let said = expect(6, &run(&home, &detached));
    assert!(said.contains("already running"), "{said}");
    // Beside the running node and without its socket: the store is in use.
    expect(6, &run(&home, &["--socket", &file("none"), "competitions"]));
    node.stop();
    assert_eq!(interrupted(&dir.join("b"), &["keys", "make", "mlp-784-32-10"]).status.code(), Some(130));
    assert!(std::fs::read_dir(dir.join("b/keys")).map_or(0, Iterator::count) == 0, "nothing is half-done");
}

#[test]
fn what_comes_too_early_or_too_late_is_told_in_dates() {
    let dir = tempfile::tempdir().unwrap();
    samples(dir.path());
    let home = dir.path().join("a");
    expect(0, &run(&home, &["init"]));
    let id = common::host_with(&home, dir.path(), &["--commit-deadline", "+1h", "--deadline", "+2h"]);
    let model = dir.path().join("model.onnx").display().to_string();
    let over = common::host_with(&home, dir.path(), &["--open", "--deadline", "+2s"]);
    let lonely = ["--commit-deadline", "+2s", "--deadline", "+2h"];
    let lonely = common::host_with(&home, dir.path(), &lonely);
    std::thread::sleep(Duration::from_millis(3_100));
    let lines: [&[&str]; 5] = [
        &["reveal", &id, "--yes"],
        &["reveal", &lonely, "--yes"],
        &["close", &id, "--yes"],
        &["score", "--competition", &id],
        &["submit", "--competition", &over, "--model", &model],
    ];
    let told: String = lines.iter().map(|line| session(dir.path(), line)).collect();
    insta::with_settings!({ filters => vec![
        (r"[0-9a-f]{64}", "[ID]"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[TIME]"),
        (r"(\d+) (s|min) ago", "[LONG] ago"),
        (r"(in|another) \d+ (s|min|h)", "$1 [LONG]"),
    ]}, { insta::assert_snapshot!("dates", told) });
}
