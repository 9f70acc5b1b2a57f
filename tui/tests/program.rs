//! The real program: on a pseudo-terminal, and printing once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::pty::{PATIENCE, Session};
use common::*;
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// What terminals understand as "leave the alternate screen" and "show the cursor".
const LEAVE: &str = "\u{1b}[?1049l";
const SHOW: &str = "\u{1b}[?25h";
/// Tells the test binary to be the program that panics.
const PANIC_ENV: &str = "PODIUM_TUI_TEST_PANIC";

/// The program, with folders of its own.
fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tui"));
    // Help is wrapped to the width that these claim.
    command.env_remove("COLUMNS").env_remove("LINES").env_remove("NO_COLOR").env("TERM", "xterm-256color");
    command
        .env("HOME", dir)
        .env("XDG_STATE_HOME", dir.join("state"))
        .env("XDG_CONFIG_HOME", dir.join("config"));
    command
}

fn open(dir: &Path, args: &[&str]) -> Session {
    let mut command = program(dir);
    command.arg("--socket").arg(dir.join("podium.sock")).args(args);
    Session::start(command)
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
    daemon::run(&dir.path().join("podium.sock"), World::default());
    let mut session = open(dir.path(), &[]);
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
fn an_id_is_copied_into_the_terminals_clipboard() {
    let dir = tempfile::tempdir().unwrap();
    daemon::run(&dir.path().join("podium.sock"), World::default());
    let mut session = open(dir.path(), &[]);
    session.expect("fingerprint");
    session.keyboard.write_all(b"y").unwrap();
    // OSC 52, "c" for the clipboard, then base64 of 3fa9c1000...
    session.expect("\u{1b}]52;c;M2ZhOWMxMDAw");
    session.keyboard.write_all(b"q").unwrap();
    assert_eq!(session.end().0.code(), Some(0));
}

#[test]
fn ranks_are_kept_from_visit_to_visit() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("podium.sock");
    daemon::run(&socket, World::default());
    let file = dir.path().join("state/podium/visits").join(format!("{}.json", id("3fa9c1")));
    let mut first = open(dir.path(), &[]);
    first.expect("fingerprint");
    let until = Instant::now() + PATIENCE;
    while !file.exists() {
        assert!(Instant::now() < until, "{} is not written", file.display());
        std::thread::sleep(Duration::from_millis(20));
    }
    first.keyboard.write_all(b"q").unwrap();
    first.end();
    let mut visit: tui::visit::Visit = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(visit.ranks.len(), 3);
    // As if the first one had been third then.
    visit.ranks.insert(rows()[0].competitor.clone(), 3);
    std::fs::write(&file, serde_json::to_vec(&visit).unwrap()).unwrap();
    let mut second = open(dir.path(), &["--competition", "3fa9c1"]);
    second.expect("↑2");
    second.keyboard.write_all(b"q").unwrap();
    second.end();
}

#[test]
fn a_recorded_session_replays() {
    let dir = tempfile::tempdir().unwrap();
    daemon::run(&dir.path().join("podium.sock"), World::default());
    let recording = dir.path().join("session.jsonl");
    let mut session = open(dir.path(), &["--record", recording.to_str().unwrap()]);
    session.expect("fingerprint");
    session.expect("by-somebody-new");
    for (keys, shown) in
        [("3j", "threshold"), ("/name\r", "of 3: /name"), ("6G", "kept out"), ("4", "times as claimed")]
    {
        session.keyboard.write_all(keys.as_bytes()).unwrap();
        session.expect(shown);
    }
    session.keyboard.write_all(b"q").unwrap();
    assert_eq!(session.end().0.code(), Some(0));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&recording).unwrap().permissions().mode() & 0o777, 0o600);

    let replayed = program(dir.path()).arg("--replay").arg(&recording).output().unwrap();
    let said = String::from_utf8(replayed.stdout).unwrap();
    assert!(replayed.status.success(), "{said}\n{}", String::from_utf8_lossy(&replayed.stderr));
    assert!(said.contains("best 97.32 %"), "{said}");

    // A session in which something else happened does not end the same.
    let text = std::fs::read_to_string(&recording).unwrap();
    assert!(text.contains("by-somebody-new"));
    let other = text.replace("\"correct\":874", "\"correct\":880");
    std::fs::write(&recording, other).unwrap();
    let replayed = program(dir.path()).arg("--replay").arg(&recording).output().unwrap();
    assert_eq!(replayed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&replayed.stderr).contains("another screen"));
    std::fs::write(&recording, "nonsense\n").unwrap();
    let replayed = program(dir.path()).arg("--replay").arg(&recording).output().unwrap();
    assert!(String::from_utf8_lossy(&replayed.stderr).contains("line 1"));
}

