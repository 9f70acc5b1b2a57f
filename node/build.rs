//! Which commit the program is built from, for `node --version`: `PODIUM_COMMIT` if it is set, else what `git archive`
//! has written into the file `COMMIT`, else what git says. It needs neither git nor a network. Debug builds do not
//! look, as they would be built anew after every commit.

use std::process::Command;

/// Folders whose sources end up in the program.
const SOURCES: [&str; 5] = ["src", "api/src", "protocol/src", "../circuits/src", "../datasets/src"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=COMMIT");
    println!("cargo::rerun-if-env-changed=PODIUM_COMMIT");
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let profile = variable("PROFILE").unwrap_or_default();
    let commit = variable("PODIUM_COMMIT").or_else(archived).or_else(|| git(&profile));
    println!("cargo::rustc-env=PODIUM_BUILD_COMMIT={}", commit.unwrap_or_else(|| "unknown".to_owned()));
    println!("cargo::rustc-env=PODIUM_BUILD_PROFILE={profile}");
    println!("cargo::rustc-env=PODIUM_BUILD_TARGET={}", variable("TARGET").unwrap_or_default());
}

/// In a working copy the file holds only the place of the commit.
fn archived() -> Option<String> {
    let commit = std::fs::read_to_string("COMMIT").ok()?.trim().to_owned();
    (!commit.is_empty() && commit.chars().all(|c| c.is_ascii_hexdigit())).then_some(commit)
}

fn git(profile: &str) -> Option<String> {
    if profile != "release" {
        return None;
    }
    let ask = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    let commit = ask(&["describe", "--always", "--exclude=*", "--abbrev=10", "--dirty=-changed"])?;
    let watched =
        ["HEAD", "logs/HEAD"].into_iter().filter_map(|name| ask(&["rev-parse", "--git-path", name]));
    for path in watched.chain(SOURCES.map(str::to_owned)) {
        println!("cargo::rerun-if-changed={path}");
    }
    Some(commit)
}
