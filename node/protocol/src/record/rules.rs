//! The rules that a record must obey by itself, as errors and small checks.

use crate::limits::MAX_TIMESTAMP;
use circuits::{ClassId, statement::TaskError};
use std::ops::RangeInclusive;

/// A rule that a record breaks by itself, whatever other records say. Always rejected.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RuleError {
    /// A number out of range.
    #[error("{what}: expected {min} to {max}, got {got}")]
    Range {
        /// What is counted or measured.
        what: &'static str,
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
        /// The value.
        got: u64,
    },
    /// A text that is too short or too long.
    #[error("{what}: expected {min} to {max} bytes, got {got}")]
    TextLength {
        /// Which text.
        what: &'static str,
        /// Fewest bytes.
        min: usize,
        /// Most bytes.
        max: usize,
        /// Its length.
        got: usize,
    },
    /// A character that could disguise a text on a terminal.
    #[error("{what}: expected no control or direction characters, got {got:?}")]
    TextCharacter {
        /// Which text.
        what: &'static str,
        /// The first such character.
        got: char,
    },
    /// White space around a text: two names that look the same.
    #[error("{what}: expected no white space at its ends, got {got:?}")]
    TextEnds {
        /// Which text.
        what: &'static str,
        /// The text.
        got: String,
    },
    /// Times in the wrong order.
    #[error("{what}: expected a time after {than} ({bound}), got {got}")]
    Order {
        /// What comes too early.
        what: &'static str,
        /// What it has to come after.
        than: &'static str,
        /// When that is, seconds since 1970.
        bound: u64,
        /// The time, seconds since 1970.
        got: u64,
    },
    /// A list that is not strictly ascending: two orders, or repetitions, would say the same.
    #[error("{what}: expected each to be greater than the one before, got otherwise at place {at}")]
    NotAscending {
        /// What is listed.
        what: &'static str,
        /// The first place that is not greater, from 0.
        at: usize,
    },
    /// A threshold that no claim can meet exactly.
    #[error("threshold: expected one of the levels that may be claimed, got {got} basis points")]
    ThresholdBetweenLevels {
        /// The threshold, basis points.
        got: u32,
    },
    /// The task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The same size class twice.
    #[error("size class {class} is there already")]
    DuplicateClass {
        /// The class.
        class: ClassId,
    },
    /// A size class that the task does not fit into.
    #[error(
        "size class {class}: expected a task of at most {} features of {} bits and {} classes, got {} features of {} bits and {} classes",
        expected.0, expected.1, expected.2, got.0, got.1, got.2
    )]
    ClassDoesNotFit {
        /// The class.
        class: ClassId,
        /// Most features, bits and classes.
        expected: (usize, u32, usize),
        /// Features, bits and classes of the task.
        got: (usize, u32, usize),
    },
    /// More chunks than a submission may have.
    #[error("size class {class}: expected a test set of at most {max} chunks, got {got}")]
    TooManyChunks {
        /// The class.
        class: ClassId,
        /// Most chunks.
        max: usize,
        /// Chunks of the test set.
        got: u64,
    },
}

pub(super) fn range(what: &'static str, got: u64, range: RangeInclusive<u64>) -> Result<(), RuleError> {
    if range.contains(&got) {
        return Ok(());
    }
    Err(RuleError::Range { what, min: *range.start(), max: *range.end(), got })
}

pub(super) fn timestamp(what: &'static str, got: u64) -> Result<(), RuleError> {
    range(what, got, 0..=MAX_TIMESTAMP)
}

/// Times in their order.
pub(super) fn after(what: &'static str, got: u64, than: &'static str, bound: u64) -> Result<(), RuleError> {
    if got > bound { Ok(()) } else { Err(RuleError::Order { what, than, bound, got }) }
}

/// Strictly ascending, so that nothing is there twice.
pub(super) fn ascending<T: Ord>(what: &'static str, list: &[T]) -> Result<(), RuleError> {
    match list.windows(2).position(|pair| !matches!(pair, [a, b] if a < b)) {
        Some(at) => Err(RuleError::NotAscending { what, at: at + 1 }),
        None => Ok(()),
    }
}

/// One line: length, no control characters, no white space around it.
pub(super) fn line(what: &'static str, text: &str, max: usize) -> Result<(), RuleError> {
    length(what, text, 1, max)?;
    characters(what, text, &[])?;
    if text.trim() != text {
        return Err(RuleError::TextEnds { what, got: text.to_owned() });
    }
    Ok(())
}

/// Several lines, perhaps none: length, no control characters but newline and tab.
pub(super) fn lines(what: &'static str, text: &str, max: usize) -> Result<(), RuleError> {
    length(what, text, 0, max)?;
    characters(what, text, &['\n', '\t'])
}

fn length(what: &'static str, text: &str, min: usize, max: usize) -> Result<(), RuleError> {
    if (min..=max).contains(&text.len()) {
        return Ok(());
    }
    Err(RuleError::TextLength { what, min, max, got: text.len() })
}

fn characters(what: &'static str, text: &str, admitted: &[char]) -> Result<(), RuleError> {
    match text.chars().find(|c| disguises(*c) && !admitted.contains(c)) {
        Some(got) => Err(RuleError::TextCharacter { what, got }),
        None => Ok(()),
    }
}

/// Control characters, Unicode's Bidi_Control, line and paragraph separators, and what is not seen at all: zero-width
/// characters, fillers, blanks that are no white space, tags. Written out, so that all nodes agree on it.
fn disguises(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'
                ..='\u{180f}'
        )
        || matches!(c, '\u{2800}' | '\u{3164}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}')
        || matches!(c, '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
