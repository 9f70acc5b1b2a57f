//! A sealed competition from end to end: real processes, real proofs, real deadlines, and a host who cheats.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod common;

use common::{Node, ask, eventually, expect, host_with, json, run, samples};
use protocol::{Body, Close, Reveal, Signed, WellFormed};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Time to enter, and then to prove: enough for a slow machine that does other things too.
const COMMIT: &str = "+25s";
const PROVE: &str = "+55s";

fn wait_until(time: &Value) {
    let until = SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_u64().unwrap() + 1);
    if let Ok(left) = until.duration_since(SystemTime::now()) {
        std::thread::sleep(left);
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}

/// The standing of every entry, by id.
fn standings(node: &Node, id: &str) -> Vec<(String, String)> {
    let entries = node.json(&["entries", id]);
    let mut all: Vec<_> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (text(entry, "id").to_owned(), text(entry, "standing").to_owned()))
        .collect();
    all.sort();
    all
}

fn rows(node: &Node, id: &str) -> usize {
    node.board(id).map_or(0, |board| board["rows"].as_array().unwrap().len())
}

/// Signs with a node's identity, and hands the record to another.
fn publish(signer: &Path, to: &Node, body: &Body) -> (Signed, Value) {
    let key = std::fs::read(signer.join("identity.key")).unwrap();
    let key = libp2p::identity::Keypair::from_protobuf_encoding(&key).unwrap();
    let signed = protocol::sign(&key, body).unwrap();
    let command = json!({ "name": "publish", "record": hex::encode(signed.bytes()) });
    let answer = ask(&to.dir.join("podium.sock"), &command);
    (signed, answer)
}

fn record(node: &Node, id: &str) -> WellFormed {
    let answer = ask(&node.dir.join("podium.sock"), &json!({ "name": "record", "id": id }));
    let bytes = hex::decode(answer["records"][0].as_str().unwrap()).unwrap();
    WellFormed::parse(&Signed::open(&bytes).unwrap()).unwrap()
}

