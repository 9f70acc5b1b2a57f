//! A list with a filter, an order and a selected row that stays on the same thing when the list is replaced.

use std::cmp::Ordering;
use std::ops::Range;

/// What a list holds.
pub trait Item {
    /// Whether both are the same thing, perhaps at different times.
    fn same(&self, other: &Self) -> bool;
    /// Whether a filter (lower case, not empty) finds it.
    fn matches(&self, needle: &str) -> bool;
    /// Names of the orders. The first one is the order in which the items came.
    const ORDERS: &'static [&'static str] = &["as told"];
    /// How it stands to another one in an order other than the first.
    fn order(&self, _other: &Self, _by: usize) -> Ordering {
        Ordering::Equal
    }
}

/// Items, those of them that the filter shows, and the selected one.
#[derive(Clone, Debug)]
pub struct List<T> {
    items: Vec<T>,
    /// Indices into `items`, in the order of the rows.
    shown: Vec<usize>,
    /// Index into `shown`; 0 when nothing is shown.
    selected: usize,
    filter: String,
    /// Index into the orders.
    by: usize,
    reversed: bool,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            shown: Vec::new(),
            selected: 0,
            filter: String::new(),
            by: 0,
            reversed: false,
        }
    }
}

impl<T: Item> List<T> {
    /// All items, filtered out ones too.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// How many items the filter shows.
    pub fn shown_len(&self) -> usize {
        self.shown.len()
    }

    /// The filter as it was typed.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The selected item.
    pub fn current(&self) -> Option<&T> {
        self.shown.get(self.selected).and_then(|&i| self.items.get(i))
    }

    /// Puts other items in; the same thing stays selected if it is still there, else the same place.
    pub fn replace(&mut self, items: Vec<T>) {
        let old = self.current_index();
        let previous = std::mem::replace(&mut self.items, items);
        self.show();
        let anchor = old.and_then(|i| previous.get(i));
        self.reselect(anchor);
    }

    /// Forgets the items; filter and order stay.
    pub fn clear(&mut self) {
        self.replace(Vec::new());
    }

    /// Shows only what `filter` finds, in any case of letters; everything if it is empty.
    pub fn set_filter(&mut self, filter: String) {
        self.filter = filter;
        self.show_again();
    }

    /// Takes the next order.
    pub fn next_order(&mut self) {
        self.by = (self.by + 1) % T::ORDERS.len().max(1);
        self.show_again();
    }

    /// Turns the order round.
    pub fn reverse(&mut self) {
        self.reversed = !self.reversed;
        self.show_again();
    }

    /// The order's name and whether it is turned round; none if it is as the items came.
    pub fn order(&self) -> Option<(&'static str, bool)> {
        let name = T::ORDERS.get(self.by).copied().unwrap_or_default();
        (self.by > 0 || self.reversed).then_some((name, self.reversed))
    }

    /// Whether the items stand as they came.
    pub fn is_as_told(&self) -> bool {
        self.by == 0 && !self.reversed
    }

    /// Moves the selection by `rows`, stopping at the ends.
    pub fn move_by(&mut self, rows: isize) {
        self.selected = self.selected.saturating_add_signed(rows).min(self.last());
    }

    /// Selects the first row.
    pub fn top(&mut self) {
        self.selected = 0;
    }

    /// Selects the last row.
    pub fn bottom(&mut self) {
        self.selected = self.last();
    }

    /// Selects the first shown item for which `wanted` holds, if there is one.
    pub fn select(&mut self, wanted: impl Fn(&T) -> bool) {
        let place = self.shown.iter().position(|&i| self.items.get(i).is_some_and(&wanted));
        self.selected = place.unwrap_or(self.selected);
    }

    /// Selects the row that is drawn on line `line` of `height`, if there is one.
    pub fn select_line(&mut self, line: usize, height: usize) {
        let range = self.range(height);
        let place = range.start + line;
        if range.contains(&place) {
            self.selected = place;
        }
    }

    /// The rows to draw on `height` lines, with whether each is the selected one. The selected row is kept
    /// in the middle where it can be, so no scroll position needs to be remembered.
    pub fn window(&self, height: usize) -> impl Iterator<Item = (bool, &T)> {
        let range = self.range(height);
        let start = range.start;
        let rows = self.shown.get(range).unwrap_or_default();
        let at = move |place| start + place == self.selected;
        rows.iter().enumerate().filter_map(move |(place, &i)| self.items.get(i).map(|item| (at(place), item)))
    }

    /// The row above the first one of [`Self::window`], if there is one.
    pub fn above(&self, height: usize) -> Option<&T> {
        let place = self.range(height).start.checked_sub(1)?;
        self.shown.get(place).and_then(|&i| self.items.get(i))
    }

    fn range(&self, height: usize) -> Range<usize> {
        let latest = self.shown.len().saturating_sub(height);
        let start = self.selected.saturating_sub(height / 2).min(latest);
        start..(start + height).min(self.shown.len())
    }

    fn last(&self) -> usize {
        self.shown.len().saturating_sub(1)
    }

    fn current_index(&self) -> Option<usize> {
        self.shown.get(self.selected).copied()
    }

    fn show(&mut self) {
        let needle = self.filter.to_lowercase();
        let found = |item: &T| needle.is_empty() || item.matches(&needle);
        self.shown = self.items.iter().enumerate().filter(|(_, item)| found(item)).map(|(i, _)| i).collect();
        if self.by > 0 {
            let item = |i: &usize| self.items.get(*i);
            self.shown.sort_by(|a, b| match (item(a), item(b)) {
                (Some(a), Some(b)) => a.order(b, self.by),
                _ => Ordering::Equal,
            });
        }
        if self.reversed {
            self.shown.reverse();
        }
    }

