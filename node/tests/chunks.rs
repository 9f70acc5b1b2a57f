//! A test set that takes several proofs: submitted with a kill in between, and shared among machines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod common;

use common::{Node, eventually, eventually_every, expect, host, json, run, samples, spawn};
use std::path::{Path, PathBuf};
use std::time::Duration;

const CHUNKS: usize = 5;

/// The sample eight times over: 2,272 rows are five chunks of `linear-30-2`.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    samples(dir.path());
    let sample = std::fs::read_to_string(dir.path().join("test.csv")).unwrap();
    let (header, rows) = sample.split_once('\n').unwrap();
    std::fs::write(dir.path().join("test.csv"), format!("{header}\n{}", rows.repeat(8))).unwrap();
    dir
}

/// All files below a folder that end so.
fn files(dir: &Path, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn killed_and_shared_submissions_reach_the_board_with_the_same_count() {
    let dir = folder();
    let path = |name: &str| dir.path().join(name);
    let model = text(&path("model.onnx"));
    let a = Node::start(&path("a"), &[]);
    let b = Node::start(&path("b"), &[a.address()]);
    let id = host(&a.dir, dir.path());
    eventually("b has the test set", || b.board(&id).is_some_and(|board| board["test_set_here"] == true));
    score_says_what_fits(&a.dir, &id, &model);

    // Interrupted, then killed in the middle, and gone on with.
    let submit = ["submit", "--competition", &id, "--model", &model, "--name", "Killed"];
    let proofs = || files(&a.dir.join("openings"), ".proof").len();
    let start = |proved: usize| {
        let running = spawn(&a.dir, &[&submit[..], &["--jobs", "1"]].concat());
        eventually_every(Duration::from_millis(5), "another chunk has been proved", || proofs() > proved);
        running
    };
    assert_eq!(start(0).interrupt(), Some(130));
    let hidden = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
    assert_eq!(files(&a.dir.join("openings"), "").into_iter().find(hidden), None, "nothing is half-done");
    start(proofs()).kill();
    let kept = proofs();
    assert!((1..CHUNKS).contains(&kept), "{kept} proofs when it was killed");
    assert_eq!(a.board(&id).unwrap()["rows"].as_array().unwrap().len(), 0);
    let resumed = a.json(&submit);
    assert_eq!((&resumed["chunks"], &resumed["chunks_proved"]), (&CHUNKS.into(), &(CHUNKS - kept).into()));
    assert_eq!(resumed["entry_reused"], true);
    assert_eq!(a.json(&submit)["submission_reused"], true);

    let shared = shared(&b, dir.path(), &id, &model);
    assert_eq!(shared["correct"], resumed["correct"]);
    let both =
        |node: &Node| node.board(&id).is_some_and(|board| board["rows"].as_array().unwrap().len() == 2);
    eventually("both boards have both", || both(&a) && both(&b) && a.board(&id) == b.board(&id));
    for row in a.board(&id).unwrap()["rows"].as_array().unwrap() {
        assert_eq!((&row["correct"], &row["rows"]), (&resumed["correct"], &2272.into()));
    }
    a.stop();
    b.stop();
}

fn score_says_what_fits(home: &Path, id: &str, model: &str) {
    let score = ["score", "--competition", id, "--model", model];
    let scored = json(home, &score);
    assert_eq!((&scored["chunks"], &scored["proofs"]), (&CHUNKS.into(), &(CHUNKS + 1).into()));
    assert_eq!((&scored["constraints"], &scored["fits"]), (&8149.into(), &true.into()));
    assert!(scored["estimated_seconds"].as_f64().unwrap() > 0.0);
    let needed = scored["needed_bytes"].as_u64().unwrap();
    let exact = needed.to_string();
    expect(0, &run(home, &[&score[..], &["--memory", &exact]].concat()));
    for command in [&score[..], &["submit", "--competition", id, "--model", model]] {
        let said = expect(4, &run(home, &[command, &["--memory", "20MiB"]].concat()));
        assert!(said.contains("would do"), "{said}");
    }
    expect(2, &run(home, &[&score[..], &["--memory", "much"]].concat()));
    std::fs::write(home.join("calibration.json"), "{").unwrap();
    assert!(expect(0, &run(home, &score)).contains("measuring again"));
    assert!(!expect(0, &run(home, &score)).contains("measuring"));
    assert!(expect(0, &run(home, &[&score[..], &["--recalibrate"]].concat())).contains("measuring"));
}

/// Three machines: one that has the opening alone, one with a copy of the identity, and the competitor's own.
fn shared(b: &Node, dir: &Path, id: &str, model: &str) -> serde_json::Value {
    let job = text(&dir.join("job"));
    let submit = ["submit", "--competition", id, "--model", model, "--chunks", &job];
    let (opening_only, copy) = (dir.join("m1"), dir.join("m2"));
    assert!(expect(1, &run(&b.dir, &["prove-chunk", "--out", &job, "--chunk", "0"])).contains("--prepare"));
    let prepared = b.json(&[&submit[..], &["--name", "Shared", "--prepare"]].concat());
    assert_eq!(prepared["chunks"], CHUNKS);
    assert_eq!(b.json(&[&submit[..], &["--prepare"]].concat())["entry"], prepared["entry"]);
    expect(4, &run(&b.dir, &[&submit[..], &["--prepare", "--claim", "threshold"]].concat()));

    std::fs::create_dir_all(&copy).unwrap();
    for file in ["identity.key", "secret"] {
        std::fs::copy(b.dir.join(file), copy.join(file)).unwrap();
    }
    let opening = text(&files(&b.dir.join("openings"), ".opening")[0]);
    let prove = |chunk: &'static str| ["prove-chunk", "--out", &job, "--chunk", chunk];
    let mut others = [
        spawn(&opening_only, &[&prove("0-1")[..], &["--opening", &opening]].concat()),
        spawn(&copy, &[&prove("2")[..], &["--model", model]].concat()),
    ];
    assert_eq!(b.json(&prove("3"))["proved"], 1);
    for other in &mut others {
        assert!(other.wait());
    }
    assert_eq!(b.json(&prove("0,3"))["found"], 2);
    expect(4, &run(&b.dir, &prove("5")));
    expect(2, &run(&b.dir, &["prove-chunk", "--out", &job, "--chunk", ""]));
    expect(1, &run(&opening_only, &prove("4")));
    expect(4, &run(&b.dir, &[&prove("4")[..], &["--memory", "1MiB"]].concat()));

    let said = expect(4, &run(&b.dir, &[&submit[..], &["--no-prove"]].concat()));
    assert!(said.contains("1 of 5 are missing: 4"), "{said}");
    let stray = dir.join("job").join("stray.proof");
    std::fs::copy(&files(&dir.join("job"), ".proof")[0], &stray).unwrap();
    assert!(expect(4, &run(&b.dir, &submit)).contains("stray.proof"));
    std::fs::remove_file(stray).unwrap();
    let made = b.json(&submit);
    assert_eq!((&made["chunks_proved"], &made["entry"]), (&1.into(), &prepared["entry"]));
    made
}
