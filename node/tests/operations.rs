//! What it takes to leave a node running: settings, signals, health, metrics, logs. Real processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod common;

use common::{Node, ask, command, eventually, expect, host_with, run, samples};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

fn signal(node: &Node, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(node.pid()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// A setting as `node config` shows it.
fn setting(output: &std::process::Output, key: &str) -> (String, String) {
    expect(0, output);
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let found = all.iter().find(|setting| setting["key"] == key).unwrap();
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    (text("value"), text("source"))
}

#[test]
fn a_flag_counts_more_than_a_variable_and_that_more_than_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (file, home) = (dir.path().join("config.toml"), dir.path().join("from the file"));
    let text = format!("socket = {:?}\n[run]\nlog = \"error\"\n", home.join("s"));
    std::fs::write(&file, text).unwrap();
    let node = || {
        let mut command = std::process::Command::new(common::NODE);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PODIUM_"))
        {
            command.env_remove(name);
        }
        command.env("PODIUM_CONFIG", &file).env("XDG_CONFIG_HOME", dir.path().join("none")).arg("--json");
        command
    };
    let both = |command: &mut std::process::Command| command.arg("config").output().unwrap();
    let found = both(&mut node());
    assert_eq!(setting(&found, "run.log"), ("error".into(), "file".into()));
    assert_eq!(setting(&found, "socket"), (home.join("s").display().to_string(), "file".into()));
    assert_eq!(setting(&found, "run.log_format"), ("text".into(), "default".into()));
    assert_eq!(setting(&found, "run.metrics").1, "unset");
    let found = both(node().env("PODIUM_LOG", "debug").env("PODIUM_SOCKET", "/by/variable"));
    assert_eq!(setting(&found, "run.log"), ("debug".into(), "environment".into()));
    assert_eq!(setting(&found, "socket"), ("/by/variable".into(), "environment".into()));
    let found = both(node().env("PODIUM_SOCKET", "/by/variable").args(["--socket", "/by/flag"]));
    assert_eq!(setting(&found, "socket"), ("/by/flag".into(), "flag".into()));
    // A command does what the settings say: it looks for the node where the file tells.
    let said = expect(5, &node().arg("peers").output().unwrap());
    assert!(said.contains("from the file"), "{said}");

    std::fs::write(&file, "[run]\nlisen = []\n").unwrap();
    let said = expect(2, &node().arg("peers").output().unwrap());
    assert!(said.contains("config.toml:2: run.lisen") && said.contains("listen"), "{said}");
    let doctor = node().args(["--data-dir"]).arg(&home).args(["doctor", "--offline"]).output().unwrap();
    expect(1, &doctor);
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("config.toml:2"));
    expect(0, &node().args(["config", "--template"]).output().unwrap());
    std::fs::remove_file(&file).unwrap();
    expect(2, &node().arg("peers").output().unwrap());
}

#[test]
fn signals_end_a_node_in_good_order_and_the_second_one_at_once() {
    let dir = tempfile::tempdir().unwrap();
    for kind in [Signal::TERM, Signal::INT] {
        let node = Node::start(&dir.path().join("a"), &[]);
        let start = Instant::now();
        signal(&node, kind);
        assert!(node.log().lines().all(|line| !line.contains("ERROR")));
        assert_eq!(node.wait(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
        assert!(!dir.path().join("a/podium.sock").exists(), "the socket goes with the node");
    }
    let node = Node::start(&dir.path().join("a"), &[]);
    let (pid, start) = (Pid::from_raw(i32::try_from(node.pid()).unwrap()).unwrap(), Instant::now());
    let waiting = std::thread::spawn(move || node.wait());
    while !waiting.is_finished() && start.elapsed() < Duration::from_secs(15) {
        let _ = kill_process(pid, Signal::TERM); // it may have ended in between
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(waiting.join().unwrap(), Some(130));
    // Nothing is broken by that.
    Node::start(&dir.path().join("a"), &[]).stop();
}

#[test]
fn a_supervisor_is_told_when_the_node_listens_lives_and_stops() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let next = || {
        let mut buffer = [0; 256];
        let n = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..n]).trim().to_owned()
    };
    let home = dir.path().join("a");
    let mut prepared = command(&home);
    prepared.env("NOTIFY_SOCKET", &path);
    let node = Node::start_with(prepared, &home, &[]);
    for (expected, then) in [("READY=1", None), ("WATCHDOG=1", Some(Signal::TERM)), ("STOPPING=1", None)] {
        // It is told again and again that the node lives.
        while next() != expected {}
        if let Some(then) = then {
            signal(&node, then);
        }
    }
    assert_eq!(node.wait(), Some(0));
}

