//! Progress on standard error: a bar on a terminal, a line a step otherwise. A running node can be told as well.

use super::reporter::Reporter;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Instant;

/// The progress of one thing that takes a while.
pub struct Progress {
    bar: Option<ProgressBar>,
    label: String,
    step: RefCell<String>,
    start: Instant,
    reporter: Option<Reporter>,
}

const TICKS: u64 = 1000;

impl Progress {
    /// Begins; `label` says what is done.
    pub fn new(label: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{prefix} {bar:24} {percent:>3} % {msg}");
            let bar = ProgressBar::new(TICKS).with_prefix(label.to_owned());
            style.map(|style| bar.clone().with_style(style)).unwrap_or(bar)
        });
        let (label, step) = (label.to_owned(), RefCell::new(String::new()));
        Self { bar, label, step, start: Instant::now(), reporter: None }
    }

    /// The same, and the node at `socket` is told how far the work for `competition` is, if one is running.
    pub fn told(label: &str, socket: PathBuf, competition: &str) -> Self {
        let reporter = Reporter::start(socket, label, Some(competition.to_owned()));
        Self { reporter: Some(reporter), ..Self::new(label) }
    }

    /// A step, and the fraction done (0 to 1).
    pub fn report(&self, step: &str, part: f64) {
        if let Some(reporter) = &self.reporter {
            reporter.report(step, part);
        }
        // The end is told by `finish`, with the time that it took.
        if step.ends_with("done") {
            return;
        }
        match &self.bar {
            Some(bar) => {
                bar.set_message(step.to_owned());
                bar.set_position((part.clamp(0.0, 1.0) * TICKS as f64) as u64);
            }
            None if *self.step.borrow() != step => {
                super::output::message(&format!("{}: {step}", self.label));
                step.clone_into(&mut self.step.borrow_mut());
            }
            None => {}
        }
    }

    /// It is done.
    pub fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        super::output::message(&format!(
            "{}: done in {:.1} s",
            self.label,
            self.start.elapsed().as_secs_f64()
        ));
    }
}
