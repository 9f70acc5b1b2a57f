//! A competition's scores over time, and how they are distributed.

use api::{BoardRow, CompetitionSummary, Submission};
use serde::Serialize;

use crate::text;

/// Most bars of the distribution.
pub const BINS: usize = 10;

/// So many competitors within a range of scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bin {
    /// From here, in basis points.
    pub from_bps: u32,
    /// To below here, in basis points; the last bin holds this, too.
    pub to_bps: u32,
    /// So many.
    pub count: u64,
}

/// Scores over time, and their distribution.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct History {
    /// Whenever the best score rose: when, as its competitor claims, and to what, in basis points.
    pub best: Vec<(u64, u32)>,
    /// Verified submissions that it is made from.
    pub submissions: u64,
    /// How the competitors' best scores are distributed.
    pub bins: Vec<Bin>,
}

/// The steps of the best score. Times are claims: one that is impossible counts as the nearest possible one.
pub fn best_over_time(
    submissions: &[Submission],
    competition: &CompetitionSummary,
    now: u64,
) -> Vec<(u64, u32)> {
    let Some(rows) = competition.rows else { return Vec::new() };
    let latest = now.max(competition.created);
    let mut scores: Vec<(u64, u32)> = submissions
        .iter()
        .filter_map(|s| {
            let bps = text::basis_points(s.correct, rows)?;
            Some((s.created.clamp(competition.created, latest), bps))
        })
        .collect();
    // Of several at the same time the best one.
    scores.sort_by_key(|&(at, bps)| (at, std::cmp::Reverse(bps)));
    let mut best = 0;
    scores.retain(|&(_, bps)| {
        let rises = bps > best;
        best = best.max(bps);
        rises
    });
    scores
}

/// How many rows' scores lie in each tenth of `scale`, or each percent if there are fewer.
pub fn bins(rows: &[BoardRow], (low, high): (u32, u32)) -> Vec<Bin> {
    let span = high.saturating_sub(low).max(1);
    let most = u32::try_from(BINS).unwrap_or(u32::MAX);
    let count = span.div_ceil(100).clamp(1, most);
    // Whole percents, so that the bars can be told by their labels.
    let step = span.div_ceil(count).div_ceil(100) * 100;
    let mut bins: Vec<Bin> = (0..count)
        .map(|n| Bin { from_bps: low + n * step, to_bps: low + (n + 1) * step, count: 0 })
        .filter(|bin| bin.from_bps < high)
        .collect();
    for row in rows {
        let place = usize::try_from(row.accuracy_bps.saturating_sub(low) / step).unwrap_or(usize::MAX);
        let last = bins.len().saturating_sub(1);
        if let Some(bin) = bins.get_mut(place.min(last)) {
            bin.count += 1;
        }
    }
    bins
}
