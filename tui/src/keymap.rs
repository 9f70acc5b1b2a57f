//! What the keys do. The help, the line of hints and the configuration's names are made from one table and
//! cannot differ from it.

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use keybinds::KeyInput;
use serde::{Deserialize, Serialize};

use crate::state::Pane;

/// What a key asks for, whatever is on the screen. Its name in the configuration is in kebab case: `page-down`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    /// Sort the pane by the next column.
    Sort,
    /// Turn the order round.
    Reverse,
    /// Copy the id of what is selected.
    Copy,
    /// Write a bundle of the competition.
    Export,
    /// Start a daemon where there is none.
    StartDaemon,
    /// Show or hide the help.
    Help,
    /// Ask the daemon again, or connect at once.
    Refresh,
    /// Leave.
    Quit,
    /// Go to a pane.
    ShowCompetitions,
    /// Go to a pane.
    ShowCompetition,
    /// Go to a pane.
    ShowLeaderboard,
    /// Go to a pane.
    ShowChart,
    /// Go to a pane.
    ShowEntries,
    /// Go to a pane.
    ShowPeers,
    /// Go to a pane.
    ShowWork,
    /// Go to a pane.
    ShowHealth,
    /// Go to a pane.
    ShowEvents,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    action: Action,
    /// The usual keys. The first one is shown.
    keys: &'static [&'static str],
    help: &'static str,
    /// A word for the line of hints, if it belongs there.
    hint: Option<&'static str>,
}

const fn row(
    action: Action,
    keys: &'static [&'static str],
    help: &'static str,
    hint: Option<&'static str>,
) -> Row {
    Row { action, keys, help, hint }
}

/// Everything that keys can do, in the order of the help. Of the hints, the last ones matter most.
const TABLE: &[Row] = &[
    row(Action::Down, &["j", "Down"], "next row", Some("move")),
    row(Action::Up, &["k", "Up"], "previous row", None),
    row(Action::PageDown, &["PageDown", "Ctrl+f", "Ctrl+d"], "a page down", None),
    row(Action::PageUp, &["PageUp", "Ctrl+b", "Ctrl+u"], "a page up", None),
    row(Action::Top, &["g", "Home"], "first row", None),
    row(Action::Bottom, &["G", "End"], "last row", None),
    row(Action::Open, &["Enter", "l", "Right"], "open the competition, or a row's details", Some("open")),
    row(Action::Back, &["Esc", "Backspace", "h", "Left"], "close, clear the filter, go back", Some("back")),
    row(Action::NextPane, &["Tab"], "next pane", Some("pane")),
    row(Action::PreviousPane, &["Shift+Tab"], "previous pane", None),
    row(Action::Copy, &["y"], "copy the id of what is selected", Some("copy")),
    row(Action::Sort, &["s"], "sort by the next column", Some("sort")),
    row(Action::Reverse, &["S"], "turn the order round", None),
    row(Action::Filter, &["/"], "filter the pane by name, id or state", Some("filter")),
    row(Action::Export, &["e"], "write the competition into a bundle", None),
    row(Action::StartDaemon, &["D"], "start a daemon where none is running", None),
    row(Action::Refresh, &["r", "Ctrl+l"], "ask again, or reconnect at once", Some("refresh")),
    row(Action::ShowCompetitions, &["1"], "competitions", None),
    row(Action::ShowCompetition, &["2"], "rules and trust of the competition", None),
    row(Action::ShowLeaderboard, &["3"], "leaderboard", None),
    row(Action::ShowChart, &["4"], "chart of the scores", None),
    row(Action::ShowEntries, &["5"], "entries and roster", None),
    row(Action::ShowPeers, &["6"], "peers and bans", None),
    row(Action::ShowWork, &["7"], "my work", None),
    row(Action::ShowHealth, &["8"], "health of the node", None),
    row(Action::ShowEvents, &["9"], "events", None),
    row(Action::Help, &["?", "F1"], "this help", Some("help")),
    row(Action::Quit, &["q", "Ctrl+c"], "quit", Some("quit")),
];

impl Action {
    /// The pane that it goes to, if it goes to one.
    pub fn pane(self) -> Option<Pane> {
        Some(match self {
            Self::ShowCompetitions => Pane::Competitions,
            Self::ShowCompetition => Pane::Competition,
            Self::ShowLeaderboard => Pane::Board,
            Self::ShowChart => Pane::Chart,
            Self::ShowEntries => Pane::Entries,
            Self::ShowPeers => Pane::Peers,
            Self::ShowWork => Pane::Work,
            Self::ShowHealth => Pane::Health,
            Self::ShowEvents => Pane::Log,
            _ => return None,
        })
    }
}

