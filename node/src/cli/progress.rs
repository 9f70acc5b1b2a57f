//! Progress on standard error: a bar on a terminal, a line a step otherwise.

use indicatif::{ProgressBar, ProgressStyle};
use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::Instant;

/// The progress of one thing that takes a while.
pub struct Progress {
    bar: Option<ProgressBar>,
    label: String,
    step: RefCell<String>,
    start: Instant,
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
        Self { bar, label: label.to_owned(), step: RefCell::new(String::new()), start: Instant::now() }
    }

    /// A step, and the fraction done (0 to 1).
    pub fn report(&self, step: &str, part: f64) {
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

    /// Nothing more is told of it.
    pub fn clear(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
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
