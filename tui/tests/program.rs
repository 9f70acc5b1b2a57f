//! The real program: on a pseudo-terminal, and printing once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use common::*;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use tokio::net::UnixListener;

const PATIENCE: Duration = Duration::from_secs(30);
/// What terminals understand as "leave the alternate screen" and "show the cursor".
const LEAVE: &str = "\u{1b}[?1049l";
const SHOW: &str = "\u{1b}[?25h";
/// Tells the test binary to be the program that panics.
const PANIC_ENV: &str = "PODIUM_TUI_TEST_PANIC";

/// Serves the socket on a thread until the test ends.
fn daemon(socket: &Path) {
    let socket = socket.to_owned();
    let (ready, up) = sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = UnixListener::bind(&socket).unwrap();
            ready.send(()).unwrap();
            loop {
                let connection = Daemon::accept(&listener).await;
                tokio::spawn(connection.serve());
            }
        });
    });
    up.recv_timeout(PATIENCE).unwrap();
}

/// A program on a pseudo-terminal.
struct Session {
    child: Child,
    keyboard: File,
    /// The program's side, kept open: its modes are looked at after the program has ended.
    terminal: OwnedFd,
    output: Receiver<Vec<u8>>,
    seen: String,
}

impl Session {
    fn start(mut command: Command) -> Self {
        let control = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&control).unwrap();
        unlockpt(&control).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
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
        Self { child, keyboard, terminal, output, seen: String::new() }
    }

    fn board(socket: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tui"));
        command.arg("--socket").arg(socket).env("TERM", "xterm-256color");
        Self::start(command)
    }

    /// Reads until `text` is on the screen.
    fn expect(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.seen.contains(text) {
            match self.output.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(e) => panic!("{e}: {text:?} is not in {:?}", self.seen),
            }
        }
    }

    fn is_raw(&self) -> bool {
        let modes = tcgetattr(&self.terminal).unwrap().local_modes;
        !modes.contains(LocalModes::ICANON) && !modes.contains(LocalModes::ECHO)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; the rest of what was written.
    fn end(mut self) -> (ExitStatus, String, bool) {
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
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        let raw = self.is_raw();
        (status, self.seen, raw)
    }
}

#[track_caller]
fn assert_restored(seen: &str, raw: bool) {
    assert_eq!(seen.matches(LEAVE).count(), 1, "left the alternate screen once: {seen:?}");
    assert!(seen.contains(SHOW), "shows the cursor: {seen:?}");
    assert!(!raw, "the terminal is not raw any more");
}

#[test]
fn a_board_appears_and_q_gives_the_terminal_back() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("podium.sock");
    daemon(&socket);
    let mut session = Session::board(&socket);
    session.expect("fingerprint");
    // An event comes live, without a key being pressed.
    session.expect("by-somebody-new");
    assert!(session.is_raw());
    session.keyboard.write_all(b"?").unwrap();
    session.expect("Help");
    session.keyboard.write_all(b"\rq").unwrap();
    let (status, seen, raw) = session.end();
    assert_eq!(status.code(), Some(0));
    assert_restored(&seen, raw);
}

#[test]
fn signals_give_the_terminal_back() {
    let dir = tempfile::tempdir().unwrap();
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let mut session = Session::board(&dir.path().join("none.sock"));
        session.expect("No daemon is running");
        session.signal(signal);
        let (status, seen, raw) = session.end();
        assert_eq!(status.code(), Some(code));
        assert_restored(&seen, raw);
    }
}

/// Not a test of its own: what the next test runs on a pseudo-terminal.
#[test]
fn panicking_program() {
    if std::env::var_os(PANIC_ENV).is_none() {
        return;
    }
    let _screen = tui::terminal::Screen::enter().unwrap();
    panic!("as it must");
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_speaks() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "panicking_program", "--nocapture"]).env(PANIC_ENV, "1");
    let mut session = Session::start(command);
    session.expect("as it must");
    let (status, seen, raw) = session.end();
    assert!(!status.success());
    assert_restored(&seen, raw);
    assert!(seen.find(LEAVE).unwrap() < seen.find("as it must").unwrap(), "{seen:?}");
}

/// As when a terminal's window is closed: whoever reads from it never gets anything again.
#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let control = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&control).unwrap();
    unlockpt(&control).unwrap();
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&control, size).unwrap();
    let name = PathBuf::from(ptsname(&control, Vec::new()).unwrap().into_string().unwrap());
    let end = || Stdio::from(OpenOptions::new().read(true).write(true).open(&name).unwrap());
    // As the leader of a session of its own: reading from a terminal that has hung up then gives nothing, for ever,
    // where others get an error.
    let mut child = Command::new("setsid")
        .arg("--ctty")
        .arg(env!("CARGO_BIN_EXE_tui"))
        .arg("--socket")
        .arg(dir.path().join("none.sock"))
        .env("TERM", "xterm-256color")
        .stdin(end())
        .stdout(end())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut screen = File::from(control);
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("No daemon") {
        let mut buffer = [0; 4096];
        let n = screen.read(&mut buffer).unwrap();
        seen.extend_from_slice(&buffer[..n]);
    }
    drop(screen);
    let until = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("the program goes on without a terminal");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn run(args: &[&str], socket: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tui"));
    // Help is wrapped to the width that these claim.
    command.env_remove("COLUMNS").env_remove("LINES");
    command.arg("--socket").arg(socket).args(args).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn printing_once() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("podium.sock");
    daemon(&socket);
    let list = run(&["--once"], &socket);
    assert!(list.status.success());
    insta::assert_snapshot!("once_list", String::from_utf8(list.stdout).unwrap());

    let board = run(&["--once", "--competition", "3fa9"], &socket);
    let page = String::from_utf8(board.stdout).unwrap();
    // Dates and ages do not depend on the clock at this width.
    insta::assert_snapshot!("once_board", page);

    let json = run(&["--once", "--competition", "3fa9", "--format", "json"], &socket);
    let read: api::Board = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(read, common::board(competitions().remove(0), rows()));

    let unknown = run(&["--once", "--competition", "ffff"], &socket);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(unknown.stdout.is_empty());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("ffff is not known"));
}

#[test]
fn without_a_daemon_or_a_terminal_it_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("podium.sock");
    let once = run(&["--once"], &socket);
    assert_eq!(once.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&once.stderr).contains("node run"));
    let board = run(&[], &socket);
    assert_eq!(board.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&board.stderr).contains("tui --once"));
    assert!(board.stdout.is_empty(), "no escape sequence is written to what is no terminal");
}

#[test]
fn help_and_bad_arguments() {
    let socket = Path::new("/nowhere");
    let help = run(&["--help"], socket);
    assert!(help.status.success());
    insta::assert_snapshot!("help_text", String::from_utf8(help.stdout).unwrap());
    for bad in [&["--competition", "xyz"][..], &["--format", "json"], &["--nonsense"], &["stray"]] {
        assert_eq!(run(bad, socket).status.code(), Some(2), "{bad:?}");
    }
}
