//! One stream of events in, one screen out.

mod disk;
mod effects;
mod events;
mod keys;
mod launch;
mod record;

use std::io;
use std::path::PathBuf;

use tokio::sync::mpsc;

pub use launch::node_program;
pub use record::{Line, Replay, ReplayError, replay};

use crate::picture;
use crate::state::{Start, State};
use crate::terminal::Screen;
use crate::theme::Theme;
use crate::update::update;
use crate::view;
use disk::Disk;
use effects::Hands;
use events::{Events, Next};
use keys::Keys;
use record::Recorder;

/// Most messages between two drawings.
const BATCH: usize = 64;

/// What the board is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// What it knows.
    pub start: Start,
    /// How it looks.
    pub theme: Theme,
    /// Whether the mouse is listened to.
    pub mouse: bool,
    /// The daemon's data folder.
    pub data_dir: PathBuf,
    /// Where ranks are kept from visit to visit.
    pub visits: Option<PathBuf>,
    /// Where everything that happens is written to.
    pub record: Option<PathBuf>,
}

/// Why the board ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Somebody asked to leave.
    Quit,
    /// A signal of this number.
    Signal(u8),
}

/// Why the board could not go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Standard input or output is not a terminal, or broke.
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// The recording cannot be written.
    #[error("recording to {}: {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The reader of keys ended.
    #[error("no more keys can be read: the terminal is gone")]
    KeysEnded,
    /// The connection's task ended, which it never should.
    #[error("the connection task ended")]
    ConnectionEnded,
}

/// Shows the board until somebody quits or a signal comes.
///
/// # Errors
///
/// [`AppError`]; the terminal is given back first.
pub async fn run(mut options: Options) -> Result<Ending, AppError> {
    let (keys_in, keys_out) = mpsc::channel(keys::QUEUE);
    let mut events = Events::new(&options.start.socket, keys_out)?;
    options.start.clock = events.clock();
    let mut screen = Screen::enter(options.mouse)?;
    let size = screen.terminal.size()?;
    options.start.size = (size.width, size.height);
    let recorder = Recorder::start(&options)?;
    let disk = Disk::start(options.visits.clone(), events.own_sender())?;
    let keys = Keys::start(keys_in)?;
    let hands =
        Hands { disk: &disk, commands: events.commands(), own: events.own_sender(), options: &options };
    let ended = show(&options, &mut screen, &mut events, &hands, recorder.as_ref()).await;
    // The reader may be waiting for room in the queue: drop the queue before waiting for the reader.
    drop(hands);
    drop(events);
    keys.stop();
    drop(screen);
    disk.stop();
    if let Some(recorder) = recorder {
        recorder.stop();
    }
    ended
}

async fn show(
    options: &Options,
    screen: &mut Screen,
    events: &mut Events,
    hands: &Hands<'_>,
    recorder: Option<&Recorder>,
) -> Result<Ending, AppError> {
    let mut state = State::new(options.start.clone());
    let ended = loop {
        if std::mem::take(&mut state.stale) {
            screen.terminal.draw(|frame| view::draw(frame, &state, &options.theme))?;
        }
        let mut next = Some(events.next().await?);
        let mut handled = 0;
        let mut ended = None;
        while let Some(event) = next {
            let msg = match event {
                Next::Msg(msg) => *msg,
                Next::Signal(number) => {
                    ended = Some(Ending::Signal(number));
                    break;
                }
            };
            if let Some(recorder) = recorder {
                recorder.write(Line::Msg(Box::new(msg.clone())));
            }
            let effects = update(&mut state, msg);
            if hands.act(effects, &mut state, recorder) {
                ended = Some(Ending::Quit);
                break;
            }
            handled += 1;
            next = if handled < BATCH { events.ready() } else { None };
        }
        if let Some(ended) = ended {
            break ended;
        }
    };
    if let Some(recorder) = recorder {
        // What happened since the last drawing belongs to the last screen.
        let drawn = screen.terminal.draw(|frame| view::draw(frame, &state, &options.theme))?;
        recorder.write(Line::Screen(picture::text(drawn.buffer)));
    }
    Ok(ended)
}
