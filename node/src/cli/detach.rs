//! `node run --detach`: a node that goes on when the shell that started it ends.

use super::context::{CliError, Context};
use super::output;
use crate::api_server::SocketError;
use crate::client::{Client, ClientError, unexpected};
use crate::home;
use anyhow::Context as _;
use api::{Body, Command as Ask, Hello};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Bringing a large store of an older release up to date takes a while.
const START_PATIENCE: Duration = Duration::from_secs(300);
/// The records of those who were to be dialled are waited for so long; they come all the same.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);
/// As much of the log is shown if the node does not start.
const TAIL_LINES: usize = 5;
const TAIL_BYTES: u64 = 64 << 10;

/// Starts this same command line as a program of its own, and waits until it listens; if it was told whom to dial, also
/// for the records that these have.
pub fn start(context: &Context, dials: bool) -> anyhow::Result<Hello> {
    let socket = context.home.socket();
    if Client::connect(&socket).is_ok() {
        return Err(SocketError::InUse { path: socket }.into());
    }
    home::make_private_dir(context.home.dir())?;
    let log = Log::open(context.home.dir().join("node.log"))?;
    let child = spawn(&log.file).context("starting the node")?;
    let hello = greeting(child, &socket, log)?;
    if dials && !catches_up(&socket) {
        output::message("no peer's records are complete here yet: `node peers` shows who is connected");
    }
    Ok(hello)
}

/// What the node has logged since it was started.
struct Log {
    path: PathBuf,
    file: File,
    from: u64,
}

impl Log {
    fn open(path: PathBuf) -> anyhow::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(&path);
        let file = file.with_context(|| format!("writing {}", path.display()))?;
        let from = file.metadata()?.len();
        Ok(Self { path, file, from })
    }

    fn tail(&mut self) -> std::io::Result<String> {
        let end = self.file.metadata()?.len();
        self.file.seek(SeekFrom::Start(self.from.max(end.saturating_sub(TAIL_BYTES))))?;
        let mut text = Vec::new();
        (&self.file).take(TAIL_BYTES).read_to_end(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
    }
}

fn spawn(log: &File) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg0(output::program());
    command.args(std::env::args_os().skip(1).filter(|argument| argument != "--detach"));
    // A process group of its own: keys that interrupt this terminal's programs do not reach it.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.try_clone()?).process_group(0).spawn()
}

/// Waits until the node answers.
fn greeting(mut child: Child, socket: &Path, mut log: Log) -> anyhow::Result<Hello> {
    let start = Instant::now();
    loop {
        match Client::connect(socket).and_then(|mut client| client.ask(Ask::Hello)) {
            Ok(Body::Hello(hello)) => return Ok(hello),
            Ok(other) => return Err(unexpected("hello", &other).into()),
            Err(error @ ClientError::Version { .. }) => return Err(error.into()),
            // It does not listen yet, or has just ended: the reason is in its log.
            Err(_) => {}
        }
        if let Some(status) = child.try_wait()? {
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            return Err(CliError::NotStarted { said: log.tail()?, log: log.path, code }.into());
        }
        if start.elapsed() > START_PATIENCE {
            let what = format!("the start of the node (its log is {})", log.path.display());
            return Err(CliError::TimedOut { what, seconds: START_PATIENCE.as_secs() }.into());
        }
        std::thread::sleep(PAUSE);
    }
}

/// Waits until a peer has no more than is here.
fn catches_up(socket: &Path) -> bool {
    let start = Instant::now();
    while start.elapsed() < CATCH_UP_PATIENCE {
        let peers = Client::connect(socket).and_then(|mut client| client.ask(Ask::Peers));
        if matches!(peers, Ok(Body::Peers { peers, .. }) if peers.iter().any(|peer| peer.same == Some(true)))
        {
            return true;
        }
        std::thread::sleep(PAUSE);
    }
    false
}