/// Seconds of processor time that a process has used.
fn used(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in brackets may hold anything; user and system time are the 14th and 15th field.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / rustix::param::clock_ticks_per_second() as f64
}

#[test]
fn an_idle_board_of_ten_thousand_rows_draws_nothing_and_rests() {
    let dir = tempfile::tempdir().unwrap();
    let many: Vec<_> = (1..=10_000).map(|n| row(n, &format!("name {n}"), 800, (8_700, 9_100))).collect();
    let world = World::new(board(competitions().remove(0), many), entries());
    daemon::run(&dir.path().join("podium.sock"), world);
    let mut session = open(dir.path(), &[]);
    session.expect("name 2");
    session.keyboard.write_all(b"3").unwrap();
    session.expect("name 9");
    session.settle(Duration::from_millis(1_500));
    let (pid, written, begun) = (session.child.id(), session.seen.len(), Instant::now());
    let before = used(pid);
    session.settle(Duration::from_secs(12));
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), used(pid) - before);
    let written = session.seen.len() - written;
    println!("idle for {seconds:.1} s: {:.2} % of a core, {written} bytes written", 100.0 * cpu / seconds);
    assert!(cpu / seconds <= 0.02, "{cpu} s of {seconds} s");
    // A minute may pass meanwhile; nothing else changes.
    assert!(written < 2_000, "{written} bytes written while nothing happened");
    // And it is awake at once.
    session.keyboard.write_all(b"G").unwrap();
    session.expect("name 10000");
    session.keyboard.write_all(b"q").unwrap();
    assert_eq!(session.end().0.code(), Some(0));
}

#[test]
fn configuration_is_read_and_its_errors_name_the_line() {
    let dir = tempfile::tempdir().unwrap();
    daemon::run(&dir.path().join("podium.sock"), World::default());
    let folder = dir.path().join("config/podium");
    std::fs::create_dir_all(&folder).unwrap();
    let template = program(dir.path()).arg("--print-config").output().unwrap();
    std::fs::write(folder.join("tui.toml"), &template.stdout).unwrap();
    assert!(String::from_utf8_lossy(&template.stdout).contains("# quit = [\"q\", \"Ctrl+c\"]"));
    std::fs::write(folder.join("tui.toml"), "ascii = true\n[keys]\nquit = [\"x\"]\n").unwrap();
    let mut session = open(dir.path(), &[]);
    session.expect("fingerprint");
    session.keyboard.write_all(b"?").unwrap();
    session.expect("Help");
    session.keyboard.write_all(b"\rqx").unwrap();
    let (status, seen, _) = session.end();
    assert_eq!(status.code(), Some(0), "x quits, q no longer does");
    assert!(!seen.contains('━') && !seen.contains('日'), "ASCII only");
    std::fs::write(folder.join("tui.toml"), "ascii = true\ntheme = \"purple\"\n").unwrap();
    let mut session = open(dir.path(), &[]);
    session.expect("tui.toml, line 2, `theme = \"purple\"`: unknown variant `purple`");
    let (status, seen, raw) = session.end();
    assert_eq!((status.code(), raw), (Some(1), false));
    assert!(!seen.contains(LEAVE), "the terminal was never taken");
}

