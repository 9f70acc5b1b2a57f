//! A client of the running node's socket, for the command line. Blocking: one question, one answer.

use api::{API_VERSION, Body, Command, ErrorKind, Event, MAX_LINE_BYTES, Reply, Request};
use std::io::{BufRead, BufReader, ErrorKind as IoKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Answers take milliseconds, but a blob may have to be fetched first.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Why the node did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers on the socket.
    #[error("no node is running: nobody answers on {path} (start one with `node run`)")]
    NotRunning {
        /// The socket.
        path: PathBuf,
    },
    /// Another version of the interface.
    #[error("the running node speaks version {got} of the local interface, expected {expected}: restart it")]
    Version {
        /// [`API_VERSION`].
        expected: u32,
        /// The node's version.
        got: u32,
    },
    /// The node refused.
    #[error("{message}")]
    Refused {
        /// The kind of error.
        kind: ErrorKind,
        /// What the node says.
        message: String,
    },
    /// Not an answer to the question.
    #[error("expected an answer to {command}, got {got}")]
    Unexpected {
        /// What was asked.
        command: String,
        /// The answer, cut.
        got: String,
    },
    /// The socket.
    #[error("the connection to the node broke: {0}")]
    Io(#[from] std::io::Error),
}

/// A connection to the running node.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    next_id: u64,
}

impl Client {
    /// Connects and checks that a node of this version answers.
    ///
    /// # Errors
    /// [`ClientError::NotRunning`] if nobody answers.
    pub fn connect(socket: &Path) -> Result<Self, ClientError> {
        Self::connect_within(socket, PATIENCE)
    }

    /// The same; every answer must come within this time.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn connect_within(socket: &Path, patience: Duration) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(socket).map_err(|error| match error.kind() {
            IoKind::NotFound | IoKind::ConnectionRefused => {
                ClientError::NotRunning { path: socket.to_owned() }
            }
            _ => ClientError::Io(error),
        })?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(Duration::from_secs(30)))?;
        let mut client = Self { stream: BufReader::new(stream), next_id: 1 };
        match client.ask(Command::Hello)? {
            Body::Hello(hello) if hello.api_version == API_VERSION => {}
            Body::Hello(hello) => {
                return Err(ClientError::Version { expected: API_VERSION, got: hello.api_version });
            }
            other => return Err(unexpected("hello", &other)),
        }
        Ok(client)
    }

    /// Asks, and waits for the answer. An error of the node is an error here.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub fn ask(&mut self, command: Command) -> Result<Body, ClientError> {
        let id = self.next_id;
        self.next_id += 1;
        let mut line = serde_json::to_vec(&Request { id, command }).map_err(std::io::Error::other)?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line)?;
        loop {
            let reply = self.read()?;
            match reply.body {
                Body::Event(_) => continue,
                Body::Error { kind, message } => return Err(ClientError::Refused { kind, message }),
                body if reply.id == id => return Ok(body),
                other => return Err(unexpected("the last question", &other)),
            }
        }
    }

    /// The next thing that happens: to be asked for after [`Command::Subscribe`]. Waits for it.
    ///
    /// # Errors
    /// If the node has gone.
    pub fn next_event(&mut self) -> Result<Event, ClientError> {
        loop {
            if let Body::Event(event) = self.read()?.body {
                return Ok(event);
            }
        }
    }

    fn read(&mut self) -> Result<Reply, ClientError> {
        let mut line = Vec::new();
        let n = (&mut self.stream).take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut line)?;
        if n == 0 {
            return Err(std::io::Error::from(IoKind::UnexpectedEof).into());
        }
        serde_json::from_slice(&line).map_err(|error| ClientError::Unexpected {
            command: "the last question".into(),
            got: format!("{n} bytes that are no reply ({error})"),
        })
    }
}

/// The error for an answer of the wrong kind.
pub fn unexpected(command: &str, got: &Body) -> ClientError {
    let got = format!("{got:?}").chars().take(120).collect();
    ClientError::Unexpected { command: command.to_owned(), got }
}
