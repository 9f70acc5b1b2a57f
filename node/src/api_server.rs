//! The local API: a Unix socket (0600) with one JSON object a line. See the `api` package for the messages.
//!
//! One task a client reads lines and another answers them; commands go over a bounded queue to the daemon, whose
//! answers come back through one-shot channels. Events are broadcast; a client that reads too slowly is told how
//! many it missed.

use crate::{home, limits};
use api::{Body, Command, ErrorKind, Event, MAX_LINE_BYTES, Reply, Request};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::io::ErrorKind as IoKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot};

/// A command of a client, and where its answer goes.
#[derive(Debug)]
pub struct Call {
    /// What is asked.
    pub command: Command,
    /// Where the answer goes. A client that went away does not wait for it.
    pub answer: oneshot::Sender<Body>,
}

/// Why the socket was not opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Somebody listens there.
    #[error("a node is already running: it answers on {path}")]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something else is in its place.
    #[error("{path}: expected a socket or nothing, got another kind of file")]
    NotASocket {
        /// The file.
        path: PathBuf,
    },
    /// The folder of the socket.
    #[error(transparent)]
    Home(#[from] home::HomeError),
    /// The system.
    #[error("{path}: {source}")]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The listening socket. Its file is removed when it is dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path); // perhaps it is gone already
    }
}

impl Socket {
    /// Listens on `path`. A socket that nobody answers on is replaced.
    ///
    /// # Errors
    /// If a node answers there, something else lies there, or the system refuses.
    pub async fn bind(path: &Path) -> Result<Self, SocketError> {
        let io = |source| SocketError::Io { path: path.to_owned(), source };
        if let Ok(meta) = std::fs::symlink_metadata(path) {
            use std::os::unix::fs::FileTypeExt;
            if !meta.file_type().is_socket() {
                return Err(SocketError::NotASocket { path: path.to_owned() });
            }
            match UnixStream::connect(path).await {
                Ok(_) => return Err(SocketError::InUse { path: path.to_owned() }),
                // Nobody listens: left behind by a node that was killed.
                Err(error) if error.kind() == IoKind::ConnectionRefused => {
                    std::fs::remove_file(path).map_err(io)?;
                }
                Err(error) => return Err(io(error)),
            }
        }
        // Bound under another name inside a 0700 folder and renamed, so that it is never open to others.
        let parent = path.parent().unwrap_or(Path::new("."));
        let private = tempfile::Builder::new().prefix(".sock-").tempdir_in(parent).map_err(io)?;
        let hidden = private.path().join("s");
        let listener = UnixListener::bind(&hidden).map_err(io)?;
        std::fs::set_permissions(&hidden, std::fs::Permissions::from_mode(0o600)).map_err(io)?;
        std::fs::rename(&hidden, path).map_err(io)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Serves clients for ever.
    pub async fn serve(self, calls: mpsc::Sender<Call>, events: broadcast::Sender<Event>) {
        let places = Arc::new(Semaphore::new(limits::API_CLIENTS));
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a client was not accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            };
            match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    let client = Client::new(stream, calls.clone(), events.clone());
                    tokio::spawn(async move {
                        client.run().await;
                        drop(place);
                    });
                }
                Err(_) => {
                    tokio::spawn(refuse(stream));
                }
            }
        }
    }
}

async fn refuse(mut stream: UnixStream) {
    let message = format!("expected at most {} clients at once", limits::API_CLIENTS);
    let reply = Reply { id: 0, body: Body::Error { kind: ErrorKind::Busy, message } };
    let _ = tokio::time::timeout(limits::API_WRITE_TIMEOUT, stream.write_all(&line(&reply))).await;
}

