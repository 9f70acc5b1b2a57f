//! Real node processes on loopback.
#![allow(dead_code)] // no test file uses all of it

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The program under test.
pub const NODE: &str = env!("CARGO_BIN_EXE_node");

/// A node process. It ends with the test, however the test ends.
pub struct Node {
    pub dir: PathBuf,
    pub hello: Value,
    child: Child,
}

impl Node {
    /// Starts a node that dials `bootstrap`.
    pub fn start(dir: &Path, bootstrap: &[String]) -> Self {
        Self::start_with(command(dir), dir, bootstrap)
    }

    /// The same, with a command that was prepared.
    pub fn start_with(mut command: Command, dir: &Path, bootstrap: &[String]) -> Self {
        std::fs::create_dir_all(dir).unwrap();
        command.args([
            "--json",
            "run",
            "--no-mdns",
            "--until-stdin-ends",
            "--listen",
            "/ip4/127.0.0.1/tcp/0",
        ]);
        command.args(["--listen", "/ip4/127.0.0.1/udp/0/quic-v1"]);
        command.args(bootstrap.iter().flat_map(|address| ["--bootstrap", address]));
        let log = std::fs::File::options().create(true).append(true).open(dir.join("node.log")).unwrap();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let log = || std::fs::read_to_string(dir.join("node.log")).unwrap_or_default();
        let hello = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no node: {}", log()));
        Self { dir: dir.to_owned(), hello, child }
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        let listen = self.hello["listen"].as_array().unwrap();
        listen.iter().filter_map(Value::as_str).next().unwrap().to_owned()
    }

    /// Where it listens by QUIC.
    pub fn quic_address(&self) -> String {
        // The first line is printed as soon as one address is known: ask for all of them.
        let find = || {
            let listen = api_hello(&self.dir.join("podium.sock"))["listen"].as_array().unwrap().clone();
            listen.iter().filter_map(Value::as_str).find(|a| a.contains("quic")).map(str::to_owned)
        };
        eventually("it listens by QUIC", || find().is_some());
        find().unwrap()
    }

    /// What a command prints, as JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        json(&self.dir, arguments)
    }

    /// Its board, without what only this node knows.
    pub fn board(&self, id: &str) -> Option<Value> {
        let output = run(&self.dir, &["--json", "leaderboard", id]);
        let mut board: Value = serde_json::from_slice(&output.stdout).ok()?;
        for row in board["rows"].as_array_mut()? {
            assert_eq!(row["checked_here"], true);
            for field in ["first_seen", "verify_us", "mine"] {
                row.as_object_mut()?.remove(field);
            }
        }
        for field in ["peers", "peers_same", "peers_most"] {
            board.as_object_mut()?.remove(field);
        }
        for list in ["reveals", "closes"] {
            for record in board["competition"][list].as_array_mut()? {
                record.as_object_mut()?.remove("first_seen");
            }
        }
        Some(board)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("node.log")).unwrap_or_default()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end: its exit code.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// As a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// In good order.
    pub fn stop(mut self) {
        expect(0, &run(&self.dir, &["stop"]));
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }
}

/// Who answers on a socket.
fn api_hello(socket: &Path) -> Value {
    ask(socket, &serde_json::json!({ "name": "hello" }))
}

/// Asks a node over its socket.
pub fn ask(socket: &Path, command: &Value) -> Value {
    let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
    stream.write_all(format!("{}\n", serde_json::json!({ "id": 1, "command": command })).as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str::<Value>(&line).unwrap()["body"].clone()
}

/// A command on a data folder.
pub fn command(dir: &Path) -> Command {
    let mut command = Command::new(NODE);
    // Neither variables nor the configuration file of whoever runs the tests.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PODIUM_")) {
        command.env_remove(name);
    }
    command.args(["--config", "/dev/null"]).arg("--data-dir").arg(dir);
    command
}

