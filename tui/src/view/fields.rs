//! Names with values beside them, wrapped.

use crate::text::{Align, clip, fit, short_peer, wrap};

/// Columns of the names.
const NAMES: usize = 12;
/// The field with a competitor's key.
pub(super) const COMPETITOR: &str = "competitor";

/// A name and its value.
pub(super) type Field = (&'static str, String);

/// Every field in lines of `width` columns.
pub(super) fn lines(fields: &[Field], width: usize) -> Vec<String> {
    let columns = width.saturating_sub(NAMES).max(1);
    fields.iter().flat_map(|(name, value)| laid_out(name, wrap(value, columns))).collect()
}

/// The same in at most `room` lines if one a field is enough: the last fields are cut to one line each.
pub(super) fn lines_within(fields: &[Field], width: usize, room: usize) -> Vec<String> {
    let columns = width.saturating_sub(NAMES).max(1);
    let mut all: Vec<_> = fields.iter().map(|(name, value)| (*name, wrap(value, columns))).collect();
    let mut total: usize = all.iter().map(|(_, lines)| lines.len()).sum();
    for ((_, lines), (name, value)) in all.iter_mut().zip(fields).rev() {
        if total > room && lines.len() > 1 {
            total -= lines.len() - 1;
            // The end tells keys apart.
            let key = *name == COMPETITOR;
            let line = if key { short_peer(value, columns.saturating_sub(1)) } else { clip(value, columns) };
            *lines = vec![line];
        }
    }
    all.into_iter().flat_map(|(name, lines)| laid_out(name, lines)).collect()
}

fn laid_out(name: &str, value: Vec<String>) -> Vec<String> {
    let label = |i| fit(if i == 0 { name } else { "" }, NAMES, Align::Left);
    value.into_iter().enumerate().map(|(i, part)| label(i) + &part).collect()
}
