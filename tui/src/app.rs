//! One stream of events in, one screen out.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ratatui::crossterm::event::{self, Event};
use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Interval, MissedTickBehavior};

use crate::conn::{self, FromConn, ToConn};
use crate::state::{Clock, State};
use crate::terminal::Screen;
use crate::theme::Theme;
use crate::update::{Effect, Msg, update};
use crate::view;

/// How often the time is told.
const TICK: Duration = Duration::from_millis(250);
/// How often the reader of keys looks whether it should end.
const KEY_POLL: Duration = Duration::from_millis(100);
/// Room of the queue of keys: held-down keys wait in the terminal.
const KEY_QUEUE: usize = 64;
/// Most messages between two drawings.
const BATCH: usize = 64;

/// What the board is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The daemon's socket.
    pub socket: PathBuf,
    /// A prefix of the id of the competition to open.
    pub competition: Option<String>,
}

/// Why the board ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Somebody pressed `q`.
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
pub async fn run(options: Options) -> Result<Ending, AppError> {
    let mut events = Events::new(&options)?;
    let mut screen = Screen::enter()?;
    let keys = Keys::start(events.take_key_sender())?;
    let ended = show(options, &mut screen, &mut events).await;
    // The reader may be waiting for room in the queue: drop the queue before waiting for the reader.
    drop(events);
    keys.stop();
    drop(screen);
    ended
}

async fn show(options: Options, screen: &mut Screen, events: &mut Events) -> Result<Ending, AppError> {
    let theme = Theme::from_env();
    let size = screen.terminal.size()?;
    let mut state =
        State::new(options.socket, options.competition, (size.width, size.height), events.clock());
    loop {
        screen.terminal.draw(|frame| view::draw(frame, &state, &theme))?;
        let mut next = Some(events.next().await?);
        let mut handled = 0;
        while let Some(event) = next {
            let msg = match event {
                Next::Msg(msg) => msg,
                Next::Signal(number) => return Ok(Ending::Signal(number)),
            };
            if react(&mut state, msg, &events.commands) {
                return Ok(Ending::Quit);
            }
            handled += 1;
            next = if handled < BATCH { events.ready() } else { None };
        }
    }
}

/// Changes the state and does what that asks for. True: leave.
fn react(state: &mut State, msg: Msg, commands: &Sender<ToConn>) -> bool {
    for effect in update(state, msg) {
        let refused = match effect {
            Effect::Quit => return true,
            Effect::Send(command) => commands.try_send(ToConn::Send(command)),
            Effect::Reconnect => commands.try_send(ToConn::Reconnect),
        };
        if let Err(TrySendError::Full(ToConn::Send(command))) = refused {
            // Only plans to send again, and asks for nothing now.
            update(state, Msg::Unsent(command));
        }
    }
    false
}

enum Next {
    Msg(Msg),
    Signal(u8),
}

/// Everything that can happen, as one stream.
struct Events {
    started: Instant,
    key_sender: Option<Sender<Event>>,
    keys: Receiver<Event>,
    commands: Sender<ToConn>,
    answers: Receiver<FromConn>,
    tick: Interval,
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Events {
    fn new(options: &Options) -> io::Result<Self> {
        let (key_sender, keys) = mpsc::channel(KEY_QUEUE);
        let (commands, to_conn) = mpsc::channel(conn::COMMAND_QUEUE);
        let (from_conn, answers) = mpsc::channel(conn::ANSWER_QUEUE);
        tokio::spawn(conn::run(conn::Config::new(&options.socket), to_conn, from_conn));
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            started: Instant::now(),
            key_sender: Some(key_sender),
            keys,
            commands,
            answers,
            tick,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    fn take_key_sender(&mut self) -> Option<Sender<Event>> {
        self.key_sender.take()
    }

    fn clock(&self) -> Clock {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let mono_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Clock { unix, mono_ms }
    }

    async fn next(&mut self) -> Result<Next, AppError> {
        loop {
            let msg = tokio::select! {
                _ = self.interrupt.recv() => return Ok(Next::Signal(2)),
                _ = self.terminate.recv() => return Ok(Next::Signal(15)),
                _ = self.hangup.recv() => return Ok(Next::Signal(1)),
                key = self.keys.recv() => translate(key.ok_or(AppError::KeysEnded)?),
                answer = self.answers.recv() => Some(Msg::Conn(answer.ok_or(AppError::ConnectionEnded)?)),
                _ = self.tick.tick() => Some(Msg::Tick(self.clock())),
            };
            if let Some(msg) = msg {
                return Ok(Next::Msg(msg));
            }
        }
    }

    /// What has happened already, without waiting; signals and ticks have their turn after drawing.
    fn ready(&mut self) -> Option<Next> {
        let key = self.keys.try_recv().ok().and_then(translate);
        let answer = || self.answers.try_recv().ok().map(Msg::Conn);
        key.or_else(answer).map(Next::Msg)
    }
}

fn translate(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) => Some(Msg::Key(key)),
        Event::Resize(width, height) => Some(Msg::Resize(width, height)),
        _ => None,
    }
}

/// Waits for a key, at most so long. False if there will never be one.
fn terminal_is_there(patience: Duration) -> bool {
    let stdin = std::io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(patience.subsec_nanos()) };
    // An interrupted wait says nothing.
    let _ = rustix::event::poll(&mut fds, Some(&timeout));
    let [fd] = &fds;
    !fd.revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
}

/// The thread that reads keys: terminals can only be read by waiting.
struct Keys {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Keys {
    fn start(sender: Option<Sender<Event>>) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let read = move || {
            let Some(sender) = sender else { return };
            while !seen.load(Ordering::Relaxed) {
                // crossterm 0.29 reads the end of a terminal that has gone away again and again, and never returns.
                if !terminal_is_there(KEY_POLL) {
                    return;
                }
                let event = match event::poll(Duration::ZERO) {
                    Ok(false) => continue,
                    Ok(true) => event::read(),
                    Err(error) => Err(error),
                };
                // Dropping the sender tells the board that there will be no more keys.
                let Ok(event) = event else { return };
                if sender.blocking_send(event).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("keys".to_owned()).spawn(read)?;
        Ok(Self { stop, thread })
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // It may still be caught in a terminal that goes away: left behind then, it ends with the program.
        let patience = Instant::now() + 5 * KEY_POLL;
        while !self.thread.is_finished() && Instant::now() < patience {
            std::thread::sleep(KEY_POLL / 10);
        }
    }
}
