//! One connection: lines out, lines in, each with a limit.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::{API_VERSION, Body, Command, Hello, MAX_LINE_BYTES, Reply, Request};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Replies that were read but not yet looked at.
const REPLY_QUEUE: usize = 4;
/// Id of the first request.
const GREETING_ID: u64 = 0;
/// Longer lines are parsed on a thread of their own: the screen must not wait for them.
const PARSE_HERE_BYTES: usize = 64 << 10;

/// Why a connection could not be made or ended.
#[derive(Debug, thiserror::Error)]
pub enum ConnError {
    /// Nothing listens at the socket.
    #[error("no daemon listens at {}; start one with: node run", path.display())]
    NoDaemon {
        /// The socket.
        path: PathBuf,
    },
    /// The socket is there but cannot be used.
    #[error("cannot connect to {}: {source}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Reading or writing failed.
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
    /// The daemon closed the connection.
    #[error("the daemon closed the connection")]
    Closed,
    /// The daemon did not answer.
    #[error("the daemon has not answered for {} ms", waited.as_millis())]
    Silent {
        /// How long it had.
        waited: Duration,
    },
    /// A line is too long.
    #[error("the daemon sent a line of more than {max} bytes")]
    LineTooLong {
        /// The limit.
        max: usize,
    },
    /// A line is not a reply.
    #[error("the daemon sent a line that is not a reply: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The daemon speaks another version of its local interface.
    #[error(
        "the daemon speaks version {got} of the local interface, this program version {expected}; \
         install both from the same release"
    )]
    Version {
        /// Ours.
        expected: u32,
        /// Theirs.
        got: u64,
    },
    /// The daemon refused.
    #[error("the daemon refused {asked}: {message}")]
    Refused {
        /// What was asked.
        asked: &'static str,
        /// Why.
        message: String,
    },
    /// The daemon answered something else.
    #[error("the daemon answered {asked} with something else")]
    Unexpected {
        /// What was asked.
        asked: &'static str,
    },
}

/// A greeted connection.
#[derive(Debug)]
pub struct Link {
    writer: OwnedWriteHalf,
    replies: mpsc::Receiver<Result<Reply, ConnError>>,
    /// Ends with the connection.
    _reader: JoinSet<()>,
    next_id: u64,
    patience: Duration,
}

impl Link {
    /// Connects to the socket at `path` and greets; `patience` bounds every wait for an answer.
    ///
    /// # Errors
    ///
    /// All of [`ConnError`].
    pub async fn open(path: &Path, patience: Duration) -> Result<(Self, Hello), ConnError> {
        let greeting = async {
            let stream = UnixStream::connect(path).await.map_err(|source| connect_error(path, source))?;
            let (read, mut writer) = stream.into_split();
            let mut reader = BufReader::new(read);
            let hello = greet(&mut reader, &mut writer).await?;
            Ok::<_, ConnError>((reader, writer, hello))
        };
        let late = |_| ConnError::Silent { waited: patience };
        let (reader, writer, hello) = timeout(patience, greeting).await.map_err(late)??;
        let (send, replies) = mpsc::channel(REPLY_QUEUE);
        let mut task = JoinSet::new();
        task.spawn(read_replies(reader, send));
        Ok((Self { writer, replies, _reader: task, next_id: GREETING_ID + 1, patience }, hello))
    }

    /// Sends a command; returns the id that its answer will carry.
    ///
    /// # Errors
    ///
    /// [`ConnError::Io`], [`ConnError::Silent`] if the daemon does not read.
    pub async fn send(&mut self, command: Command) -> Result<u64, ConnError> {
        let id = self.next_id;
        self.next_id += 1;
        let late = |_| ConnError::Silent { waited: self.patience };
        timeout(self.patience, write(&mut self.writer, id, command)).await.map_err(late)??;
        Ok(id)
    }

    /// The next reply or event. Nothing is lost when the future is dropped before it is ready.
    ///
    /// # Errors
    ///
    /// [`ConnError`], after which the connection is of no use.
    pub async fn receive(&mut self) -> Result<Reply, ConnError> {
        self.replies.recv().await.unwrap_or(Err(ConnError::Closed))
    }

    /// Sends a command and waits for its answer; events before it are dropped.
    ///
    /// # Errors
    ///
    /// [`ConnError`].
    pub async fn ask(&mut self, command: Command) -> Result<Body, ConnError> {
        let id = self.send(command).await?;
        let late = |_| ConnError::Silent { waited: self.patience };
        let answer = async {
            loop {
                let reply = self.replies.recv().await.unwrap_or(Err(ConnError::Closed))?;
                if reply.id == id && !matches!(reply.body, Body::Event(_)) {
                    return Ok(reply.body);
                }
            }
        };
        timeout(self.patience, answer).await.map_err(late)?
    }
}

/// Asks who is there. The version is looked at before anything else of the answer, which may have another
/// shape in another version.
async fn greet(
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
) -> Result<Hello, ConnError> {
    write(writer, GREETING_ID, Command::Hello).await?;
    let value = parse(read_line(reader).await?, Ok).await?;
    let version = value.pointer("/body/api_version").and_then(Value::as_u64);
    if let Some(got) = version.filter(|v| *v != u64::from(API_VERSION)) {
        return Err(ConnError::Version { expected: API_VERSION, got });
    }
    match serde_json::from_value::<Reply>(value)?.body {
        Body::Hello(hello) => Ok(hello),
        Body::Error { message, .. } => Err(ConnError::Refused { asked: "hello", message }),
        _ => Err(ConnError::Unexpected { asked: "hello" }),
    }
}

async fn write(writer: &mut OwnedWriteHalf, id: u64, command: Command) -> Result<(), ConnError> {
    let mut line = serde_json::to_vec(&Request { id, command })?;
    line.push(b'\n');
    Ok(writer.write_all(&line).await?)
}

/// Parses a line, cleans every string in it, and hands it to `then`; long lines on another thread.
async fn parse<T: Send + 'static>(
    line: Vec<u8>,
    then: impl FnOnce(Value) -> Result<T, serde_json::Error> + Send + 'static,
) -> Result<T, ConnError> {
    let long = line.len() > PARSE_HERE_BYTES;
    let work = move || {
        let mut value: Value = serde_json::from_slice(&line)?;
        crate::sanitise::json(&mut value);
        then(value)
    };
    if !long {
        return Ok(work()?);
    }
    let parsed = tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?;
    Ok(parsed?)
}

fn connect_error(path: &Path, source: std::io::Error) -> ConnError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => ConnError::NoDaemon { path },
        _ => ConnError::Connect { path, source },
    }
}

/// Reads replies until the end, an error, or until nobody wants more.
async fn read_replies(mut reader: BufReader<OwnedReadHalf>, replies: mpsc::Sender<Result<Reply, ConnError>>) {
    loop {
        let reply = match read_line(&mut reader).await {
            Ok(line) => parse(line, serde_json::from_value).await,
            Err(error) => Err(error),
        };
        let last = reply.is_err();
        if replies.send(reply).await.is_err() || last {
            return;
        }
    }
}

/// One line without its end, at most [`MAX_LINE_BYTES`] long.
async fn read_line(reader: &mut BufReader<OwnedReadHalf>) -> Result<Vec<u8>, ConnError> {
    let mut line = Vec::new();
    let limit = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(limit).read_until(b'\n', &mut line).await?;
    if line.pop_if(|last| *last == b'\n').is_some() {
        Ok(line)
    } else if line.len() > MAX_LINE_BYTES {
        Err(ConnError::LineTooLong { max: MAX_LINE_BYTES })
    } else {
        Err(ConnError::Closed)
    }
}
