//! The record store as people meet it: older stores, checks, archives, compaction, and who holds what was published.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod common;

use common::{Node, eventually, expect, host, json, run, samples};
use serde_json::Value;
use std::path::{Path, PathBuf};

struct Folder {
    dir: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        samples(dir.path());
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// A data folder with an open competition, an entry and its submission, made without a node.
    fn with_a_submission(&self, name: &str) -> (PathBuf, String) {
        let home = self.path(name);
        expect(0, &run(&home, &["init"]));
        let id = host(&home, self.dir.path());
        let model = self.text("model.onnx");
        let made = json(&home, &["submit", "--competition", &id, "--model", &model, "--name", "Ada"]);
        assert_eq!((&made["held_by"], &made["waiting"]), (&0.into(), &true.into()));
        (home, id)
    }

    fn empty(&self, name: &str) -> PathBuf {
        let home = self.path(name);
        expect(0, &run(&home, &["init"]));
        home
    }
}

/// The board, without what only one node knows.
fn board(home: &Path, id: &str) -> Value {
    let mut board = json(home, &["leaderboard", id]);
    for row in board["rows"].as_array_mut().unwrap() {
        for field in ["first_seen", "verify_us", "mine"] {
            row.as_object_mut().unwrap().remove(field);
        }
    }
    board
}

/// A store of the first layout: `fixtures/README.md` says how it was made.
#[test]
fn a_store_of_schema_version_1_is_brought_up_to_date_with_all_that_is_in_it() {
    let folder = Folder::new();
    let home = folder.path("old");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    tar::Archive::new(std::fs::File::open(fixture.join("store-1.tar")).unwrap()).unpack(&home).unwrap();
    let expected: Value =
        serde_json::from_slice(&std::fs::read(fixture.join("store-1.json")).unwrap()).unwrap();
    let id = expected["competition"]["id"].as_str().unwrap();

    let said = expect(0, &run(&home, &["leaderboard", id]));
    assert!(said.contains("from schema version 1 to 2"), "{said}");
    let said = expect(0, &run(&home, &["leaderboard", id]));
    assert!(!said.contains("schema version"), "once only: {said}");
    let mut board = json(&home, &["leaderboard", id]);
    // Times of checks are of this process; the phase follows the clock.
    for row in board["rows"].as_array_mut().unwrap() {
        row["verify_us"] = 0.into();
    }
    board["competition"]["phase"] = expected["competition"]["phase"].clone();
    assert_eq!(board, expected);

    let report = json(&home, &["store", "check"]);
    assert_eq!(
        (&report["sound"], &report["records"], &report["outbox"]),
        (&true.into(), &6.into(), &1.into())
    );
    let own = json(&home, &["outbox"]);
    let waiting = own.as_array().unwrap().iter().filter(|own| own["waiting"] == true).count();
    assert_eq!((own.as_array().unwrap().len(), waiting), (4, 1));
    expect(0, &run(&home, &["store", "compact"]));
    assert_eq!(json(&home, &["leaderboard", id])["fingerprint"], expected["fingerprint"]);
}

#[test]
fn an_archive_carries_everything_to_another_store_with_and_without_a_node() {
    let folder = Folder::new();
    let (a, id) = folder.with_a_submission("a");
    let expected = board(&a, &id);
    let (bare, whole) = (folder.text("bare.tar"), folder.text("whole.tar"));
    let exported = json(&a, &["store", "export", &bare]);
    assert_eq!((&exported["records"], &exported["files"]), (&3.into(), &0.into()));
    assert_eq!(json(&a, &["store", "export", &whole, "--files"])["files"], 2);

    // Without a node: what is missing is waited for, and comes with the files.
    let b = folder.empty("b");
    let taken = json(&b, &["store", "import", &bare]);
    let numbers =
        |taken: &Value| ["new", "known", "waiting", "refused", "files"].map(|of| taken[of].as_u64().unwrap());
    assert_eq!(numbers(&taken), [1, 0, 2, 0, 0]);
    assert_eq!(json(&b, &["store", "check"])["records"], 3);
    let taken = json(&b, &["store", "import", &whole]);
    assert_eq!(numbers(&taken)[3..], [0, 2], "{taken}");
    assert_eq!(board(&b, &id), expected);
    assert_eq!(numbers(&json(&b, &["store", "import", &whole])), [0, 3, 0, 0, 2]);
    assert_eq!(json(&b, &["outbox"]), Value::Array(Vec::new()), "somebody else's are not own ones");

    // The times are those of the archive only if that is asked for.
    let seen = |home: &Path| json(home, &["leaderboard", &id])["rows"][0]["first_seen"].as_u64().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let (kept, fresh) = (folder.empty("kept"), folder.empty("fresh"));
    json(&kept, &["store", "import", &whole, "--keep-times"]);
    json(&fresh, &["store", "import", &whole]);
    assert_eq!(seen(&kept), seen(&a));
    assert!(seen(&fresh) > seen(&a));

    // With a node, and back.
    let node = Node::start(&folder.path("c"), &[]);
    assert_eq!(numbers(&node.json(&["store", "import", &whole])), [3, 0, 0, 0, 2]);
    assert_eq!(board(&node.dir, &id)["rows"], expected["rows"]);
    assert_eq!(numbers(&node.json(&["store", "import", &bare])), [0, 3, 0, 0, 0]);
    expect(2, &run(&node.dir, &["store", "import", &bare, "--keep-times"]));
    let again = folder.text("again.tar");
    let back = node.json(&["store", "export", &again, "--files"]);
    assert_eq!((&back["records"], &back["files"]), (&3.into(), &2.into()));
    assert_eq!(back["fingerprint"], exported["fingerprint"]);
    node.stop();
}

