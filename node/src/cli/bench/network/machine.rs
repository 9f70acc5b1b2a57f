//! What was measured on.

use serde::Serialize;
use std::fmt;
use std::process::Command;

/// Facts that a figure means nothing without.
#[derive(Serialize)]
pub struct Machine {
    cpu: String,
    cores: usize,
    memory_bytes: u64,
    kernel: String,
    profile: &'static str,
    commit: Option<String>,
}

impl Machine {
    pub fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: String, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
            line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
        };
        let kilobytes = field(read("/proc/meminfo"), "MemTotal");
        let kilobytes = kilobytes.and_then(|total| total.split(' ').next()?.parse::<u64>().ok());
        Self {
            cpu: field(read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.into()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_bytes: kilobytes.unwrap_or_default() * 1024,
            kernel: format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease").trim()),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
            commit: commit(),
        }
    }
}

/// The commit of the sources that this program was built from, where they still lie.
fn commit() -> Option<String> {
    let mut git = Command::new("git");
    git.args(["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty", "--abbrev=12"]);
    let output = git.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, memory_bytes, kernel, profile, commit } = self;
        let (gigabytes, commit) = (*memory_bytes as f64 / 1e9, commit.as_deref().unwrap_or("unknown"));
        write!(f, "{cpu}, {cores} cores, {gigabytes:.1} GB, {kernel}; {profile} build, commit {commit}")
    }
}