#[test]
fn a_daemon_can_be_started_from_the_board_and_outlives_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    // In the place of the node: takes note of how it was called, and stays a while.
    let note = dir.path().join("called");
    let script = format!(
        "#!/bin/sh\necho \"$@\" > {0}.part\nmv {0}.part {0}\necho ready\nexec sleep 20\n",
        note.display()
    );
    std::fs::write(bin.join("podium"), script).unwrap();
    std::fs::set_permissions(bin.join("podium"), std::fs::Permissions::from_mode(0o755)).unwrap();
    // A copy of the board, beside which there is no node.
    let tui = dir.path().join("tui");
    std::fs::copy(env!("CARGO_BIN_EXE_tui"), &tui).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(tui);
    let data = dir.path().join("data");
    command.arg("--data-dir").arg(&data).env("PATH", path).env("HOME", dir.path());
    let mut session = Session::start(command);
    session.expect("D starts one");
    session.keyboard.write_all(b"D").unwrap();
    session.expect("the daemon was started");
    let until = Instant::now() + PATIENCE;
    while !note.exists() {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(20));
    }
    let socket = data.join("podium.sock");
    let expected = format!("--data-dir {} --socket {} run\n", data.display(), socket.display());
    assert_eq!(std::fs::read_to_string(&note).unwrap(), expected);
    session.keyboard.write_all(b"q").unwrap();
    assert_eq!(session.end().0.code(), Some(0), "the board does not wait for the daemon");
    let log = data.join("node.log");
    assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    while !std::fs::read_to_string(&log).unwrap().contains("ready") {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn signals_give_the_terminal_back() {
    let dir = tempfile::tempdir().unwrap();
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let mut session = open(dir.path(), &["--mouse"]);
        session.expect("No daemon is running");
        session.signal(signal);
        let (status, seen, raw) = session.end();
        assert_eq!(status.code(), Some(code));
        assert_restored(&seen, raw);
        assert!(seen.contains("\u{1b}[?1000l"), "the mouse is given back, too");
    }
}

/// Not a test of its own: what the next test runs on a pseudo-terminal.
#[test]
fn panicking_program() {
    if std::env::var_os(PANIC_ENV).is_none() {
        return;
    }
    let _screen = tui::terminal::Screen::enter(false).unwrap();
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
    let home = socket.parent().unwrap();
    program(home).arg("--socket").arg(socket).args(args).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn printing_once() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("podium.sock");
    // Deadlines that no clock reaches: what is left does not depend on it.
    let mut world = World::default();
    for competition in &mut world.competitions {
        (competition.commit_deadline, competition.prove_deadline) = (u64::MAX, u64::MAX);
    }
    world.board.competition = world.competitions[0].clone();
    let expected = world.board.clone();
    daemon::run(&socket, world);
    let screens =
        ["competitions", "competition", "leaderboard", "chart", "entries", "peers", "work", "health"];
    for (screen, format) in
        screens.into_iter().flat_map(|s| ["table", "csv", "markdown", "json"].map(|f| (s, f)))
    {
        let printed = run(&["--once", "--screen", screen, "--format", format], &socket);
        assert!(printed.status.success(), "{screen} {}", String::from_utf8_lossy(&printed.stderr));
        let page = String::from_utf8(printed.stdout).unwrap();
        match format {
            "csv" => {
                let mut csv = csv::Reader::from_reader(page.as_bytes());
                let heads = csv.headers().unwrap().len();
                let rows: Vec<_> = csv.records().map(Result::unwrap).collect();
                assert!(!rows.is_empty() && rows.iter().all(|row| row.len() == heads), "{page}");
            }
            "markdown" => {
                let bars = |line: &str| line.replace("\\|", "").matches('|').count();
                let all: Vec<_> = page.lines().map(bars).collect();
                assert!(all.len() > 2 && all.iter().all(|n| *n == all[0]), "{page}");
            }
            "json" => drop(serde_json::from_str::<serde_json::Value>(&page).unwrap()),
            _ => {}
        }
        if format != "json" && (format == "table" || matches!(screen, "leaderboard" | "competitions")) {
            // Ages and what is left of a ban depend on the clock; dates do not.
            if !matches!(screen, "peers" | "work") {
                insta::assert_snapshot!(format!("once_{screen}_{format}"), page);
            }
        }
    }
    let usual = run(&["--once"], &socket).stdout;
    assert_eq!(usual, run(&["--once", "--screen", "competitions"], &socket).stdout);

    let json = run(&["--once", "--competition", "3fa9", "--format", "json"], &socket);
    let read: api::Board = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(read, expected);

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
    for bad in [
        &["--competition", "xyz"][..],
        &["--format", "json"],
        &["--screen", "peers"],
        &["--theme", "purple"],
        &["--nonsense"],
        &["stray"],
    ] {
        assert_eq!(run(bad, socket).status.code(), Some(2), "{bad:?}");
    }
}
