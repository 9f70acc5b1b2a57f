//! The thread that reads keys: terminals can only be read by waiting.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event};
use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::sync::mpsc::Sender;

/// Room of the queue of keys: held-down keys wait in the terminal.
pub(super) const QUEUE: usize = 64;
/// How often the reader of keys looks whether it should end.
const KEY_POLL: Duration = Duration::from_millis(100);

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

pub(super) struct Keys {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Keys {
    pub(super) fn start(sender: Sender<Event>) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let read = move || {
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

    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // It may still be caught in a terminal that goes away: left behind then, it ends with the program.
        let patience = Instant::now() + 5 * KEY_POLL;
        while !self.thread.is_finished() && Instant::now() < patience {
            std::thread::sleep(KEY_POLL / 10);
        }
    }
}