#[test]
fn models_are_fixed_before_the_test_set_is_seen_and_every_rule_is_enforced() {
    let dir = tempfile::tempdir().unwrap();
    samples(dir.path());
    let path = |name: &str| dir.path().join(name);
    let model = path("model.onnx").display().to_string();
    let a = Node::start(&path("a"), &[]);
    let b = Node::start(&path("b"), &[a.address()]);
    let c = Node::start(&path("c"), &[a.address()]);
    // The key is made first: the deadlines are short.
    a.json(&["keys", "make", "linear-30-2"]);
    let options =
        ["--commit-deadline", COMMIT, "--deadline", PROVE, "--max-entries", "1", "--max-withdrawals", "1"];
    let id = host_with(&a.dir, dir.path(), &[&options[..], &["--min-rows", "200"]].concat());
    let sealed_set = path("a").join("hosted").join(&id).join("test-set.cbor");
    assert!(sealed_set.exists(), "the test set stays with the host");
    for node in [&a, &b, &c] {
        eventually("everybody knows of it", || node.board(&id).is_some());
    }
    let board = a.board(&id).unwrap();
    let summary = &board["competition"];
    assert_eq!((&summary["phase"], &summary["open"]), (&"announced".into(), &false.into()));
    assert_eq!((&summary["rows"], &summary["min_rows"]), (&Value::Null, &200.into()));
    assert_eq!(board["test_set"], Value::Null);
    let (commit_deadline, prove_deadline) = (&summary["commit_deadline"], &summary["prove_deadline"]);

    // Nothing can be scored or revealed yet.
    assert!(
        expect(4, &run(&b.dir, &["submit", "--competition", &id])).contains("sealed until the host reveals")
    );
    expect(2, &run(&b.dir, &["enter", "--competition", &id]));
    assert!(expect(4, &run(&a.dir, &["reveal", &id])).contains("models may be entered until"));

    // B enters, takes it back, and enters again under another name: another model would do the same.
    let entered = b.json(&["enter", "--competition", &id, "--model", &model, "--name", "Ada"]);
    let ada = text(&entered, "entry").to_owned();
    let opening = Path::new(text(&entered, "opening"));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(opening).unwrap().permissions().mode() & 0o777, 0o600);
    let again = b.json(&["enter", "--competition", &id, "--model", &model, "--name", "Ada"]);
    assert_eq!((&again["entry"], &again["new"]), (&entered["entry"], &false.into()));
    let bob = c.json(&["enter", "--competition", &id, "--model", &model, "--name", "\u{410}da"]);
    let bob = text(&bob, "entry").to_owned();
    expect(4, &run(&c.dir, &["withdraw", &ada]));
    for node in [&a, &b, &c] {
        eventually("everybody has both entries", || standings(node, &id).len() == 2);
        assert!(standings(node, &id).iter().all(|(_, standing)| standing == "entered"));
    }
    assert_eq!(a.board(&id).unwrap()["competition"]["phase"], "committing");
    let too_early = expect(4, &run(&a.dir, &["reveal", &id]));
    assert!(too_early.contains("models may be entered until"), "{too_early}");
    expect(1, &run(&b.dir, &["reveal", &id]));

    wait_until(commit_deadline);
    // The very model that was entered is found again; for another one it is too late.
    expect(0, &run(&b.dir, &["enter", "--competition", &id, "--model", &model]));
    let late = Node::start(&path("late"), &[c.address()]);
    eventually("the late node knows of it", || late.board(&id).is_some());
    let refused = expect(4, &run(&late.dir, &["enter", "--competition", &id, "--model", &model]));
    assert!(refused.contains("commit deadline"), "{refused}");
    assert!(expect(4, &run(&b.dir, &["withdraw", &ada])).contains("commit deadline"));
    expect(4, &run(&a.dir, &["reveal", &id, "--entry", &ada, "--entry", &ada[..8]]));
    assert!(expect(4, &run(&a.dir, &["reveal", &id, "--entry", "00000000"])).contains("no entry"));
    let revealed = a.json(&["reveal", &id, "--yes"]);
    assert_eq!(revealed["roster"].as_array().unwrap().len(), 2);
    let again = a.json(&["reveal", &id, "--entry", &ada]);
    assert_eq!(again, revealed, "a second run signs nothing new");
    let hosted = path("a").join("hosted").join(&id);
    std::fs::remove_file(hosted.join("reveal.record")).unwrap();
    let restored = a.json(&["reveal", &id, "--entry", &ada]);
    assert_eq!(restored, revealed, "nor does one in a folder that was restored from an older copy");
    for node in [&b, &c] {
        eventually("the test set is here", || node.board(&id).is_some_and(|b| b["test_set_here"] == true));
    }
    assert_eq!(b.board(&id).unwrap()["competition"]["phase"], "revealed");
    expect(2, &run(&b.dir, &["submit", "--competition", &id, "--model", &model]));
    let scored = b.json(&["score", "--competition", &id]);
    let made = b.json(&["submit", "--competition", &id]);
    assert_eq!((&made["entry"], &made["correct"]), (&ada.as_str().into(), &scored["integer_correct"]));
    assert_eq!(made["openness"], "sealed: the models are fixed before the test set is revealed");
    c.json(&["submit", "--competition", &id, "--claim", "260"]);
    for node in [&a, &b, &c] {
        eventually("all proofs are verified everywhere", || rows(node, &id) == 2);
    }
    let board = a.board(&id).unwrap();
    assert_eq!(board["competition"]["phase"], "proving");
    assert!(board["rows"].as_array().unwrap().iter().all(|row| row["standing"] == "pending"));
    assert!(board["rows"].as_array().unwrap().iter().all(|row| row["namesake"] == true), "{board}");
    assert!(expect(4, &run(&a.dir, &["close", &id])).contains("proofs may be submitted until"));

    wait_until(prove_deadline);
    expect(4, &run(&c.dir, &["submit", "--competition", &id]));
    let closed = a.json(&["close", &id, "--yes"]);
    assert_eq!(
        (closed["final"].as_array().unwrap().len(), closed["left_out"].as_array().unwrap().len()),
        (2, 0)
    );
    std::fs::remove_file(hosted.join("close.record")).unwrap();
    assert_eq!(a.json(&["close", &id])["close"], closed["close"]);
    let later = Node::start(&path("later"), &[late.address()]);
    let done = |node: &Node| {
        node.board(&id).is_some_and(|board| {
            let rows = board["rows"].as_array().unwrap();
            rows.len() == 2 && rows.iter().all(|row| row["standing"] == "final")
        })
    };
    for node in [&a, &b, &c, &late, &later] {
        eventually("everybody sees the final board", || done(node));
        assert_eq!(node.board(&id), a.board(&id));
        assert!(standings(node, &id).iter().all(|(_, standing)| standing == "on_roster"));
    }
    verify_elsewhere(&later, dir.path(), &id);
    cheat(&a, &[&a, &b, &c, &later], &id, &bob);
    for node in [a, b, c, late, later] {
        node.stop();
    }
}

