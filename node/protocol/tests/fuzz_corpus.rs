//! What fuzzing checks, without a fuzzer: every target on its seeds and on some thousands of changes of them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fuzz/src/lib.rs"]
#[allow(unused_imports, dead_code)]
mod targets;

use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant},
};

/// Most changed inputs of one target, and most time for them.
const CHANGES: usize = 1000;
const PATIENCE: Duration = Duration::from_millis(400);
/// With `FUZZ_SECONDS=120` as much time for each, and any number; with `FUZZ_TARGETS=socket,tar` for these alone.
const SECONDS: &str = "FUZZ_SECONDS";
const TARGETS: &str = "FUZZ_TARGETS";

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

/// Some bytes changed, put in, taken out, said twice or taken from another seed.
fn changed(seed: &[u8], other: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.gen_range(1..5) {
        let at = rng.gen_range(0..=bytes.len());
        let end = (at + rng.gen_range(1..20)).min(bytes.len());
        match rng.gen_range(0..7) {
            0..=2 if at < bytes.len() => bytes[at] = rng.r#gen(),
            3 => bytes.insert(at, rng.r#gen()),
            4 => drop(bytes.drain(at..end)),
            5 => drop(bytes.splice(at..at, seed.get(at..end).unwrap_or_default().to_vec())),
            _ => {
                let from = rng.gen_range(0..=other.len());
                drop(bytes.splice(at..end, other[from..].iter().take(20).copied()));
            }
        }
    }
    bytes
}

fn run(name: &str, target: targets::Target, what: &str, bytes: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(bytes))) {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        eprintln!("target {name}, {what}: {digits}");
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn every_target_has_seeds_and_they_are_small() {
    let mut total = 0;
    for (name, _) in targets::TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name}");
        total += seeds.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(file.exists(), "{}", file.display());
    }
    assert!(total < 300_000, "{total} bytes of seeds");
}

#[test]
fn targets_hold_on_their_seeds() {
    for (name, target) in targets::TARGETS {
        for (path, bytes) in seeds(name) {
            run(name, target, &path, &bytes);
        }
        run(name, target, "no bytes", &[]);
    }
}

#[test]
fn targets_hold_on_changed_seeds() {
    let seconds = env::var(SECONDS).ok().and_then(|seconds| seconds.parse().ok());
    let (patience, most) = match seconds {
        Some(seconds) => (Duration::from_secs(seconds), usize::MAX),
        None => (PATIENCE, CHANGES),
    };
    let only = env::var(TARGETS).unwrap_or_default();
    for (name, target) in targets::TARGETS {
        if !only.is_empty() && !only.split(',').any(|one| one == name) {
            continue;
        }
        let (seeds, start) = (seeds(name), Instant::now());
        let mut rng = StdRng::seed_from_u64(seconds.unwrap_or(7));
        let mut runs = 0;
        while runs < most && start.elapsed() < patience {
            let [(path, seed), (_, other)] = [0, 1].map(|_| &seeds[rng.gen_range(0..seeds.len())]);
            run(name, target, &format!("changed from {path}"), &changed(seed, other, &mut rng));
            runs += 1;
        }
        println!("{name}: {runs} changed inputs in {:?}", start.elapsed());
    }
}