/// Runs a command to its end.
pub fn run(dir: &Path, arguments: &[&str]) -> Output {
    command(dir).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// A command that runs beside the test. It ends with the test, however the test ends.
pub struct Running(Child);

/// Starts a command.
pub fn spawn(dir: &Path, arguments: &[&str]) -> Running {
    let mut command = command(dir);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    Running(command.spawn().unwrap())
}

impl Running {
    /// As a power cut would.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// As Ctrl-C would: its exit code.
    pub fn interrupt(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.0), Signal::INT).unwrap();
        self.0.wait().unwrap().code()
    }

    /// Waits for its end: whether it succeeded.
    pub fn wait(&mut self) -> bool {
        self.0.wait().unwrap().success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended already
        let _ = self.0.wait();
    }
}

/// Runs a command that must succeed, and reads its JSON.
pub fn json(dir: &Path, arguments: &[&str]) -> Value {
    let output = run(dir, &[&["--json"], arguments].concat());
    expect(0, &output);
    let value = serde_json::from_slice(&output.stdout).unwrap();
    assert_conforms(arguments, &value);
    value
}

/// What `node schema` prints.
static SCHEMAS: LazyLock<Value> = LazyLock::new(|| {
    let output = Command::new(NODE).args(["--config", "/dev/null", "schema"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
});

/// Compares what a command printed with its schema.
pub fn assert_conforms(arguments: &[&str], printed: &Value) {
    let words: Vec<&str> = arguments.iter().copied().filter(|word| !word.starts_with('-')).take(2).collect();
    let schemas = SCHEMAS.as_object().unwrap();
    let its = |name: &str| match schemas.contains_key(&words.join(" ")) {
        true => name == words.join(" "),
        // Of one that takes a file or an id, say.
        false => name.split(' ').next() == words.first().copied(),
    };
    let errors: Vec<Vec<String>> = schemas
        .iter()
        .filter(|(name, _)| its(name))
        .map(|(_, schema)| {
            let schema = jsonschema::validator_for(schema).unwrap();
            schema.iter_errors(printed).map(|error| error.to_string()).collect()
        })
        .collect();
    assert!(errors.iter().any(Vec::is_empty), "{words:?}: {errors:?} of {printed:#}");
}

/// The exit code, and what was said if it is another one.
pub fn expect(code: i32, output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// Waits until it is so.
pub fn eventually(what: &str, done: impl Fn() -> bool) {
    eventually_every(Duration::from_millis(100), what, done);
}

/// The same, looking so often.
pub fn eventually_every(pause: Duration, what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(pause);
    }
}

/// The breast cancer sample as files: test set, training set, model, and a model of another task.
pub fn samples(dir: &Path) {
    use datasets::samples as s;
    let files = [
        ("test.csv", s::BREAST_CANCER_TEST_CSV),
        ("train.csv", s::BREAST_CANCER_TRAIN_CSV),
        ("model.onnx", s::BREAST_CANCER_LOGISTIC_ONNX),
        ("other.onnx", s::DIGITS_LOGISTIC_ONNX),
        ("cut.onnx", &s::BREAST_CANCER_LOGISTIC_ONNX[..100]),
        ("cut.csv", &s::BREAST_CANCER_TEST_CSV[..s::BREAST_CANCER_TEST_CSV.len() - 20]),
    ];
    for (name, bytes) in files {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
}

/// Hosts the sample as an open competition and returns the competition's id.
pub fn host(node: &Path, files: &Path) -> String {
    host_with(node, files, &["--open", "--deadline", "+1h"])
}

/// Hosts the sample with these options and returns the competition's id, or the draft's.
pub fn host_with(node: &Path, files: &Path, options: &[&str]) -> String {
    let file = |name: &str| files.join(name).display().to_string();
    let (test, train) = (file("test.csv"), file("train.csv"));
    let label = datasets::samples::BREAST_CANCER_LABEL;
    let fixed = [
        ["host", "--title", "Breast cancer", "--threshold", "90"].as_slice(),
        &["--test", &test, "--train", &train, "--label", label, "--size-class", "linear-30-2"],
    ];
    let hosted = json(node, &[&fixed.concat(), options].concat());
    hosted["competition"].as_str().or(hosted["draft"].as_str()).unwrap().to_owned()
}