#[test]
fn a_bad_archive_is_refused_and_leaves_the_old_one_alone() {
    let folder = Folder::new();
    let (a, id) = folder.with_a_submission("a");
    let file = folder.text("records.tar");
    expect(0, &run(&a, &["store", "export", &file]));
    let good = std::fs::read(&file).unwrap();
    let b = folder.empty("b");
    let mut bad = good.clone();
    bad[middle_of_the_last(&good)] ^= 1;
    std::fs::write(&file, &bad).unwrap();
    let said = expect(1, &run(&b, &["store", "import", &file]));
    assert!(said.contains("expected each record once, under its own name"), "{said}");
    std::fs::write(&file, &good[..good.len() / 2]).unwrap();
    expect(1, &run(&b, &["store", "import", &file]));
    expect(1, &run(&b, &["store", "import", "no/such.tar"]));
    expect(1, &run(&b, &["store", "import", &folder.dir.path().display().to_string()]));
    expect(1, &run(&a, &["store", "export", "no/such/folder/records.tar"]));
    // A forged record under its own name: the archive is in order, the signature is not.
    std::fs::write(&file, &good).unwrap();
    let forged = forge(&good);
    std::fs::write(&file, &forged).unwrap();
    let taken = json(&b, &["store", "import", &file]);
    assert_eq!(taken["refused"], 1, "{taken}");
    assert!(taken["first_refusal"].as_str().unwrap().contains("signature"), "{taken}");
    assert_eq!(json(&a, &["leaderboard", &id])["rows"].as_array().unwrap().len(), 1);
}

/// The middle of the last record.
fn middle_of_the_last(archive: &[u8]) -> usize {
    let mut tar = tar::Archive::new(archive);
    let last = tar.entries().unwrap().map(Result::unwrap).last().unwrap();
    usize::try_from(last.raw_file_position() + last.size() / 2).unwrap()
}

/// The archive again with one byte of the last record changed, and name, manifest and numbers in order.
fn forge(archive: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut records = Vec::new();
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if entry.path().unwrap().starts_with("records") {
            records.push(bytes);
        }
    }
    *records.last_mut().unwrap().last_mut().unwrap() ^= 1;
    let mut ids: Vec<protocol::RecordId> =
        records.iter().map(|bytes| protocol::RecordId::of(bytes)).collect();
    let named: Vec<_> = ids.iter().map(|id| format!("records/{id}")).zip(records).collect();
    ids.sort();
    let manifest = serde_json::json!({
        "format": "podium-records", "version": 1, "records": ids.len(), "blobs": 0,
        "fingerprint": protocol::Fingerprint::of(ids.into_iter()).to_string(),
    });
    let mut tar = tar::Builder::new(Vec::new());
    let manifest = ("manifest.json".to_owned(), manifest.to_string().into_bytes());
    for (name, bytes) in std::iter::once(manifest).chain(named) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn damage_is_found_and_a_store_in_use_is_left_alone() {
    let folder = Folder::new();
    let (a, id) = folder.with_a_submission("a");
    let report = json(&a, &["store", "check"]);
    assert_eq!(
        (&report["sound"], &report["records"], &report["outbox"]),
        (&true.into(), &3.into(), &3.into())
    );
    assert!(report["blobs"].as_u64().unwrap() >= 3, "{report}");
    let expected = board(&a, &id);
    let compacted = json(&a, &["store", "compact"]);
    assert_eq!(compacted["records"], 3);
    assert_eq!(board(&a, &id), expected);

    let node = Node::start(&a, &[]);
    for command in ["check", "compact"] {
        assert!(expect(6, &run(&a, &["store", command])).contains("in use"), "{command}");
    }
    node.stop();

    let is_blob = |path: &PathBuf| path.file_name().unwrap().len() == 64;
    let mut blobs = std::fs::read_dir(a.join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    let blob = blobs.find(is_blob).unwrap();
    let mut bytes = std::fs::read(&blob).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    let output = run(&a, &["store", "check"]);
    expect(1, &output);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(&format!("blob {}", blob.file_name().unwrap().to_string_lossy())), "{said}");
}

#[test]
fn commands_that_publish_tell_who_holds_it() {
    let folder = Folder::new();
    let a = Node::start(&folder.path("a"), &[]);
    let model = folder.text("model.onnx");
    let id = host(&a.dir, folder.dir.path());
    let own = a.json(&["outbox", "--waiting"]);
    assert_eq!((own.as_array().unwrap().len(), &own[0]["held_by"]), (1, &0.into()));
    let b = Node::start(&folder.path("b"), &[a.address()]);
    let c = Node::start(&folder.path("c"), &[a.address()]);
    let ready = |node: &Node| node.board(&id).is_some_and(|board| board["test_set_here"] == true);
    eventually("the others have the test set", || ready(&b) && ready(&c));
    eventually("the competition is held by both", || a.json(&["outbox"])[0]["held_by"] == 2);
    assert_eq!(a.json(&["outbox", "--waiting"]), Value::Array(Vec::new()));
    let made = a.json(&["submit", "--competition", &id, "--model", &model, "--name", "Ada"]);
    assert_eq!((&made["held_by"], &made["waiting"]), (&2.into(), &false.into()), "{made}");
    let said = expect(0, &run(&a.dir, &["submit", "--competition", &id, "--model", &model, "--name", "Ada"]));
    assert!(said.contains("held by 2 peers"), "{said}");
    // Known again after a crash, with nobody to ask.
    b.stop();
    c.stop();
    a.kill();
    let a = Node::start(&folder.path("a"), &[]);
    let own = a.json(&["outbox"]);
    assert!(
        own.as_array().unwrap().iter().all(|own| own["held_by"] == 2 && own["waiting"] == false),
        "{own}"
    );
    a.stop();
}
