//! What all lists can do, whichever pane has the keyboard.

use crate::list::{Item, List};
use crate::state::{Pane, State};

/// What can be done with a list of anything.
pub trait Rows {
    /// The filter as it was typed.
    fn filter(&self) -> &str;
    /// Shows only what the filter finds.
    fn set_filter(&mut self, filter: String);
    /// Takes the next order.
    fn next_order(&mut self);
    /// Turns the order round.
    fn reverse(&mut self);
    /// The order's name and whether it is turned round; none if it is as the items came.
    fn order(&self) -> Option<(&'static str, bool)>;
    /// How many orders there are.
    fn orders(&self) -> usize;
    /// Moves the selection by so many rows.
    fn move_by(&mut self, rows: isize);
    /// Selects the row that is drawn on this line of so many.
    fn select_line(&mut self, line: usize, height: usize);
    /// Whether there is a selected row.
    fn has_current(&self) -> bool;
    /// How many rows are shown, and how many there are.
    fn counts(&self) -> (usize, usize);
}

impl<T: Item> Rows for List<T> {
    fn filter(&self) -> &str {
        List::filter(self)
    }
    fn set_filter(&mut self, filter: String) {
        List::set_filter(self, filter);
    }
    fn next_order(&mut self) {
        List::next_order(self);
    }
    fn reverse(&mut self) {
        List::reverse(self);
    }
    fn order(&self) -> Option<(&'static str, bool)> {
        List::order(self)
    }
    fn orders(&self) -> usize {
        T::ORDERS.len()
    }
    fn move_by(&mut self, rows: isize) {
        List::move_by(self, rows);
    }
    fn select_line(&mut self, line: usize, height: usize) {
        List::select_line(self, line, height);
    }
    fn has_current(&self) -> bool {
        self.current().is_some()
    }
    fn counts(&self) -> (usize, usize) {
        (self.shown_len(), self.items().len())
    }
}

impl State {
    /// The list of a pane; none for a pane that is a text or a picture.
    pub fn list(&self, pane: Pane) -> Option<&dyn Rows> {
        Some(match pane {
            Pane::Competitions => &self.competitions,
            Pane::Board => &self.rows,
            Pane::Entries => &self.entries,
            Pane::Peers => &self.peers,
            Pane::Work => &self.jobs,
            Pane::Log => &self.log,
            Pane::Competition | Pane::Chart | Pane::Health => return None,
        })
    }

    /// The list of a pane, to change it.
    pub fn list_mut(&mut self, pane: Pane) -> Option<&mut dyn Rows> {
        Some(match pane {
            Pane::Competitions => &mut self.competitions,
            Pane::Board => &mut self.rows,
            Pane::Entries => &mut self.entries,
            Pane::Peers => &mut self.peers,
            Pane::Work => &mut self.jobs,
            Pane::Log => &mut self.log,
            Pane::Competition | Pane::Chart | Pane::Health => return None,
        })
    }

    /// The filter of a pane.
    pub fn filter(&self, pane: Pane) -> &str {
        self.list(pane).map(Rows::filter).unwrap_or_default()
    }

    /// Puts another filter on the pane that has the keyboard.
    pub fn set_filter(&mut self, filter: String) {
        if let Some(list) = self.list_mut(self.focus) {
            list.set_filter(filter);
        }
    }

    /// Whether there is a selected row in the pane that has the keyboard.
    pub fn has_current(&self) -> bool {
        self.list(self.focus).is_some_and(Rows::has_current)
    }

    /// The id of what is selected in the pane that has the keyboard, and what kind of id it is.
    pub fn selected_id(&self) -> Option<(&'static str, String)> {
        match self.focus {
            Pane::Competitions => self.competitions.current().map(|c| ("competition", c.id.clone())),
            Pane::Board => self.rows.current().map(|row| ("submission", row.submission.clone())),
            Pane::Entries => self.entries.current().map(|entry| ("entry", entry.id.clone())),
            Pane::Peers => self.peers.current().map(|peer| ("peer", peer.peer_id().to_owned())),
            Pane::Work => self.jobs.current().and_then(|job| job.id()),
            Pane::Competition | Pane::Chart => self.chosen.clone().map(|id| ("competition", id)),
            Pane::Health => self.node.as_ref().map(|node| ("peer", node.peer_id.clone())),
            Pane::Log => None,
        }
    }
}