/// Keys that were given other things to do: as the configuration says it.
pub type Rebinding = BTreeMap<Action, Vec<String>>;

/// Why keys cannot be bound so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// There is no such key.
    #[error("expected a key such as \"j\", \"G\", \"Ctrl+d\", \"PageDown\" or \"F5\", got {got:?}: {why}")]
    NoSuchKey {
        /// What was given.
        got: String,
        /// What the library says.
        why: String,
    },
    /// Two actions want the same key.
    #[error("expected one action for the key {key}, got {first} and {second}")]
    Twice {
        /// The key.
        key: String,
        /// Who has it.
        first: String,
        /// Who wants it.
        second: String,
    },
    /// Nobody could leave, or see how.
    #[error("expected at least one key for {action}, got none")]
    None {
        /// The action.
        action: String,
    },
}

/// What one action's keys are.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// What is asked for.
    pub action: Action,
    keys: Vec<KeyInput>,
    /// For the help.
    pub help: &'static str,
    /// For the line of hints, if it belongs there.
    pub hint: Option<&'static str>,
}

impl Binding {
    /// Its keys as people write them, at most `most` of them.
    pub fn shown(&self, most: usize) -> String {
        self.keys.iter().take(most).map(short).collect::<Vec<_>>().join(" ")
    }
}

/// A key in as few columns as it can be told in.
fn short(key: &KeyInput) -> String {
    let name = key.to_string();
    let arrows = [("Down", "↓"), ("Up", "↑"), ("Left", "←"), ("Right", "→")];
    let arrow = arrows.into_iter().find(|(word, _)| *word == name).map(|(_, arrow)| arrow.to_owned());
    let renamed = || name.replace("Ctrl+", "^").replace("Shift+", "S-").replace("Page", "Pg");
    arrow.unwrap_or_else(|| renamed().replace("PgDown", "PgDn"))
}

/// All bindings.
#[derive(Clone, Debug, PartialEq)]
pub struct Keymap(Vec<Binding>);

impl Keymap {
    /// The usual keys, but for those of `rebinding`.
    ///
    /// # Errors
    ///
    /// [`KeymapError`] for keys that there are not, or that two actions want.
    pub fn new(rebinding: &Rebinding) -> Result<Self, KeymapError> {
        let mut bindings: Vec<Binding> = Vec::new();
        // The given keys first: they are taken from whoever has them usually.
        let mut taken: Vec<(KeyInput, Action)> = Vec::new();
        for (action, keys) in rebinding {
            for key in keys {
                let input = parse(key)?;
                if let Some((_, first)) = taken.iter().find(|(other, _)| *other == input) {
                    let (first, second) = (name(*first), name(*action));
                    return Err(KeymapError::Twice { key: key.clone(), first, second });
                }
                taken.push((input, *action));
            }
        }
        for row in TABLE {
            let usual = || row.keys.iter().filter_map(|key| key.parse::<KeyInput>().ok());
            let free = |key: &KeyInput| !taken.iter().any(|(other, _)| other == key);
            let keys: Vec<KeyInput> = match rebinding.contains_key(&row.action) {
                true => taken.iter().filter(|(_, a)| *a == row.action).map(|(key, _)| *key).collect(),
                false => usual().filter(free).collect(),
            };
            if keys.is_empty() && matches!(row.action, Action::Quit | Action::Help) {
                return Err(KeymapError::None { action: name(row.action) });
            }
            bindings.push(Binding { action: row.action, keys, help: row.help, hint: row.hint });
        }
        Ok(Self(bindings))
    }

    /// All bindings, in the order of the help.
    pub fn bindings(&self) -> &[Binding] {
        &self.0
    }

    /// The keys of an action as people write them; the first of them only.
    pub fn key_of(&self, action: Action) -> String {
        self.0.iter().find(|b| b.action == action).map(|b| b.shown(1)).unwrap_or_default()
    }

    /// What `key` asks for. Key releases ask for nothing.
    pub fn action(&self, key: &KeyEvent) -> Option<Action> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let input = KeyInput::from(key);
        self.0.iter().find(|b| b.keys.contains(&input)).map(|b| b.action)
    }
}

impl Default for Keymap {
    fn default() -> Self {
        // The usual keys are as they should be, as a test checks.
        Self::new(&Rebinding::new()).unwrap_or(Self(Vec::new()))
    }
}

