//! A program on a pseudo-terminal. Used by the tests of two packages: nothing here is about the board.
#![allow(dead_code, reason = "every test binary uses a part of it")]

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

pub const PATIENCE: Duration = Duration::from_secs(30);

/// A program on a pseudo-terminal.
pub struct Session {
    pub child: Child,
    pub keyboard: File,
    /// The program's side, kept open: its modes are looked at after the program has ended.
    terminal: OwnedFd,
    output: Receiver<Vec<u8>>,
    /// Everything that was written.
    pub seen: String,
    /// What a terminal would show.
    screen: vt100::Parser,
}

impl Session {
    pub fn start(command: Command) -> Self {
        Self::start_sized(command, (80, 24))
    }

    pub fn start_sized(mut command: Command, (columns, rows): (u16, u16)) -> Self {
        let control = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&control).unwrap();
        unlockpt(&control).unwrap();
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&control, size).unwrap();
        let name = PathBuf::from(ptsname(&control, Vec::new()).unwrap().into_string().unwrap());
        let terminal: OwnedFd = OpenOptions::new().read(true).write(true).open(name).unwrap().into();
        let end = || Stdio::from(terminal.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let keyboard = File::from(control);
        let mut screen = keyboard.try_clone().unwrap();
        let (send, output) = sync_channel(1024);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = screen.read(&mut buffer) {
                if send.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let cells = |count| std::num::NonZero::new(count).unwrap();
        let shown = vt100::Parser::new(cells(rows), cells(columns), 0);
        Self { child, keyboard, terminal, output, seen: String::new(), screen: shown }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.seen.push_str(&String::from_utf8_lossy(bytes));
    }

    /// What a terminal would show now.
    pub fn shown(&self) -> String {
        self.screen.screen().contents()
    }

    /// Reads until `text` is on the screen, or has been written.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.seen.contains(text) && !self.shown().contains(text) {
            match self.output.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(&bytes),
                Err(e) => panic!("{e}: {text:?} is not on the screen:\n{}\n{:?}", self.shown(), self.seen),
            }
        }
    }

    /// Takes what is written in so long a time.
    pub fn settle(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Ok(bytes) = self.output.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.take(&bytes);
        }
    }

    pub fn is_raw(&self) -> bool {
        let modes = tcgetattr(&self.terminal).unwrap().local_modes;
        !modes.contains(LocalModes::ICANON) && !modes.contains(LocalModes::ECHO)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; the rest of what was written.
    pub fn end(mut self) -> (ExitStatus, String, bool) {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > until {
                self.child.kill().unwrap();
                panic!("the program does not end: {:?}", self.seen);
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(300)) {
            self.take(&bytes);
        }
        let raw = self.is_raw();
        (status, self.seen, raw)
    }
}