/// A reply as a line, never too long: a reply that would be is replaced by an error.
fn line(reply: &Reply) -> Vec<u8> {
    let too_long = |got: usize| Reply {
        id: reply.id,
        body: Body::Error {
            kind: ErrorKind::Internal,
            message: format!("the answer has {got} bytes, expected at most {MAX_LINE_BYTES}"),
        },
    };
    let mut bytes = match serde_json::to_vec(reply) {
        Ok(bytes) if bytes.len() < MAX_LINE_BYTES => bytes,
        Ok(bytes) => serde_json::to_vec(&too_long(bytes.len())).unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    bytes.push(b'\n');
    bytes
}

enum Line {
    Request(Request),
    Bad(String),
}

struct Client {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    calls: mpsc::Sender<Call>,
    events: broadcast::Sender<Event>,
}

impl Client {
    fn new(stream: UnixStream, calls: mpsc::Sender<Call>, events: broadcast::Sender<Event>) -> Self {
        let (read, write) = stream.into_split();
        Self { read, write, calls, events }
    }

    async fn run(self) {
        let Self { read, mut write, calls, events } = self;
        // Lines come through a task of their own: reading one is not cancelled half-way by an event.
        let (sender, mut lines) = mpsc::channel(limits::API_IN_FLIGHT);
        let reader = tokio::spawn(read_lines(read, sender));
        let mut answers = FuturesUnordered::new();
        let mut subscription: Option<(u64, broadcast::Receiver<Event>)> = None;
        loop {
            let reply = tokio::select! {
                line = lines.recv(), if answers.len() < limits::API_IN_FLIGHT => match line {
                    None => break,
                    Some(Line::Bad(message)) => {
                        // What follows a line that is no request is not understood either: answer and hang up.
                        let body = Body::Error { kind: ErrorKind::BadRequest, message };
                        let _ = send(&mut write, &Reply { id: 0, body }).await;
                        break;
                    }
                    Some(Line::Request(Request { id, command: Command::Subscribe })) => {
                        subscription = Some((id, events.subscribe()));
                        Reply { id, body: Body::Done }
                    }
                    Some(Line::Request(Request { id, command })) => {
                        let (answer, receiver) = oneshot::channel();
                        match calls.try_send(Call { command, answer }) {
                            Ok(()) => {
                                answers.push(async move { (id, receiver.await) });
                                continue;
                            }
                            Err(_) => Reply { id, body: busy() },
                        }
                    }
                },
                Some((id, body)) = answers.next() => Reply { id, body: body.unwrap_or_else(|_| stopping()) },
                event = next_event(&mut subscription) => match event {
                    Some(reply) => reply,
                    None => { subscription = None; continue }
                },
            };
            if !send(&mut write, &reply).await {
                break;
            }
        }
        reader.abort();
    }
}

fn busy() -> Body {
    let message = format!("{} commands wait already: try again", limits::API_QUEUE);
    Body::Error { kind: ErrorKind::Busy, message }
}

fn stopping() -> Body {
    Body::Error { kind: ErrorKind::Internal, message: "the node is stopping".into() }
}

async fn next_event(subscription: &mut Option<(u64, broadcast::Receiver<Event>)>) -> Option<Reply> {
    let Some((id, receiver)) = subscription else {
        return std::future::pending().await;
    };
    let event = match receiver.recv().await {
        Ok(event) => event,
        Err(broadcast::error::RecvError::Lagged(missed)) => Event::Lagged { missed },
        Err(broadcast::error::RecvError::Closed) => return None,
    };
    Some(Reply { id: *id, body: Body::Event(event) })
}

/// Whether it was written in time.
async fn send(write: &mut OwnedWriteHalf, reply: &Reply) -> bool {
    let bytes = line(reply);
    matches!(tokio::time::timeout(limits::API_WRITE_TIMEOUT, write.write_all(&bytes)).await, Ok(Ok(())))
}

async fn read_lines(read: OwnedReadHalf, lines: mpsc::Sender<Line>) {
    let mut reader = BufReader::new(read);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let parsed = match read_line(&mut reader, &mut buffer).await {
            Ok(false) => return,
            Ok(true) => match serde_json::from_slice(&buffer) {
                Ok(request) => Line::Request(request),
                Err(error) => {
                    // The decoder quotes what it did not expect, however long it is.
                    let reason: String = error.to_string().chars().take(400).collect();
                    Line::Bad(format!("not a request: {reason}"))
                }
            },
            Err(error) if error.kind() == IoKind::FileTooLarge => Line::Bad(error.to_string()),
            Err(_) => return,
        };
        if lines.send(parsed).await.is_err() {
            return;
        }
    }
}

/// Reads one line of at most [`MAX_LINE_BYTES`]; false at the end of the stream.
///
/// # Errors
/// `FileTooLarge` for a longer line; what the stream says.
pub async fn read_line(
    reader: &mut (impl tokio::io::AsyncBufRead + Unpin),
    buffer: &mut Vec<u8>,
) -> std::io::Result<bool> {
    let n = reader.take(MAX_LINE_BYTES as u64).read_until(b'\n', buffer).await?;
    if n == 0 {
        return Ok(false);
    }
    if buffer.last() != Some(&b'\n') && n >= MAX_LINE_BYTES {
        let message = format!("expected a line of at most {MAX_LINE_BYTES} bytes");
        return Err(std::io::Error::new(IoKind::FileTooLarge, message));
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
