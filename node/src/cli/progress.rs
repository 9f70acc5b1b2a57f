//! Progress on standard error: a bar with the time left on a terminal, otherwise a line a step. A running node can be
//! told as well.

use super::output;
use super::reporter::Reporter;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The progress of one thing that takes a while.
pub struct Progress {
    bar: Option<ProgressBar>,
    label: String,
    told: RefCell<Told>,
    start: Instant,
    reporter: Option<Reporter>,
}

/// What was said last.
struct Told {
    step: String,
    when: Instant,
}

const TICKS: u64 = 1000;
/// Without a terminal, a step that takes long is told again so often.
const PAUSE: Duration = Duration::from_secs(30);

impl Progress {
    /// Begins; `label` says what is done.
    pub fn new(label: &str) -> Self {
        let bar = (std::io::stderr().is_terminal() && !output::is_quiet()).then(|| {
            let style = ProgressStyle::with_template("{prefix} {bar:24} {percent:>3} % {msg}");
            let bar = ProgressBar::new(TICKS).with_prefix(label.to_owned());
            style.map(|style| bar.clone().with_style(style)).unwrap_or(bar)
        });
        let start = Instant::now();
        let told = RefCell::new(Told { step: String::new(), when: start });
        Self { bar, label: label.to_owned(), told, start, reporter: None }
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
        let part = part.clamp(0.0, 1.0);
        let left = left(self.start.elapsed(), part).map(|left| format!(", {left} left")).unwrap_or_default();
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{step}{left}"));
            bar.set_position((part * TICKS as f64) as u64);
            return;
        }
        let mut told = self.told.borrow_mut();
        if told.step != step || told.when.elapsed() > PAUSE {
            output::message(&format!("{}: {step} ({:.0} %{left})", self.label, part * 100.0));
            *told = Told { step: step.to_owned(), when: Instant::now() };
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
        output::message(&format!("{}: done in {:.1} s", self.label, self.start.elapsed().as_secs_f64()));
    }
}

/// How long it will still take, if it goes on as before. Nothing while nobody can know.
fn left(elapsed: Duration, part: f64) -> Option<String> {
    if elapsed < Duration::from_secs(2) || part < 0.02 {
        return None;
    }
    let seconds = elapsed.as_secs_f64() * (1.0 - part) / part;
    Some(match seconds {
        ..100.0 => format!("about {seconds:.0} s"),
        100.0..6000.0 => format!("about {:.0} min", seconds / 60.0),
        _ => format!("about {:.1} h", seconds / 3600.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_once_it_can_be_known() {
        let left = |seconds, part| left(Duration::from_secs(seconds), part);
        assert_eq!(left(1, 0.5), None);
        assert_eq!(left(100, 0.01), None);
        assert_eq!(left(10, 0.25).as_deref(), Some("about 30 s"));
        assert_eq!(left(100, 0.25).as_deref(), Some("about 5 min"));
        assert_eq!(left(3600, 0.25).as_deref(), Some("about 3.0 h"));
        assert_eq!(left(10, 1.0).as_deref(), Some("about 0 s"));
    }
}
