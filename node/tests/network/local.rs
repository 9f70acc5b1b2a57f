//! One node process and its local socket.

use api::{Body, Command as Ask, ErrorKind, MAX_LINE_BYTES, Reply, Request};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// The program under test.
pub const NODE: &str = env!("CARGO_BIN_EXE_node");
/// Nothing that a node is asked for takes so long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A process. It ends with the test, however the test ends.
pub struct Local {
    pub dir: PathBuf,
    child: Child,
    first_line: Receiver<String>,
    /// A node ends when its standard input does.
    _stdin: Option<ChildStdin>,
}

impl Local {
    /// Starts a node without waiting for it. `within` is put before the command: what it runs in.
    pub fn spawn(dir: &Path, log: &Path, within: &[String], listen: &str, bootstrap: &[String]) -> Self {
        std::fs::create_dir_all(dir).unwrap();
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        let mut words: Vec<&str> = within.iter().map(String::as_str).collect();
        words.push(NODE);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("--data-dir").arg(dir);
        command.args(["--json", "run", "--no-mdns", "--until-stdin-ends", "--listen", listen]);
        command.args(bootstrap.iter().flat_map(|address| ["--bootstrap", address]));
        command.env_remove("PODIUM_SOCKET").env_remove("PODIUM_DATA_DIR");
        command.env("PODIUM_TEST_CLOCK", clock_of(dir));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let (sender, first_line) = sync_channel(1);
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line); // nothing, if it was killed before
            let _ = sender.send(line); // nobody waits if it was killed
        });
        Self { dir: dir.to_owned(), child, first_line, _stdin: stdin }
    }

    /// What it says of itself once it listens. None if it ended before.
    pub fn hello(&mut self) -> Option<api::Hello> {
        let line = self.first_line.recv_timeout(PATIENCE).expect("a node neither starts nor ends");
        serde_json::from_str(&line).ok()
    }

    /// As a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end: its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE, "{} does not end", self.dir.display());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix("kB").unwrap().trim().parse::<u64>().unwrap() << 10
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }
}

/// The file that says how wrong a node's clock is.
pub fn clock_of(dir: &Path) -> PathBuf {
    dir.with_extension("clock")
}

/// Asks a node. None if it has gone, or goes before it answers.
pub fn ask(dir: &Path, command: &Ask) -> Option<Body> {
    let mut stream = UnixStream::connect(dir.join("podium.sock")).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut line = serde_json::to_vec(&Request { id: 1, command: command.clone() }).unwrap();
    line.push(b'\n');
    stream.write_all(&line).ok()?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(MAX_LINE_BYTES as u64)).read_until(b'\n', &mut answer).ok()?;
    Some(serde_json::from_slice::<Reply>(&answer).ok()?.body)
}

/// Whether a node answers that it keeps a record.
pub fn has(dir: &Path, id: &str) -> bool {
    match ask(dir, &Ask::Record { id: id.to_owned() }) {
        Some(Body::Records { .. }) => true,
        Some(Body::Error { kind: ErrorKind::NotFound, .. }) => false,
        other => panic!("{other:?}"),
    }
}

/// The competitions of a node.
pub fn competitions(dir: &Path) -> Vec<api::CompetitionSummary> {
    match ask(dir, &Ask::Competitions) {
        Some(Body::Competitions { competitions }) => competitions,
        other => panic!("{other:?}"),
    }
}

/// The ids of all records of a node.
pub fn ids(dir: &Path) -> BTreeSet<String> {
    let of = |competition: &api::CompetitionSummary| match ask(
        dir,
        &Ask::RecordIds { competition: competition.id.clone() },
    ) {
        Some(Body::Ids { ids }) => ids,
        other => panic!("{other:?}"),
    };
    competitions(dir).iter().flat_map(of).collect()
}

/// A node's view of a competition.
pub fn board(dir: &Path, competition: &str) -> api::Board {
    match ask(dir, &Ask::Board { competition: competition.to_owned() }) {
        Some(Body::Board(board)) => *board,
        other => panic!("{other:?}"),
    }
}

/// The peers that a node is connected to.
pub fn peers(dir: &Path) -> Vec<api::Peer> {
    match ask(dir, &Ask::Peers) {
        Some(Body::Peers { peers, .. }) => peers,
        other => panic!("{other:?}"),
    }
}

/// Waits until it is so, and tells how long it took.
pub fn until(patience: Duration, what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < patience, "not within {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
    start.elapsed()
}
