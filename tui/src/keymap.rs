//! What the keys do. The help and the line of hints are made from this table and cannot differ from it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What a key asks for, whatever is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
    /// First row.
    Top,
    /// Last row.
    Bottom,
    /// Open the selected competition, or the details of the selected row.
    Open,
    /// Close what is open, clear the filter, go back to the list.
    Back,
    /// Next pane.
    NextPane,
    /// Previous pane.
    PreviousPane,
    /// Type a filter for the pane.
    Filter,
    /// Show or hide the help.
    Help,
    /// Ask the daemon again, or connect at once.
    Refresh,
    /// Leave.
    Quit,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    keys: &'static [(KeyCode, KeyModifiers)],
    /// The keys as people write them.
    pub shown: &'static str,
    /// What they ask for.
    pub action: Action,
    /// For the help.
    pub help: &'static str,
    /// A key and a word for the line of hints, if it belongs there.
    pub hint: Option<(&'static str, &'static str)>,
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;

const fn bind(
    keys: &'static [(KeyCode, KeyModifiers)],
    shown: &'static str,
    action: Action,
    help: &'static str,
    hint: Option<(&'static str, &'static str)>,
) -> Binding {
    Binding { keys, shown, action, help, hint }
}

/// All bindings, in the order of the help.
pub const BINDINGS: &[Binding] = &[
    bind(
        &[(KeyCode::Char('j'), NONE), (KeyCode::Down, NONE)],
        "j ↓",
        Action::Down,
        "next row",
        Some(("j/k", "move")),
    ),
    bind(&[(KeyCode::Char('k'), NONE), (KeyCode::Up, NONE)], "k ↑", Action::Up, "previous row", None),
    bind(
        &[(KeyCode::PageDown, NONE), (KeyCode::Char('f'), CTRL)],
        "PgDn",
        Action::PageDown,
        "a page down",
        None,
    ),
    bind(&[(KeyCode::PageUp, NONE), (KeyCode::Char('b'), CTRL)], "PgUp", Action::PageUp, "a page up", None),
    bind(&[(KeyCode::Char('g'), NONE), (KeyCode::Home, NONE)], "g", Action::Top, "first row", None),
    bind(&[(KeyCode::Char('G'), NONE), (KeyCode::End, NONE)], "G", Action::Bottom, "last row", None),
    bind(
        &[(KeyCode::Enter, NONE)],
        "Enter",
        Action::Open,
        "open the competition, or a row's details",
        Some(("Enter", "open")),
    ),
    bind(
        &[(KeyCode::Esc, NONE), (KeyCode::Backspace, NONE)],
        "Esc",
        Action::Back,
        "close, clear the filter, go back",
        Some(("Esc", "back")),
    ),
    bind(&[(KeyCode::Tab, NONE)], "Tab", Action::NextPane, "next pane", Some(("Tab", "pane"))),
    bind(&[(KeyCode::BackTab, NONE)], "S-Tab", Action::PreviousPane, "previous pane", None),
    bind(
        &[(KeyCode::Char('/'), NONE)],
        "/",
        Action::Filter,
        "filter the pane by name or id",
        Some(("/", "filter")),
    ),
    bind(
        &[(KeyCode::Char('r'), NONE)],
        "r",
        Action::Refresh,
        "ask again, or reconnect at once",
        Some(("r", "refresh")),
    ),
    bind(&[(KeyCode::Char('?'), NONE)], "?", Action::Help, "this help", Some(("?", "help"))),
    bind(
        &[(KeyCode::Char('q'), NONE), (KeyCode::Char('c'), CTRL)],
        "q ^C",
        Action::Quit,
        "quit",
        Some(("q", "quit")),
    ),
];

/// What `key` asks for. Key releases ask for nothing.
pub fn action(key: &KeyEvent) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    // The letter itself says whether Shift was held, and so does BackTab.
    let modifiers = key.modifiers.difference(KeyModifiers::SHIFT);
    let hit = |b: &&Binding| b.keys.contains(&(key.code, modifiers));
    BINDINGS.iter().find(hit).map(|b| b.action)
}

/// What a key does while a filter is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Add a character.
    Insert(char),
    /// Remove the last one.
    Erase,
    /// Keep the filter.
    Accept,
    /// Drop the filter.
    Cancel,
    /// Leave the program: Ctrl-C works everywhere.
    Quit,
}

/// What `key` does while a filter is typed.
pub fn edit(key: &KeyEvent) -> Option<Edit> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    match (key.code, key.modifiers.difference(KeyModifiers::SHIFT)) {
        (KeyCode::Char('c'), CTRL) => Some(Edit::Quit),
        (KeyCode::Char(c), KeyModifiers::NONE) => Some(Edit::Insert(c)),
        (KeyCode::Backspace, _) => Some(Edit::Erase),
        (KeyCode::Enter | KeyCode::Tab | KeyCode::Down, _) => Some(Edit::Accept),
        (KeyCode::Esc, _) => Some(Edit::Cancel),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_bound_twice() {
        let all: Vec<_> = BINDINGS.iter().flat_map(|b| b.keys).collect();
        for (i, key) in all.iter().enumerate() {
            assert!(!all[i + 1..].contains(key), "{key:?}");
        }
    }

    #[test]
    fn shift_and_releases() {
        let g = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(action(&g), Some(Action::Bottom));
        let tab = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
        assert_eq!(action(&tab), Some(Action::PreviousPane));
        let release = KeyEvent::new_with_kind(KeyCode::Char('q'), NONE, KeyEventKind::Release);
        assert_eq!(action(&release), None);
        assert_eq!(action(&KeyEvent::new(KeyCode::Char('c'), NONE)), None);
        assert_eq!(action(&KeyEvent::new(KeyCode::Char('c'), CTRL)), Some(Action::Quit));
    }
}
