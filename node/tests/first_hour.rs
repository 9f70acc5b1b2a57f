//! The README's first hour as a newcomer lives it: its commands, one after the other, in a folder where nothing is yet.
//! What they print is what the README says they print, but for ids, times and what else differs from run to run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod common;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Far more than it takes; without it a shell that hangs would hold up the suite.
const PATIENCE: Duration = Duration::from_secs(240);
/// The same with everything built from nothing.
const BUILD_PATIENCE: Duration = Duration::from_secs(3 * 3600);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The console blocks of the section: how to get the program, and then the hour itself.
fn written() -> (String, String) {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with("The first hour\n")).unwrap();
    let mut blocks = section.split("```console\n").skip(1).map(|block| block.split_once("```").unwrap().0);
    (blocks.next().unwrap().to_owned(), blocks.collect())
}

/// Commands after a prompt, with their continuations.
fn commands(block: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in block.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => found.push(command.to_owned()),
            None if goes_on => found.last_mut().unwrap().push_str(&format!("\n{line}")),
            None => continue,
        }
        goes_on = line.ends_with('\\');
    }
    found
}

/// A script that runs the commands in one shell, and shows each as if it had been typed.
fn script(commands: &[String]) -> String {
    let shown =
        |command: &String| format!("printf '%s\\n' '$ {}'\n{command}\n", command.replace('\'', r"'\''"));
    format!("exec 2>&1\n{}", commands.iter().map(shown).collect::<String>())
}

/// A newcomer's account. Whatever node was started in it ends with the test, however the test ends.
struct Account {
    home: tempfile::TempDir,
}

impl Account {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    /// What the commands print, in this folder of the account.
    fn run(&self, folder: &str, programs: &Path, commands: &[String], patience: Duration) -> String {
        let (home, path) = (self.home.path(), std::env::var("PATH").unwrap());
        let printed = home.join("printed");
        let mut bash = Command::new("bash");
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("PODIUM_") || name.starts_with("XDG_"))
        {
            bash.env_remove(name);
        }
        bash.env("HOME", home).env("PATH", format!("{}:{path}", programs.display()));
        // The newcomer is alone: neither dialled by whoever is on this network, nor dialling them.
        bash.env("PODIUM_LISTEN", "/ip4/127.0.0.1/tcp/0").env("PODIUM_NO_MDNS", "true");
        bash.env("REPOSITORY", root()).current_dir(home.join(folder)).process_group(0);
        bash.args(["-c", &script(commands)]).stdin(Stdio::null()).stdout(File::create(&printed).unwrap());
        let mut bash = bash.spawn().unwrap();
        let start = Instant::now();
        while bash.try_wait().unwrap().is_none() {
            if start.elapsed() > patience {
                kill_process_group(Pid::from_child(&bash), Signal::KILL).unwrap();
                panic!("not within {patience:?}: {}", std::fs::read_to_string(&printed).unwrap());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        std::fs::read_to_string(printed).unwrap()
    }

    /// Where nodes of this account listen.
    fn sockets(&self) -> Vec<PathBuf> {
        let folders = [".local/share/podium", "ada"].map(|folder| self.home.path().join(folder));
        folders.into_iter().map(|folder| folder.join("podium.sock")).filter(|path| path.exists()).collect()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        for socket in self.sockets() {
            // It may be ending already.
            let _ = std::panic::catch_unwind(|| common::ask(&socket, &json!({ "name": "shutdown" })));
        }
        let start = Instant::now();
        while !self.sockets().is_empty() && start.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Both what was printed and what is written, without what differs from run to run.
fn assert_told(account: &Account, printed: &str, written: &str) {
    let home = account.home.path().display().to_string();
    let printed = printed.replace(&home, "/home/you");
    // To be pasted into the README when it is to change.
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("first_hour.txt"), &printed).unwrap();
    insta::with_settings!({ filters => vec![
        // Steps of progress: on a terminal they are a bar, which goes.
        (r"(?m)^.*\(\d+ %[,)].*\n", ""),
        (r"\b[0-9a-f]{64}\b|\b[0-9a-f]{8}\b", "[ID]"),
        (r"12D3KooW\w+", "[PEER]"),
        (r"…\w+", "[KEY]"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[TIME]"),
        (r"\d+\.\d+ (s|ms)\b", "[SECONDS]"),
        (r"\d+ at once fit into \d+\.\d [MG]B", "[N] at once fit into [MEMORY]"),
        (r" {2,}", "  "),
    ]}, {
        insta::assert_snapshot!("first_hour", printed);
        insta::assert_snapshot!("first_hour", written);
    });
}

#[test]
fn the_readmes_first_hour_happens_as_it_is_written() {
    let (_, hour) = written();
    let account = Account::new();
    let samples = account.home.path().join("podium/datasets/samples");
    std::fs::create_dir_all(&samples).unwrap();
    for file in std::fs::read_dir(root().join("datasets/samples")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), samples.join(file.file_name())).unwrap();
    }
    let programs = Path::new(common::NODE).parent().unwrap();
    let printed = account.run("podium", programs, &commands(&hour), PATIENCE);
    assert_told(&account, &printed, &hour);
    assert_eq!(account.sockets(), [""; 0].map(PathBuf::from), "the hour ends with no node running");
}

/// From the clone on, with nothing but a toolchain. What is committed counts, not what lies in the work tree.
#[test]
#[ignore = "builds everything: cargo test --test first_hour -- --ignored --nocapture"]
fn the_first_hour_from_a_clone() {
    let (getting, hour) = written();
    let account = Account::new();
    // Toolchains are found by the real home folder, unless told.
    let home = PathBuf::from(std::env::var_os("HOME").unwrap());
    for (name, folder) in [("RUSTUP_HOME", ".rustup"), ("CARGO_HOME", ".cargo")] {
        let kept = std::env::var_os(name).map_or_else(|| home.join(folder), PathBuf::from);
        std::os::unix::fs::symlink(kept, account.home.path().join(folder)).unwrap();
    }
    let all = [commands(&getting), commands(&hour)].concat();
    let printed = account.run("", Path::new("/nowhere"), &all, BUILD_PATIENCE);
    println!("{printed}");
    let from = printed.find(&format!("$ {}\n", commands(&hour)[0])).expect("the first command of the hour");
    assert_told(&account, &printed[from..], &hour);
}
