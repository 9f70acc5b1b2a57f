//! Rules of the house that no compiler checks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Who may import whom, dependencies of tests not counted.
const IMPORTS: [(&str, &[&str]); 7] = [
    ("circuits", &[]),
    ("datasets", &["circuits"]),
    ("protocol", &["circuits"]),
    ("api", &[]),
    ("contracts", &["circuits"]),
    ("node", &["api", "circuits", "contracts", "datasets", "protocol"]),
    ("tui", &["api"]),
];

const TOP_LEVEL: [&str; 12] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "circuits",
    "clippy.toml",
    "contracts",
    "datasets",
    "node",
    "rustfmt.toml",
    "tui",
];

/// The files with the bounds.
const LIMITS: [&str; 2] = ["node/src/limits.rs", "node/protocol/src/limits.rs"];

/// Bounds that no test goes beyond, and why none needs to: they are not for strangers to exceed.
const NOT_EXCEEDED: [(&str, &str); 73] = [
    ("ANNOUNCED_AT_ONCE", "how much this node does at once, whoever asks"),
    ("API_OWN", "for clients of this machine's owner"),
    ("API_RECORDS_BYTES", "for clients of this machine's owner; what they ask for has bounds of its own"),
    ("API_WRITE_TIMEOUT", "for clients of this machine's owner"),
    ("AUTONAT_DELAY", "a pause of this node"),
    ("AUTONAT_REFRESH", "a pause of this node"),
    ("AUTONAT_RETRY", "a pause of this node"),
    ("AUTONAT_SERVED", "given to libp2p's AutoNAT"),
    ("AUTONAT_SERVED_PER_PEER", "given to libp2p's AutoNAT"),
    ("BLOBS_PAUSE", "a pause of this node"),
    ("BLOBS_QUOTA_BYTES", "given to a rule that is tested with another size"),
    ("BLOB_READS", "how much this node does at once, whoever asks"),
    ("BOOK_INTERVAL", "a pause of this node"),
    ("CACHED_KEYS_BYTES", "given to a cache whose rule is tested with another size"),
    ("CACHED_TEST_SETS_BYTES", "given to a cache whose rule is tested with another size"),
    ("CACHED_TREES_BYTES", "given to a cache whose rule is tested with another size"),
    ("CHAIN_CONNECT_TIMEOUT", "a span of time, for a chain's node that the owner has named"),
    ("CHAIN_DOWN_PATIENCE", "a span of time, for a chain's node that the owner has named"),
    ("CHAIN_LOOK", "a pause of this node"),
    ("CHAIN_LOOK_LOCAL", "a pause of this node"),
    ("CHAIN_PATIENCE", "a span of time, for a chain's node that the owner has named"),
    ("CHAIN_POLL", "a pause of this node"),
    ("CHAIN_POLL_LOCAL", "a pause of this node"),
    ("CHAIN_REQUEST_TIMEOUT", "a span of time, for a chain's node that the owner has named"),
    ("CHAIN_TIP_WEI", "what is offered where a chain's node says nothing"),
    ("COLLECT_INTERVAL", "a pause of this node"),
    ("DIAL_PAUSE_MAX", "a pause of this node"),
    ("DISCOVER", "a pause of this node"),
    ("DISCOVER_DIALS", "how much this node does at once, whoever asks"),
    ("DISK_INTERVAL", "a pause of this node"),
    ("DISK_RESERVE_BLOBS_BYTES", "given to a rule that is tested with another size"),
    ("GOSSIP_QUEUE", "given to gossipsub, which drops what does not fit"),
    ("IDLE_CONNECTION", "a pause of this node"),
    ("IMPORT_CLIENTS", "how much this node does at once, whoever asks"),
    ("IMPORT_PAGE", "how much this node does at once, whoever asks"),
    ("KEPT_MEMORY_BYTES", "how much this node keeps, whoever asks"),
    ("KEY_MAX_BYTES", "the owner's own files"),
    ("LONELY", "from where on this node warns its owner"),
    ("LOOKUP_INTERVAL", "a pause of this node"),
    ("LOOKUP_TIMEOUT", "a span of time, given to libp2p"),
    ("MAX_ADDRESSES", "the owner's own command line, and his network's"),
    ("MEASURE_INTERVAL", "a pause of this node"),
    ("MEMORY_BYTES", "given to libp2p; a test would have to use so much"),
    ("METRICS_CONNECTION", "a span of time, for readers whom the owner has let in"),
    ("NEARLY_FULL_PERCENT", "from where on this node warns its owner"),
    ("OPENING_MAX_BYTES", "the owner's own files"),
    ("OUTBOX_INTERVAL", "a pause of this node"),
    ("OUTBOX_LONG", "from where on this node warns its owner"),
    ("PART_SWEEP", "a pause of this node"),
    ("PEERS_ENOUGH", "how many peers this node looks for by itself"),
    ("PEERS_TARGET", "how many peers this node looks for by itself"),
    ("PROVER_EVENTS", "the owner's own proofs"),
    ("PROVER_JOBS", "the owner's own command line"),
    ("PROVIDER_TTL", "a span of time, given to libp2p"),
    ("REDIAL", "a pause of this node"),
    ("RELAY_CIRCUIT", "a span of time, given to libp2p"),
    ("RELAY_CIRCUITS", "given to libp2p's relay, whose rule is tested with another size"),
    ("RELAY_CIRCUITS_PER_PEER", "given to libp2p's relay, whose rule is tested with another size"),
    ("RELAY_CIRCUIT_BYTES", "given to libp2p's relay, whose rule is tested with another size"),
    ("RELAY_RATE", "a span of time, given to libp2p"),
    ("RELAY_RATE_PER_IP", "given to libp2p's relay"),
    ("RELAY_RATE_PER_PEER", "given to libp2p's relay"),
    ("RELAY_RESERVATION", "a span of time, given to libp2p"),
    ("RELAY_RESERVATIONS", "given to libp2p's relay, whose rule is tested with another size"),
    ("RELAY_RESERVATIONS_PER_PEER", "given to libp2p's relay, whose rule is tested with another size"),
    ("REPORT_INTERVAL", "a pause of this node"),
    ("SEEKS", "how much this node does at once, whoever asks"),
    ("SEEK_DIALS", "how much this node does at once, whoever asks"),
    ("SEEK_PAUSE", "a pause of this node"),
    ("STORE_CACHE_BYTES", "given to the database"),
    ("VERIFY_BATCH", "how much this node does at once, whoever asks"),
    ("VERIFY_WORKERS", "how much this node does at once, whoever asks"),
    ("WAITING_PATIENCE", "a span of time, given to a rule of the core that is tested with another"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust source of the workspace, by its path from the root.
fn sources() -> BTreeMap<String, String> {
    fn walk(dir: &Path, root: &Path, out: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && name != "node_modules" && !name.starts_with('.') {
                walk(&path, root, out);
            } else if name.ends_with(".rs") {
                let shown = path.strip_prefix(root).unwrap().display().to_string();
                out.insert(shown, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut out = BTreeMap::new();
    for dir in ["circuits", "contracts", "datasets", "node", "tui"] {
        walk(&root().join(dir), &root(), &mut out);
    }
    // This file names what it looks for.
    assert!(out.remove("node/tests/tidy.rs").is_some(), "the walk has not found this very file");
    out
}

#[test]
fn nobody_imports_whom_they_may_not() {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let table: BTreeMap<&str, &[&str]> = IMPORTS.into_iter().collect();
    let found: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(found, table.keys().copied().collect(), "packages of the workspace");
    for package in &metadata.packages {
        for dependency in &package.dependencies {
            let ours = table.contains_key(dependency.name.as_str()) && dependency.path.is_some();
            if ours && dependency.kind != DependencyKind::Development {
                let allowed = table[package.name.as_str()];
                assert!(
                    allowed.contains(&dependency.name.as_str()),
                    "{} must not import {}",
                    package.name,
                    dependency.name
                );
            }
        }
    }
}

#[test]
fn the_top_level_has_no_surprises() {
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let known = TOP_LEVEL.contains(&name.as_str()) || name.starts_with('.') || name == "target";
        assert!(known, "unexpected at the top level: {name}");
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    let lines: Vec<&str> =
        section.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(lines.len() > 20, "the section was not found");
    for line in lines {
        assert!(line.contains("path = ") || line.contains(" # "), "no reason: {line}");
    }
}

#[test]
fn ignored_tests_say_why_and_how_to_run_them() {
    for (path, source) in sources() {
        for line in source.lines().filter(|line| line.trim_start().starts_with("#[ignore")) {
            assert!(line.contains("= \"") && line.contains("cargo "), "{path}: {line}");
        }
    }
}

#[test]
fn every_channel_has_a_bound() {
    let endless = [
        "unbounded_channel",
        "mpsc::unbounded",
        "unbounded::<",
        "std::sync::mpsc::channel",
        "channel::unbounded",
    ];
    for (path, source) in sources() {
        for name in endless {
            assert!(!source.contains(name), "{path}: {name}");
        }
    }
}

#[test]
fn anyhow_stays_in_main_the_command_line_and_tests() {
    for (path, source) in sources() {
        let allowed = path.ends_with("/main.rs") || path.contains("/cli/") || path.contains("/tests/");
        let uses = source.lines().any(|line| !line.trim_start().starts_with("//") && line.contains("anyhow"));
        assert!(allowed || !uses, "{path} uses anyhow");
    }
}

/// What of a source is compiled for tests alone.
fn test_code<'a>(path: &str, source: &'a str) -> &'a str {
    let whole = path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
        || path.ends_with("/conformance.rs")
        || path.ends_with("/full_disk.rs");
    if whole { source } else { source.split_once("#[cfg(test)]\nmod tests {").map_or("", |(_, tests)| tests) }
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

#[test]
fn every_limit_has_a_test_that_names_it_or_a_reason_why_not() {
    let sources = sources();
    let limits = LIMITS.map(|path| (path, &sources[path]));
    let named: BTreeSet<&str> = sources
        .iter()
        .flat_map(|(path, source)| test_code(path, source).lines())
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(words)
        .collect();
    let excused: BTreeMap<&str, &str> = NOT_EXCEEDED.into_iter().collect();
    let mut found = BTreeSet::new();
    for (path, source) in limits {
        for line in source.lines().filter_map(|line| line.strip_prefix("pub const ")) {
            let limit = words(line).next().unwrap();
            assert!(found.insert(limit), "{limit} stands in both files: which of them does a test name?");
            match (named.contains(limit), excused.get(limit)) {
                (false, None) => panic!("{path}: no test goes beyond {limit}; nor does NOT_EXCEEDED say why"),
                (true, Some(_)) => panic!("{path}: {limit} has a test: take it out of NOT_EXCEEDED"),
                _ => {}
            }
        }
    }
    assert!(found.len() > 100, "{} limits: the files were not read", found.len());
    for (limit, reason) in excused {
        assert!(found.contains(limit) && !reason.is_empty(), "{limit} is no limit any more");
    }
}

/// A bound outside the two files is found by its name, so that the files stay complete.
#[test]
fn bounds_stand_in_the_files_of_limits() {
    let named = |line: &str| {
        let line = line.trim_start();
        let rest = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("const ")?;
        let (name, kind) = rest.split_once(": ")?;
        let number = ["usize", "u64", "u32", "u16", "Duration"].iter().any(|t| kind.starts_with(t));
        (number && words(name).any(|word| word.split('_').any(|part| part == "MAX"))).then(|| name.to_owned())
    };
    for (path, source) in sources() {
        let network =
            ["node/src/daemon/", "node/src/net/", "node/src/ledger", "node/src/store/", "node/protocol/src/"];
        let mine = network.iter().any(|part| path.starts_with(part)) && !LIMITS.contains(&path.as_str());
        for line in source.lines().filter(|_| mine) {
            if let Some(name) = named(line) {
                panic!("{path}: {name} belongs into a file of limits");
            }
        }
    }
}
