//! Columns that share a width: the less important ones are dropped, the others grow.

use crate::text::{Align, fit};

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its head.
    pub title: &'static str,
    /// Narrowest useful width.
    pub min: u16,
    /// Width beyond which it gains nothing; 0 to leave it out.
    pub max: u16,
    /// Which side is filled.
    pub align: Align,
    /// The lowest is dropped first.
    pub keep: u8,
    /// The lowest grows first.
    pub grow: u8,
}

/// A column that was kept: its index and its width.
pub type Placed = (usize, u16);

/// Which columns stand side by side in `width`, one blank between them, and how wide each is.
///
/// The column with the highest `keep` is never dropped.
pub fn arrange(columns: &[Column], width: u16) -> Vec<Placed> {
    let wanted = columns.iter().enumerate().filter(|(_, c)| c.max > 0);
    let mut placed: Vec<Placed> = wanted.map(|(i, c)| (i, c.min)).collect();
    while total(&placed) > usize::from(width) && placed.len() > 1 {
        let keep = |&(i, _): &Placed| columns.get(i).map_or(0, |c| c.keep);
        let Some(least) = placed.iter().map(keep).min() else { break };
        let Some(place) = placed.iter().rposition(|p| keep(p) == least) else { break };
        placed.remove(place);
    }
    let mut spare = usize::from(width).saturating_sub(total(&placed));
    let mut order: Vec<usize> = (0..placed.len()).collect();
    order.sort_by_key(|&p| placed.get(p).and_then(|&(i, _)| columns.get(i)).map_or(u8::MAX, |c| c.grow));
    for p in order {
        let Some((i, w)) = placed.get_mut(p) else { continue };
        let max = columns.get(*i).map_or(0, |c| c.max);
        let more = usize::from(max.saturating_sub(*w)).min(spare);
        *w += u16::try_from(more).unwrap_or(0);
        spare -= more;
    }
    placed
}

fn total(placed: &[Placed]) -> usize {
    placed.iter().map(|&(_, w)| usize::from(w) + 1).sum::<usize>().saturating_sub(1)
}

/// One line of the table; `cell` gives the text of a column (index, width).
pub fn line(columns: &[Column], placed: &[Placed], cell: impl Fn(usize, u16) -> String) -> String {
    let cells = placed.iter().filter_map(|&(i, w)| {
        let column = columns.get(i)?;
        Some(fit(&cell(i, w), usize::from(w), column.align))
    });
    cells.collect::<Vec<_>>().join(" ")
}

/// The heads of the columns.
pub fn heads(columns: &[Column], placed: &[Placed]) -> String {
    line(columns, placed, |i, _| columns.get(i).map(|c| c.title.to_owned()).unwrap_or_default())
}

/// The columns that fit into a width, and what stands in them.
#[derive(Debug)]
pub struct Table<T> {
    columns: &'static [Column],
    placed: Vec<Placed>,
    /// The text of a column (index, width) of an item, at a time.
    cell: fn(&T, u64, usize, u16) -> String,
    now: u64,
}

impl<T> Table<T> {
    /// The columns that fit into `width`; ages before `now`, in seconds since 1970.
    pub fn new(
        columns: &'static [Column],
        width: u16,
        now: u64,
        cell: fn(&T, u64, usize, u16) -> String,
    ) -> Self {
        Self { columns, placed: arrange(columns, width), cell, now }
    }

    /// The heads of the columns.
    pub fn heads(&self) -> String {
        heads(self.columns, &self.placed)
    }

    /// One item.
    pub fn line(&self, item: &T) -> String {
        line(self.columns, &self.placed, |column, width| (self.cell)(item, self.now, column, width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn column(min: u16, max: u16, keep: u8, grow: u8) -> Column {
        Column { title: "t", min, max, align: Align::Left, keep, grow }
    }

    #[test]
    fn columns_are_dropped_by_importance_and_grow_in_order() {
        let columns = [column(4, 10, 9, 1), column(4, 4, 1, 0), column(4, 6, 5, 0)];
        assert_eq!(arrange(&columns, 14), [(0, 4), (1, 4), (2, 4)]);
        assert_eq!(arrange(&columns, 13), [(0, 6), (2, 6)]);
        assert_eq!(arrange(&columns, 8), [(0, 8)]);
        assert_eq!(arrange(&columns, 2), [(0, 4)]);
        assert_eq!(arrange(&columns, 100), [(0, 10), (1, 4), (2, 6)]);
        assert!(arrange(&[], 10).is_empty());
        assert_eq!(arrange(&[column(4, 4, 1, 0), column(4, 0, 9, 0)], 100), [(0, 4)]);
    }

    #[test]
    fn lines_are_as_wide_as_the_columns() {
        let columns = [column(4, 4, 2, 0), column(3, 3, 1, 0)];
        let placed = arrange(&columns, 8);
        assert_eq!(line(&columns, &placed, |i, _| ["日本語", "x"][i].to_owned()), "日…  x  ");
    }
}
