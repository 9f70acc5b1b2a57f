//! What other programs of this user are doing, as they tell it: so that boards can show proofs under way.

use crate::limits;
use api::{MAX_WORK_TEXT_BYTES, Report, Work};
use std::collections::VecDeque;

/// Why a report was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReportError {
    /// A text is too long.
    #[error("expected at most {MAX_WORK_TEXT_BYTES} bytes of {what}, got {got}")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// Its length.
        got: usize,
    },
}

/// The work under way, the longest first.
#[derive(Debug, Default)]
pub(super) struct UnderWay(VecDeque<Work>);

impl UnderWay {
    /// Takes note of a report at `now`, in seconds since 1970; returns what to tell the clients. When too much is
    /// under way, what began first is forgotten.
    ///
    /// # Errors
    /// If a text is too long.
    pub(super) fn report(&mut self, report: Report, now: u64) -> Result<Work, ReportError> {
        let competition = report.competition.as_deref().unwrap_or_default();
        let texts = [
            ("id", report.id.as_str()),
            ("task", &report.task),
            ("step", &report.step),
            ("competition", competition),
        ];
        if let Some((what, text)) = texts.into_iter().find(|(_, text)| text.len() > MAX_WORK_TEXT_BYTES) {
            return Err(ReportError::TooLong { what, got: text.len() });
        }
        let place = self.0.iter().position(|work| work.report.id == report.id);
        let started = place.and_then(|place| self.0.get(place)).map_or(now, |work| work.started);
        let work = Work { report, started, updated: now };
        match place {
            Some(place) if work.report.ended => {
                self.0.remove(place);
            }
            Some(place) => {
                if let Some(known) = self.0.get_mut(place) {
                    *known = work.clone();
                }
            }
            None if work.report.ended => {}
            None => {
                if self.0.len() >= limits::WORK_UNDER_WAY {
                    self.0.pop_front();
                }
                self.0.push_back(work.clone());
            }
        }
        Ok(work)
    }

    /// Forgets what nothing has been heard of for long: its program was killed.
    pub(super) fn sweep(&mut self, now: u64) {
        let patience = limits::WORK_PATIENCE.as_secs();
        self.0.retain(|work| now.saturating_sub(work.updated) <= patience);
    }

    /// All of it.
    pub(super) fn list(&self) -> Vec<Work> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(id: &str, done_bps: u32, ended: bool) -> Report {
        let step = "a step".to_owned();
        Report { id: id.to_owned(), task: "proving".to_owned(), competition: None, step, done_bps, ended }
    }

    #[test]
    fn work_begins_goes_on_and_ends() {
        let mut under_way = UnderWay::default();
        under_way.report(report("a", 0, false), 10).unwrap();
        let next = under_way.report(report("a", 5_000, false), 20).unwrap();
        assert_eq!((next.started, next.updated, next.report.done_bps), (10, 20, 5_000));
        assert_eq!(under_way.list(), [next]);
        assert_eq!(under_way.report(report("a", 10_000, true), 30).unwrap().started, 10);
        assert!(under_way.list().is_empty());
        under_way.report(report("b", 0, true), 30).unwrap();
        assert!(under_way.list().is_empty(), "what ends before it was told of is not kept");
    }

    #[test]
    fn what_is_silent_is_forgotten_and_there_is_never_too_much() {
        let mut under_way = UnderWay::default();
        for n in 0..=limits::WORK_UNDER_WAY {
            under_way.report(report(&n.to_string(), 0, false), n as u64).unwrap();
        }
        assert_eq!(under_way.list().len(), limits::WORK_UNDER_WAY);
        assert_eq!(under_way.list()[0].report.id, "1", "the first has made place");
        let patience = limits::WORK_PATIENCE.as_secs();
        under_way.sweep(patience + 2);
        assert_eq!(under_way.list()[0].report.id, "2", "updated at 2, which is not too long ago");
    }

    #[test]
    fn long_texts_are_refused() {
        let mut under_way = UnderWay::default();
        let text = |bytes: usize| "x".repeat(bytes);
        let step = |step| Report { step, ..report("a", 0, false) };
        assert!(under_way.report(step(text(MAX_WORK_TEXT_BYTES)), 0).is_ok());
        let error = under_way.report(step(text(MAX_WORK_TEXT_BYTES + 1)), 0).unwrap_err();
        assert_eq!(error, ReportError::TooLong { what: "step", got: MAX_WORK_TEXT_BYTES + 1 });
    }
}
