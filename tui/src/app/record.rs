//! A session as a file: everything that happened, and the screen that it ended with. Replayed, it must end the same.
//!
//! One JSON object a line: what the board was opened with, the messages, the last screen.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};

use super::{AppError, Options};
use crate::picture;
use crate::state::{Start, State};
use crate::theme::Theme;
use crate::update::{Msg, update};

/// Lines that wait to be written. If the disk is so slow that there are more, the recording ends.
const QUEUE: usize = 4096;
/// Longest line that is read back: an answer of the daemon and what stands around it.
const MAX_LINE_BYTES: u64 = 2 * api::MAX_LINE_BYTES as u64;

/// A line of a recording.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// What the board was opened with.
    Start {
        /// What it knew.
        start: Box<Start>,
        /// How it looked.
        theme: Theme,
    },
    /// Something that happened.
    Msg(Box<Msg>),
    /// The last screen, a text a row.
    Screen(Vec<String>),
}

/// Writes a recording on a thread of its own.
pub(super) struct Recorder {
    lines: SyncSender<Line>,
    thread: JoinHandle<()>,
}

impl Recorder {
    pub(super) fn start(options: &Options) -> Result<Option<Self>, AppError> {
        let Some(path) = &options.record else { return Ok(None) };
        let failed = |source| AppError::Record { path: path.clone(), source };
        // Names and addresses of peers are in it: nobody else's business.
        let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let mut file = BufWriter::new(open.map_err(failed)?);
        let (lines, received) = sync_channel::<Line>(QUEUE);
        let write = move || {
            for line in received {
                let written = serde_json::to_writer(&mut file, &line).map_err(io::Error::from);
                if written.and_then(|()| file.write_all(b"\n")).is_err() {
                    return;
                }
            }
            // There is nobody left to tell.
            let _ = file.flush();
        };
        let thread = std::thread::Builder::new().name("record".to_owned()).spawn(write).map_err(failed)?;
        let recorder = Self { lines, thread };
        recorder.write(Line::Start { start: Box::new(options.start.clone()), theme: options.theme });
        Ok(Some(recorder))
    }

    /// A line that finds no room is lost, and the replay will say so by its last screen.
    pub(super) fn write(&self, line: Line) {
        let _ = self.lines.try_send(line);
    }

    pub(super) fn stop(self) {
        drop(self.lines);
        // The disk is waited for: whoever records wants the recording.
        let _ = self.thread.join();
    }
}

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Not a line of a recording.
    #[error("line {line}: expected a line of a recording: {source}")]
    Malformed {
        /// Which line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// Something is missing.
    #[error("line {line}: expected {expected}")]
    Incomplete {
        /// Which line, from 1.
        line: usize,
        /// What should be there.
        expected: &'static str,
    },
}

/// What a replay ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Messages that were replayed.
    pub messages: usize,
    /// The last screen, a text a row.
    pub screen: Vec<String>,
    /// The last screen that was recorded, if the recording is whole.
    pub recorded: Option<Vec<String>>,
}

/// Replays a recording.
///
/// # Errors
///
/// [`ReplayError`].
pub fn replay(path: &Path) -> Result<Replay, ReplayError> {
    let mut reader = BufReader::new(std::fs::File::open(path)?);
    let mut number = 0;
    let mut next = || -> Result<Option<Line>, ReplayError> {
        let mut bytes = Vec::new();
        (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes)?;
        number += 1;
        if bytes.is_empty() {
            return Ok(None);
        }
        let malformed = |source| ReplayError::Malformed { line: number, source };
        serde_json::from_slice(&bytes).map(Some).map_err(malformed)
    };
    let Some(Line::Start { start, theme }) = next()? else {
        return Err(ReplayError::Incomplete { line: 1, expected: "what the board was opened with" });
    };
    let mut state = State::new(*start);
    let mut buffer = picture::of(&state, &theme);
    let (mut messages, mut recorded) = (0, None);
    while let Some(line) = next()? {
        match line {
            Line::Start { .. } => {
                let line = messages + 2;
                return Err(ReplayError::Incomplete { line, expected: "something that happened" });
            }
            Line::Msg(msg) => {
                update(&mut state, *msg);
                messages += 1;
            }
            Line::Screen(screen) => recorded = Some(screen),
        }
        // Drawn as often as then: a change that does not say so must not show.
        if std::mem::take(&mut state.stale) {
            buffer = picture::of(&state, &theme);
        }
    }
    Ok(Replay { messages, screen: picture::text(&buffer), recorded })
}
