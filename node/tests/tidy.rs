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