fn verify_elsewhere(node: &Node, dir: &Path, id: &str) {
    let bundle = dir.join("sealed.bundle").display().to_string();
    node.json(&["export", id, "--out", &bundle]);
    let verified = json(&dir.join("nobody"), &["verify", &bundle]);
    assert_eq!((&verified["valid"], &verified["closed"]), (&true.into(), &true.into()));
    assert_eq!(verified["fingerprint"], node.board(id).unwrap()["fingerprint"]);
    let names: Vec<_> = verified["board"].as_array().unwrap().iter().map(|row| &row["standing"]).collect();
    assert_eq!(names, ["final", "final"]);
}

/// The host signs a second reveal without one of the entries, and a second close without anything: each is accepted,
/// and held against him on every node for good.
fn cheat(host: &Node, nodes: &[&Node], id: &str, left_out: &str) {
    let summary = host.board(id).unwrap()["competition"].clone();
    let WellFormed::Reveal(first) = record(host, text(&summary["reveals"][0], "id")) else { panic!() };
    let mut body: Reveal = first.body().clone();
    body.roster.retain(|entry| entry.to_string() != left_out);
    let (_, answer) = publish(&host.dir, nodes[1], &Body::Reveal(body.clone()));
    assert_eq!(answer["name"], "published", "{answer}");
    body.salt[0] ^= 1;
    let (_, answer) = publish(&host.dir, nodes[1], &Body::Reveal(body));
    assert!(text(&answer, "message").contains("seal"), "{answer}");
    let competition = id.parse().unwrap();
    let created = summary["prove_deadline"].as_u64().unwrap() + 1;
    let empty = Body::Close(Close { competition, submissions: Vec::new(), created });
    let (_, answer) = publish(&nodes[1].dir, nodes[2], &empty);
    assert!(text(&answer, "message").contains("the host"), "{answer}");
    let (_, answer) = publish(&host.dir, nodes[2], &empty);
    assert_eq!(answer["name"], "published", "{answer}");
    for node in nodes {
        eventually("the board is disputed", || {
            let board = node.board(id).unwrap();
            let disputed = board["competition"]["disputes"] == json!(["reveal", "close"]);
            // What competitors bound to the first reveal stays; final is what both closes list.
            disputed && board["rows"].as_array().unwrap().iter().all(|row| row["standing"] == "left_out")
        });
        assert_eq!(rows(node, id), 2);
    }
    for node in &nodes[1..] {
        eventually("equal sets", || {
            node.board(id).unwrap()["fingerprint"] == nodes[0].board(id).unwrap()["fingerprint"]
        });
        assert_eq!(node.board(id), nodes[0].board(id));
    }
    let shown = expect_stdout(&run(&nodes[1].dir, &["leaderboard", id]));
    assert!(shown.contains("DISPUTED: the host has signed two records of kind reveal"), "{shown}");
}

fn expect_stdout(output: &std::process::Output) -> String {
    expect(0, output);
    String::from_utf8_lossy(&output.stdout).into_owned()
}
