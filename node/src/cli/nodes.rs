//! Node processes on loopback: of the demonstration, and of measurements.

use super::context::CliError;
use crate::client::{Client, unexpected};
use anyhow::{Context as _, ensure};
use api::{Board, Body, Command as Ask, Hello};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// A node may not take longer to start.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running node. It ends with this process unless it is kept.
pub struct Node {
    /// For people.
    pub name: String,
    /// What it says of itself.
    pub hello: Hello,
    dir: PathBuf,
    child: Option<Child>,
}

/// Starts three nodes; the second and third dial the first.
pub fn start(dir: &Path, keep: bool) -> anyhow::Result<Vec<Node>> {
    let mut nodes: Vec<Node> = Vec::new();
    for (index, name) in ["the host", "competitor 1", "competitor 2"].into_iter().enumerate() {
        let bootstrap: Vec<&Node> = nodes.first().into_iter().collect();
        nodes.push(Node::start(name, &dir.join(format!("node-{}", index + 1)), &bootstrap, keep)?);
    }
    Ok(nodes)
}

/// Stops them in good order.
pub fn stop(nodes: &mut [Node]) -> anyhow::Result<()> {
    for node in nodes.iter_mut() {
        node.client()?.ask(Ask::Shutdown)?;
    }
    for node in nodes {
        if let Some(mut child) = node.child.take() {
            let status = child.wait()?;
            ensure!(status.success(), "{} ended with {status}", node.name);
        }
    }
    Ok(())
}

/// Lets them go on when this process ends.
pub fn keep(nodes: &mut [Node]) {
    for node in nodes {
        node.child = None;
    }
}

/// A string in a JSON object.
pub fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    value
        .get(field)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .with_context(|| format!("expected {field:?} in {value}"))
}

impl Node {
    /// Starts a node that dials others, and waits until it listens.
    pub fn start(name: &str, dir: &Path, bootstrap: &[&Node], keep: bool) -> anyhow::Result<Self> {
        Self::start_with(name, dir, bootstrap, keep, &[])
    }

    /// The same with more options.
    pub fn start_with(
        name: &str,
        dir: &Path,
        bootstrap: &[&Node],
        keep: bool,
        more: &[&str],
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let mut command = Command::new(std::env::current_exe()?);
        without_settings(&mut command).arg("--data-dir").arg(dir).args(["--json", "run", "--no-mdns"]);
        command.args(["--listen", "/ip4/127.0.0.1/tcp/0", "--listen", "/ip4/127.0.0.1/udp/0/quic-v1"]);
        command.args(more);
        let addresses = bootstrap.iter().filter_map(|node| node.hello.listen.first());
        command.args(addresses.flat_map(|address| ["--bootstrap", address]));
        if keep {
            // Interrupting the shell's job must not reach it any more.
            command.stdin(Stdio::null()).process_group(0);
        } else {
            command.arg("--until-stdin-ends").stdin(Stdio::piped());
        }
        let log = File::create(dir.join("node.log"))?;
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().context("starting a node")?;
        let stdout = child.stdout.take().context("the node has no output")?;
        let (name, dir) = (name.to_owned(), dir.to_owned());
        let mut node = Self { name, hello: empty_hello(), dir, child: Some(child) };
        let (sender, receiver) = sync_channel(1);
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            let _ = sender.send(read.map(|_| line)); // nobody waits any more
        });
        let line = receiver.recv_timeout(PATIENCE).map_err(|_| CliError::TimedOut {
            what: format!("the start of {}", node.name),
            seconds: PATIENCE.as_secs(),
        })??;
        node.hello = serde_json::from_str(&line).with_context(|| {
            let log = std::fs::read_to_string(node.dir.join("node.log")).unwrap_or_default();
            format!("{} did not start: {}", node.name, log.trim())
        })?;
        Ok(node)
    }

    /// Its data folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its process.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// A connection to it.
    pub fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::connect(&self.dir.join("podium.sock"))?)
    }

    /// Whether it has written this record down.
    pub fn has(&self, id: &str) -> bool {
        let found = self.client().and_then(|mut client| Ok(client.ask(Ask::Find { prefix: id.to_owned() })?));
        matches!(found, Ok(Body::Found { records }) if !records.is_empty())
    }

    /// Its board of a competition.
    pub fn board(&self, id: &str) -> anyhow::Result<Board> {
        match self.client()?.ask(Ask::Board { competition: id.to_owned() })? {
            Body::Board(board) => Ok(*board),
            other => Err(unexpected("board", &other).into()),
        }
    }

    /// Runs a command as a person would, beside the running node, and reads its JSON.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = without_settings(&mut Command::new(std::env::current_exe()?))
            .arg("--data-dir")
            .arg(&self.dir)
            .arg("--json")
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()?;
        let name = arguments.first().copied().unwrap_or_default();
        ensure!(output.status.success(), "node {name} of {} ended with {}", self.name, output.status);
        serde_json::from_slice(&output.stdout).with_context(|| format!("what node {name} printed"))
    }
}

/// Three nodes cannot share the addresses and folders that somebody has configured for one.
fn without_settings(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PODIUM_")) {
        command.env_remove(name);
    }
    command.args(["--config", "/dev/null"])
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill(); // it may have ended by itself
            let _ = child.wait();
        }
    }
}

fn empty_hello() -> Hello {
    Hello {
        api_version: 0,
        agent: String::new(),
        peer_id: String::new(),
        listen: Vec::new(),
        data_dir: String::new(),
    }
}
