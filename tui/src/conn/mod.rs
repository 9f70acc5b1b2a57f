//! The connection to the daemon, as a task of its own: connect, greet, subscribe, ask, and connect again.
//!
//! It talks to the rest of the program through two bounded queues. A daemon that is silent, talks too long
//! lines or nonsense, or speaks another version costs a reconnection, never more.

mod link;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::{Body, Command, Event, Hello};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::Instant;

pub use link::{ConnError, Link};

/// Most commands that wait for an answer at a time; more wait in the queue.
const MAX_PENDING: usize = 16;
/// Room of the queue of commands to the daemon.
pub const COMMAND_QUEUE: usize = 32;
/// Room of the queue of answers and events from the daemon.
pub const ANSWER_QUEUE: usize = 256;

/// How patient the connection is.
#[derive(Clone, Debug)]
pub struct Config {
    /// The daemon's socket.
    pub socket: PathBuf,
    /// First wait before connecting again; it doubles.
    pub retry_first: Duration,
    /// Longest wait before connecting again.
    pub retry_max: Duration,
    /// Longest wait for an answer.
    pub reply_timeout: Duration,
}

impl Config {
    /// The usual patience.
    pub fn new(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
            retry_first: Duration::from_millis(250),
            retry_max: Duration::from_secs(5),
            reply_timeout: Duration::from_secs(20),
        }
    }
}

/// What the board asks of the connection.
#[derive(Clone, Debug, PartialEq)]
pub enum ToConn {
    /// Send this.
    Send(Command),
    /// Connect now instead of waiting.
    Reconnect,
}

/// What the connection tells the board.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FromConn {
    /// Connected, greeted, subscribed.
    Connected(Box<Hello>),
    /// Not connected, or no longer; tried again in `retry_ms` milliseconds.
    Lost {
        /// Why.
        why: Down,
        /// When it is tried again.
        retry_ms: u64,
    },
    /// The answer to a command.
    Answer {
        /// What was asked.
        command: Command,
        /// What was answered.
        body: Box<Body>,
    },
    /// Something happened.
    Event(Event),
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Down {
    /// Nothing listens at the socket.
    #[error("no daemon is running")]
    NoDaemon,
    /// The daemon speaks another version of its local interface.
    #[error("the daemon speaks version {got} of the local interface, this board version {expected}")]
    Version {
        /// Ours.
        expected: u32,
        /// Theirs.
        got: u64,
    },
    /// Anything else.
    #[error("disconnected: {0}")]
    Other(String),
}

impl From<&ConnError> for Down {
    fn from(error: &ConnError) -> Self {
        match error {
            ConnError::NoDaemon { .. } => Self::NoDaemon,
            ConnError::Version { expected, got } => Self::Version { expected: *expected, got: *got },
            // The text of an error may quote what the daemon wrote.
            other => Self::Other(crate::sanitise::text(&other.to_string())),
        }
    }
}

/// Keeps connecting until the board is gone.
pub async fn run(config: Config, mut commands: Receiver<ToConn>, answers: Sender<FromConn>) {
    let mut wait = config.retry_first;
    loop {
        let mut greeted = false;
        let Err(error) = session(&config, &mut commands, &answers, &mut greeted).await else { return };
        if greeted {
            wait = config.retry_first;
        }
        let retry_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let lost = FromConn::Lost { why: Down::from(&error), retry_ms };
        if answers.send(lost).await.is_err() || pause(wait, &mut commands).await.is_none() {
            return;
        }
        wait = (wait * 2).min(config.retry_max);
    }
}

/// Waits before the next try. `None`: the board is gone.
async fn pause(wait: Duration, commands: &mut Receiver<ToConn>) -> Option<()> {
    let until = Instant::now() + wait;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(until) => return Some(()),
            command = commands.recv() => match command? {
                ToConn::Reconnect => return Some(()),
                // Nobody is there to be asked; after connecting everything is asked for anyway.
                ToConn::Send(_) => {}
            },
        }
    }
}

/// One connection, from greeting to its end. `Ok`: the board is gone.
async fn session(
    config: &Config,
    commands: &mut Receiver<ToConn>,
    answers: &Sender<FromConn>,
    greeted: &mut bool,
) -> Result<(), ConnError> {
    let (mut link, hello) = Link::open(&config.socket, config.reply_timeout).await?;
    match link.ask(Command::Subscribe).await? {
        Body::Done => {}
        Body::Error { message, .. } => return Err(ConnError::Refused { asked: "subscribe", message }),
        _ => return Err(ConnError::Unexpected { asked: "subscribe" }),
    }
    *greeted = true;
    if answers.send(FromConn::Connected(Box::new(hello))).await.is_err() {
        return Ok(());
    }
    let mut pending: HashMap<u64, (Command, Instant)> = HashMap::new();
    loop {
        let deadline = pending.values().map(|(_, sent)| *sent + config.reply_timeout).min();
        tokio::select! {
            reply = link.receive() => {
                let reply = reply?;
                let Some(message) = sort(reply, &mut pending) else { continue };
                if answers.send(message).await.is_err() {
                    return Ok(());
                }
            }
            command = commands.recv(), if pending.len() < MAX_PENDING => match command {
                None => return Ok(()),
                Some(ToConn::Reconnect) => {}
                Some(ToConn::Send(command)) => {
                    let id = link.send(command.clone()).await?;
                    pending.insert(id, (command, Instant::now()));
                }
            },
            () = until(deadline) => return Err(ConnError::Silent { waited: config.reply_timeout }),
        }
    }
}

/// Sleeps until `deadline`; forever without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// An event, or the answer to a pending command; `None` for what nobody asked for.
fn sort(reply: api::Reply, pending: &mut HashMap<u64, (Command, Instant)>) -> Option<FromConn> {
    if let Body::Event(event) = reply.body {
        return Some(FromConn::Event(event));
    }
    let (command, _) = pending.remove(&reply.id)?;
    Some(FromConn::Answer { command, body: Box::new(reply.body) })
}
