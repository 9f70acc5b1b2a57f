//! Tells a running node how far this program is, so that boards can show it. Nothing waits for the node, and nothing
//! fails for want of one.

use crate::client::Client;
use crate::limits::{REPORT_INTERVAL, REPORT_PATIENCE};
use api::{Command, MAX_WORK_TEXT_BYTES, Report};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Steps that wait to be told; only the last one of them is.
const STEPS: usize = 16;

struct Step {
    text: String,
    done_bps: u32,
}

/// Tells the node about one task. Dropping it tells that the task has ended.
pub struct Reporter {
    steps: Option<SyncSender<Step>>,
    thread: Option<JoinHandle<()>>,
}

impl Reporter {
    /// Begins to tell the node at `socket` about `task`.
    pub fn start(socket: PathBuf, task: &str, competition: Option<String>) -> Self {
        let (steps, received) = sync_channel(STEPS);
        let report = Report {
            // Told apart from other runs, also of a process with the same number.
            id: format!("{}-{}", std::process::id(), crate::ledger::now()),
            task: task.to_owned(),
            competition,
            step: "beginning".to_owned(),
            done_bps: 0,
            ended: false,
        };
        let tell = move || {
            // No node, or one of another version: there is nobody to tell.
            if let Ok(client) = Client::connect(&socket) {
                tell(client, report, &received);
            }
        };
        // Without a thread nothing is told.
        let thread = std::thread::Builder::new().name("report".to_owned()).spawn(tell).ok();
        Self { steps: Some(steps), thread }
    }

    /// A step, and the fraction done (0 to 1). One that finds no room is left out.
    pub fn report(&self, step: &str, part: f64) {
        let mut text = step.to_owned();
        text.truncate(text.floor_char_boundary(MAX_WORK_TEXT_BYTES));
        // A number of at most 10,000 is exact.
        let done_bps = (part.clamp(0.0, 1.0) * 10_000.0) as u32;
        if let Some(steps) = &self.steps {
            let _ = steps.try_send(Step { text, done_bps });
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.steps = None;
        let until = Instant::now() + REPORT_PATIENCE;
        let done = || self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        while !done() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn tell(mut client: Client, mut report: Report, steps: &Receiver<Step>) {
    let mut ask = |report: &Report| client.ask(Command::Report { report: report.clone() }).is_ok();
    if !ask(&report) {
        return;
    }
    while let Ok(first) = steps.recv() {
        let step = steps.try_iter().last().unwrap_or(first);
        report.step = step.text;
        report.done_bps = step.done_bps;
        if !ask(&report) {
            return;
        }
        std::thread::sleep(REPORT_INTERVAL);
    }
    report.ended = true;
    ask(&report);
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::{API_VERSION, Body, Hello, Reply, Request};
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixListener;

    /// A node that takes note of what it is told, until the client hangs up.
    fn listen(listener: UnixListener) -> Vec<Report> {
        let (stream, _) = listener.accept().unwrap();
        let mut writer = stream.try_clone().unwrap();
        let mut reports = Vec::new();
        for line in BufReader::new(stream).lines() {
            let request: Request = serde_json::from_str(&line.unwrap()).unwrap();
            let body = match request.command {
                Command::Report { report } => {
                    reports.push(report);
                    Body::Done
                }
                _ => Body::Hello(Hello {
                    api_version: API_VERSION,
                    agent: String::new(),
                    peer_id: String::new(),
                    listen: Vec::new(),
                    data_dir: String::new(),
                }),
            };
            let reply = serde_json::to_string(&Reply { id: request.id, body }).unwrap();
            writeln!(writer, "{reply}").unwrap();
        }
        reports
    }

    #[test]
    fn the_node_is_told_the_beginning_the_last_step_and_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let node = std::thread::spawn(move || listen(listener));
        let reporter = Reporter::start(socket, "proving", Some("c".to_owned()));
        reporter.report(&"ü".repeat(MAX_WORK_TEXT_BYTES), 0.5);
        drop(reporter);
        let reports = node.join().unwrap();
        assert_eq!(reports[0].step, "beginning");
        let last = reports.last().unwrap();
        assert!(last.ended && last.done_bps == 5_000);
        assert_eq!(last.step.len(), MAX_WORK_TEXT_BYTES);
        assert!(reports.iter().all(|report| report.id == last.id && report.task == "proving"));
    }

    #[test]
    fn without_a_node_nothing_waits() {
        let dir = tempfile::tempdir().unwrap();
        let begun = Instant::now();
        let reporter = Reporter::start(dir.path().join("none"), "proving", None);
        reporter.report("a step", f64::NAN);
        drop(reporter);
        assert!(begun.elapsed() < REPORT_PATIENCE, "{:?}", begun.elapsed());
    }
}