fn metrics(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Where a node serves its metrics, from its log in JSON.
fn metrics_address(node: &Node) -> String {
    let line = |log: &str| {
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .filter_map(|line| line["fields"]["address"].as_str().map(str::to_owned))
            .find(|a| !a.starts_with('/'))
    };
    eventually("the address is logged", || line(&node.log()).is_some());
    line(&node.log()).unwrap()
}

#[test]
fn health_and_metrics_follow_what_happens() {
    let dir = tempfile::tempdir().unwrap();
    samples(dir.path());
    let home = dir.path().join("a");
    expect(1, &run(&home, &["status"]));
    assert!(expect(2, &run(&home, &["run", "--metrics", "0.0.0.0:0"])).contains("loopback"));
    assert!(!home.exists(), "a command line that is refused leaves nothing behind");

    let mut prepared = command(&home);
    prepared.env("PODIUM_METRICS", "127.0.0.1:0").env("PODIUM_LOG_FORMAT", "json");
    let a = Node::start_with(prepared, &home, &[]);
    let b = Node::start(&dir.path().join("b"), &[a.address()]);
    let id = host_with(&home, dir.path(), &["--open", "--deadline", "+1h"]);
    eventually("b has it", || b.board(&id).is_some_and(|board| board["test_set_here"] == true));
    let health = a.json(&["status"]);
    assert_eq!((&health["records"], &health["competitions"]), (&1.into(), &1.into()));
    assert!(health["disk_free_bytes"].as_u64().unwrap() > 0 && health["memory_bytes"].as_u64().unwrap() > 0);
    assert!(health["store_bytes"].as_u64().unwrap() > 0);
    eventually("both know the other's clock", || {
        [&a, &b].iter().all(|node| {
            let health = node.json(&["status"]);
            health["peers"] == 1 && health["clock_offset_s"].as_i64().is_some_and(|offset| offset.abs() <= 5)
        })
    });
    eventually("a peer has confirmed the competition", || a.json(&["status"])["outbox"] == 0);
    let address = metrics_address(&a);
    let has = |line: &str| metrics(&address).lines().any(|found| found == line);
    eventually("the gauges follow", || {
        has("podium_peers 1") && has("podium_outbox 0") && has("podium_records 1")
    });
    assert!(has("podium_records_accepted_total{kind=\"competition\"} 1"));
    let text = metrics(&address);
    let positive = |name: &str| {
        let values =
            text.lines().filter_map(|line| line.strip_prefix(name)?.rsplit(' ').next()?.parse::<f64>().ok());
        values.fold(0.0, f64::max) > 0.0
    };
    for name in [
        "podium_blob_bytes_total{kind=\"out\"}",
        "podium_disk_free_bytes",
        "podium_memory_bytes",
        "libp2p_bandwidth_bytes_total",
        "libp2p_swarm_connections_established_total",
        "libp2p_gossipsub_",
    ] {
        assert!(positive(name), "{name} in\n{text}");
    }

    let doctor = run(&home, &["--json", "doctor", "--offline"]);
    let findings: Vec<Value> = serde_json::from_slice(&doctor.stdout).unwrap();
    assert!(
        findings.iter().any(|finding| finding["check"] == "node" && finding["level"] == "ok"),
        "{findings:?}"
    );
    let strict = run(&home, &["status", "--strict"]);
    let warnings = a.json(&["status"])["warnings"].as_array().unwrap().len();
    assert_eq!(strict.status.code(), Some(i32::from(warnings > 0)));
    let (address, bootstrap) = (a.address(), b.address());
    b.stop();
    a.stop();
    // Without the nodes: the store opens, and one bootstrap peer answers while the other does not.
    let c = Node::start(&dir.path().join("c"), &[]);
    let (there, gone) = (c.address(), bootstrap);
    let mut doctor = command(&home);
    doctor.env("PODIUM_BOOTSTRAP", format!("{there},{gone}")).args(["--json", "doctor"]);
    let output = doctor.output().unwrap();
    expect(0, &output);
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let level = |text: &str| {
        let found = findings.iter().find(|finding| finding["message"].as_str().unwrap().contains(text));
        found.map(|finding| finding["level"].as_str().unwrap().to_owned())
    };
    assert_eq!(level(&there).as_deref(), Some("ok"), "{findings:?}");
    assert_eq!(level(&gone).as_deref(), Some("warning"), "{findings:?}");
    assert_eq!(level("opens, with 1 records").as_deref(), Some("ok"), "{findings:?}");
    assert_ne!(address, there);
    c.stop();
}

/// Parts of a secret that do not look like anything else.
fn parts(secret: &[u8]) -> Vec<&[u8]> {
    let varied = |part: &&[u8]| part.iter().collect::<std::collections::BTreeSet<_>>().len() >= 9;
    let all: Vec<&[u8]> = secret.chunks_exact(12).filter(varied).collect();
    let step = all.len().div_ceil(4).max(1);
    all.into_iter().step_by(step).collect()
}

/// Whether a part of a secret is in a log: raw, in hexadecimal digits, or as a list of numbers.
fn shown_in(log: &[u8], text: &str, part: &[u8]) -> bool {
    let list = |separator: &str| part.iter().map(u8::to_string).collect::<Vec<_>>().join(separator);
    let hex = hex::encode(part);
    [hex.to_uppercase(), hex, list(", "), list(",")].iter().any(|shown| text.contains(shown))
        || log.windows(part.len()).any(|window| window == part)
}

#[test]
fn no_log_holds_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    samples(dir.path());
    let home = dir.path().join("a");
    let mut prepared = command(&home);
    prepared.env("PODIUM_LOG", "trace");
    let a = Node::start_with(prepared, &home, &[]);
    let b = Node::start(&dir.path().join("b"), &[a.address()]);
    let id = host_with(&home, dir.path(), &["--commit-deadline", "+1h", "--deadline", "+2h"]);
    let model = dir.path().join("model.onnx").display().to_string();
    let entered = a.json(&["enter", "--competition", &id, "--model", &model, "--name", "Ada"]);
    let entry = entered["entry"].as_str().unwrap();
    eventually("b has the entry", || {
        let entries = run(&b.dir, &["--json", "entries", &id]);
        String::from_utf8_lossy(&entries.stdout).contains(entry)
    });
    a.stop();
    // What an opening opens is public: the commitment, and whose it is.
    let asked = serde_json::json!({ "name": "record", "id": entry });
    let public = ask(&b.dir.join("podium.sock"), &asked)["records"][0].as_str().unwrap().to_owned();
    let log = std::fs::read(home.join("node.log")).unwrap();
    assert!(log.len() > 10_000, "it logs a lot");
    let text = String::from_utf8_lossy(&log);
    assert!(text.contains(&entry[..8]), "records are named");
    assert!(shown_in(b"x = [1, 2, 3]", "x = [1, 2, 3]", &[1, 2, 3]) && shown_in(b"\x07\x08", "", &[7, 8]));
    let mut kept = Vec::new();
    files(&home, &mut kept);
    let mut found = 0;
    for path in kept {
        let bytes = std::fs::read(&path).unwrap();
        let secret = match path.file_name().unwrap().to_str().unwrap() {
            // After the header; what follows the private half is the public key.
            "identity.key" => &bytes[4..36],
            "secret" | "salt" | "test-set.cbor" => &bytes[..],
            name if name.ends_with(".opening") => &bytes[..],
            _ => continue,
        };
        found += 1;
        assert!(!parts(secret).is_empty(), "{}", path.display());
        let is_public = |part: &&[u8]| {
            let shown = hex::encode(part);
            part.iter().all(u8::is_ascii_graphic)
                || public.contains(&shown)
                || path.display().to_string().contains(&shown)
        };
        for part in parts(secret).into_iter().filter(|part| !is_public(part)) {
            assert!(!shown_in(&log, &text, part), "{}: {}", path.display(), hex::encode(part));
        }
    }
    assert_eq!(found, 5, "identity, secret, salt, test set and opening");
    b.stop();
}

fn files(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}
