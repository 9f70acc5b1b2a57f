//! Everything that can happen, as one stream.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossterm::event::Event;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Interval, MissedTickBehavior};

use super::AppError;
use crate::conn::{self, FromConn, ToConn};
use crate::state::Clock;
use crate::update::Msg;

/// How often the time is told.
const TICK: Duration = Duration::from_millis(250);
/// Room of the queue of messages from the program's own helpers.
const OWN_QUEUE: usize = 16;

/// What comes out of the stream.
pub(super) enum Next {
    Msg(Box<Msg>),
    Signal(u8),
}

/// Everything that can happen, as one stream.
pub(super) struct Events {
    started: Instant,
    keys: Receiver<Event>,
    commands: Sender<ToConn>,
    answers: Receiver<FromConn>,
    own_sender: Sender<Msg>,
    own: Receiver<Msg>,
    tick: Interval,
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Events {
    pub(super) fn new(socket: &Path, keys: Receiver<Event>) -> io::Result<Self> {
        let (commands, to_conn) = mpsc::channel(conn::COMMAND_QUEUE);
        let (from_conn, answers) = mpsc::channel(conn::ANSWER_QUEUE);
        tokio::spawn(conn::run(conn::Config::new(socket), to_conn, from_conn));
        let (own_sender, own) = mpsc::channel(OWN_QUEUE);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            started: Instant::now(),
            keys,
            commands,
            answers,
            own_sender,
            own,
            tick,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    pub(super) fn commands(&self) -> Sender<ToConn> {
        self.commands.clone()
    }

    pub(super) fn own_sender(&self) -> Sender<Msg> {
        self.own_sender.clone()
    }

    pub(super) fn clock(&self) -> Clock {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let mono_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Clock { unix, mono_ms }
    }

    pub(super) async fn next(&mut self) -> Result<Next, AppError> {
        loop {
            let msg = tokio::select! {
                _ = self.interrupt.recv() => return Ok(Next::Signal(2)),
                _ = self.terminate.recv() => return Ok(Next::Signal(15)),
                _ = self.hangup.recv() => return Ok(Next::Signal(1)),
                key = self.keys.recv() => translate(key.ok_or(AppError::KeysEnded)?),
                answer = self.answers.recv() => Some(Msg::Conn(answer.ok_or(AppError::ConnectionEnded)?)),
                // This end holds a sender: the queue never ends.
                Some(msg) = self.own.recv() => Some(msg),
                _ = self.tick.tick() => Some(Msg::Tick(self.clock())),
            };
            if let Some(msg) = msg {
                return Ok(Next::Msg(Box::new(msg)));
            }
        }
    }

    /// What has happened already, without waiting; signals and ticks have their turn after drawing.
    pub(super) fn ready(&mut self) -> Option<Next> {
        let key = self.keys.try_recv().ok().and_then(translate);
        let answer = || self.answers.try_recv().ok().map(Msg::Conn);
        key.or_else(answer).map(|msg| Next::Msg(Box::new(msg)))
    }
}

fn translate(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) => Some(Msg::Key(key)),
        // Moves without a button say nothing that the board acts on.
        Event::Mouse(mouse) if mouse.kind != crossterm::event::MouseEventKind::Moved => {
            Some(Msg::Mouse(mouse))
        }
        Event::Resize(width, height) => Some(Msg::Resize(width, height)),
        _ => None,
    }
}
