//! Who stood where when this competition's board was last seen, and who has moved since.

use std::collections::HashMap;

use api::BoardRow;
use serde::{Deserialize, Serialize};

/// Most ranks that are remembered of one competition: those further down are shown without a movement.
pub const MAX_RANKS: usize = 20_000;

/// The ranks at one visit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visit {
    /// When that was, seconds since 1970; 0 if never.
    pub at: u64,
    /// Ranks by the competitors' peer ids.
    pub ranks: HashMap<String, u64>,
}

/// How a competitor has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// Was not there.
    New,
    /// Stands where it stood.
    Same,
    /// Up so many ranks.
    Up(u64),
    /// Down so many ranks.
    Down(u64),
}

impl Visit {
    /// The ranks of these rows at this time.
    pub fn of(rows: &[BoardRow], at: u64) -> Self {
        let ranks = rows.iter().filter_map(|row| Some((row.competitor.clone(), row.rank?)));
        Self { at, ranks: ranks.take(MAX_RANKS).collect() }
    }

    /// How the competitor of `row` has moved since; none if it has no rank, or may have had one that was not kept.
    pub fn movement(&self, row: &BoardRow) -> Option<Movement> {
        let now = row.rank?;
        Some(match self.ranks.get(&row.competitor) {
            None if self.ranks.len() >= MAX_RANKS => return None,
            None => Movement::New,
            Some(then) if *then > now => Movement::Up(then - now),
            Some(then) if *then < now => Movement::Down(now - then),
            Some(_) => Movement::Same,
        })
    }
}

impl std::fmt::Display for Movement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A column of four: nobody needs to know how far beyond 999 it was.
        match self {
            Self::New => f.write_str("new"),
            Self::Same => f.write_str("="),
            Self::Up(by) => write!(f, "↑{}", by.min(&999)),
            Self::Down(by) => write!(f, "↓{}", by.min(&999)),
        }
    }
}