/// The key of this name.
///
/// # Errors
///
/// [`KeymapError::NoSuchKey`].
pub fn parse(key: &str) -> Result<KeyInput, KeymapError> {
    key.parse().map_err(|error: keybinds::Error| KeymapError::NoSuchKey {
        got: key.to_owned(),
        why: error.to_string(),
    })
}

/// An action as the configuration names it.
pub fn name(action: Action) -> String {
    match serde_json::to_value(action) {
        Ok(serde_json::Value::String(name)) => name,
        _ => format!("{action:?}"),
    }
}

/// The names of all actions with their usual keys, as lines of the configuration file.
pub fn template() -> String {
    let keys = |row: &Row| row.keys.iter().map(|key| format!("{key:?}")).collect::<Vec<_>>().join(", ");
    TABLE.iter().map(|row| format!("# {} = [{}]\n", name(row.action), keys(row))).collect()
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
        (KeyCode::Char('c'), KeyModifiers::CONTROL) => Some(Edit::Quit),
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

    fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    #[test]
    fn the_usual_keys_exist_and_none_is_bound_twice() {
        let all: Vec<_> = TABLE.iter().flat_map(|row| row.keys).collect();
        for (i, key) in all.iter().enumerate() {
            assert!(parse(key).is_ok(), "{key}");
            assert!(!all[i + 1..].contains(key), "{key}");
        }
        assert_eq!(Keymap::default().bindings().len(), TABLE.len());
        assert!(Keymap::default().bindings().iter().all(|b| !b.keys.is_empty()));
    }

    #[test]
    fn every_pane_has_a_key() {
        let shown: Vec<_> = TABLE.iter().filter_map(|row| row.action.pane()).collect();
        assert_eq!(shown, Pane::ALL);
    }

    #[test]
    fn shift_control_and_releases() {
        let map = Keymap::default();
        let ask = |code, modifiers| map.action(&press(code, modifiers));
        assert_eq!(ask(KeyCode::Char('G'), KeyModifiers::SHIFT), Some(Action::Bottom));
        assert_eq!(ask(KeyCode::Char('g'), KeyModifiers::NONE), Some(Action::Top));
        assert_eq!(ask(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Action::PreviousPane));
        assert_eq!(ask(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(ask(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::Quit));
        let release = KeyEvent::new_with_kind(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(map.action(&release), None);
    }

    #[test]
    fn given_keys_are_taken_from_whoever_has_them() {
        let keys = |keys: &[&str]| keys.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>();
        let map = Keymap::new(&Rebinding::from([(Action::Down, keys(&["n", "Ctrl+n", "k"]))])).unwrap();
        let ask = |c| map.action(&press(KeyCode::Char(c), KeyModifiers::NONE));
        assert_eq!([ask('n'), ask('k'), ask('j')], [Some(Action::Down), Some(Action::Down), None]);
        assert_eq!(map.action(&press(KeyCode::Up, KeyModifiers::NONE)), Some(Action::Up));
        assert_eq!(map.bindings()[0].shown(9), "n ^n k");
    }

    #[test]
    fn bad_bindings_are_refused() {
        let map = |action, key: &str| Keymap::new(&Rebinding::from([(action, vec![key.to_owned()])]));
        for bad in ["", "Foo", "Shift+x", "Ctrl+", "jj"] {
            assert!(matches!(map(Action::Down, bad), Err(KeymapError::NoSuchKey { .. })), "{bad:?}");
        }
        let both = [(Action::Down, vec!["x".to_owned()]), (Action::Up, vec!["x".to_owned()])];
        let error = Keymap::new(&Rebinding::from(both)).unwrap_err();
        assert_eq!(error.to_string(), "expected one action for the key x, got down and up");
        let deaf = Keymap::new(&Rebinding::from([(Action::Quit, Vec::new())])).unwrap_err();
        assert_eq!(deaf, KeymapError::None { action: "quit".to_owned() });
        let stolen = ["q", "Ctrl+c"].map(str::to_owned).to_vec();
        assert!(Keymap::new(&Rebinding::from([(Action::Down, stolen)])).is_err(), "no way out");
    }

    #[test]
    fn the_template_names_every_action() {
        assert!(template().contains("# page-down = [\"PageDown\", \"Ctrl+f\", \"Ctrl+d\"]\n"));
        assert_eq!(template().lines().count(), TABLE.len());
    }
}