    /// Finds the rows again; the same item stays selected if it is still shown, else the first one is.
    fn show_again(&mut self) {
        let anchor = self.current_index();
        self.show();
        let place = anchor.and_then(|i| self.shown.iter().position(|&s| s == i));
        self.selected = place.unwrap_or(0);
    }

    fn reselect(&mut self, anchor: Option<&T>) {
        self.selected = self.selected.min(self.last());
        if let Some(old) = anchor {
            self.select(|item| item.same(old));
        }
    }
}

impl<T: Item> List<T> {
    /// Puts `item` first and lets go of what is beyond `cap`. The first row, if selected, stays the first.
    pub fn push_front(&mut self, item: T, cap: usize) {
        let follow = self.selected == 0;
        let anchor = self.current_index().map(|i| i + 1);
        self.items.insert(0, item);
        self.items.truncate(cap);
        self.show();
        let place = anchor.and_then(|i| self.shown.iter().position(|&s| s == i));
        self.selected = if follow { 0 } else { place.unwrap_or_else(|| self.last()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Word(&'static str, u32);

    impl Item for Word {
        fn same(&self, other: &Self) -> bool {
            self.0 == other.0
        }
        fn matches(&self, needle: &str) -> bool {
            self.0.to_lowercase().contains(needle)
        }
        const ORDERS: &'static [&'static str] = &["as told", "name"];
        fn order(&self, other: &Self, _by: usize) -> Ordering {
            self.0.cmp(other.0)
        }
    }

    fn list(words: &[&'static str]) -> List<Word> {
        let mut list = List::default();
        list.replace(words.iter().map(|w| Word(w, 0)).collect());
        list
    }

    fn seen(list: &List<Word>, height: usize) -> String {
        let mark = |(on, w): (bool, &Word)| format!("{}{}", if on { ">" } else { "" }, w.0);
        list.window(height).map(mark).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn selection_follows_the_thing() {
        let mut l = list(&["a", "b", "c"]);
        l.move_by(1);
        l.replace(vec![Word("x", 1), Word("a", 1), Word("b", 1)]);
        assert_eq!(l.current(), Some(&Word("b", 1)));
        l.replace(vec![Word("x", 2)]);
        assert_eq!(l.current(), Some(&Word("x", 2)));
        l.replace(Vec::new());
        assert_eq!(l.current(), None);
    }

    #[test]
    fn moves_stop_at_the_ends() {
        let mut l = list(&["a", "b", "c"]);
        l.move_by(-5);
        assert_eq!(seen(&l, 9), ">a b c");
        l.move_by(isize::MAX);
        assert_eq!(seen(&l, 9), "a b >c");
        list(&[]).move_by(3);
    }

    #[test]
    fn only_visible_rows_are_given() {
        let mut l = list(&["a", "b", "c", "d", "e", "f"]);
        assert_eq!(seen(&l, 3), ">a b c");
        l.move_by(3);
        assert_eq!(seen(&l, 3), "c >d e");
        l.bottom();
        assert_eq!(seen(&l, 3), "d e >f");
        assert_eq!(seen(&l, 0), "");
    }

    #[test]
    fn filter_keeps_the_selected_row_if_it_can() {
        let mut l = list(&["Digits", "Cancer", "Digest"]);
        l.bottom();
        l.set_filter("DIG".to_owned());
        assert_eq!(seen(&l, 9), "Digits >Digest");
        l.set_filter("can".to_owned());
        assert_eq!(seen(&l, 9), ">Cancer");
        l.set_filter(String::new());
        assert_eq!(seen(&l, 9), "Digits >Cancer Digest");
    }

    #[test]
    fn orders_go_round_and_keep_the_selected_item() {
        let mut l = list(&["b", "c", "a"]);
        l.move_by(1);
        assert_eq!(l.order(), None);
        l.next_order();
        assert_eq!((seen(&l, 9).as_str(), l.order()), ("a b >c", Some(("name", false))));
        l.reverse();
        assert_eq!((seen(&l, 9).as_str(), l.order()), (">c b a", Some(("name", true))));
        l.replace(vec![Word("d", 0), Word("c", 0)]);
        assert_eq!(seen(&l, 9), "d >c", "what comes later is put in order, too");
        l.next_order();
        l.reverse();
        assert!(l.is_as_told());
    }

    #[test]
    fn a_line_of_the_screen_selects_its_row() {
        let mut l = list(&["a", "b", "c", "d", "e", "f"]);
        l.move_by(3);
        l.select_line(0, 3);
        assert_eq!(seen(&l, 3), "b >c d");
        assert_eq!(l.above(3), Some(&Word("a", 0)));
        l.select_line(9, 3);
        assert_eq!(seen(&l, 3), "b >c d");
    }

    #[test]
    fn a_log_follows_its_head_unless_one_looks_back() {
        let mut l = list(&["b", "a"]);
        l.push_front(Word("c", 0), 3);
        assert_eq!(seen(&l, 9), ">c b a");
        l.move_by(1);
        l.push_front(Word("d", 0), 3);
        assert_eq!(seen(&l, 9), "d c >b");
        l.push_front(Word("e", 0), 3);
        assert_eq!(seen(&l, 9), "e d >c", "what fell out leaves the last one selected");
    }
}
