//! The configuration file: how the board looks, and what its keys do.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::args::{Args, folders};
use crate::keymap::{self, Action, Keymap, KeymapError, Rebinding};
use crate::theme::{Palette, Theme};

/// Name of the file in the user's configuration folder.
const FILE: &str = "tui.toml";
/// Longest file: nobody has so many keys.
const MAX_BYTES: u64 = 64 << 10;

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is too long.
    #[error("{}: expected at most {MAX_BYTES} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// A line says something that cannot be.
    #[error("{}, line {line}, `{text}`: {why}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What it says.
        text: String,
        /// What was expected, and what was got.
        why: String,
    },
    /// The keys do not go together.
    #[error("{}, [keys]: {source}", path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeymapError,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    theme: Option<Palette>,
    colour: Option<bool>,
    ascii: bool,
    mouse: bool,
    keys: BTreeMap<Action, Vec<Spanned<String>>>,
}

/// How the board looks, and what its keys do.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// How it looks.
    pub theme: Theme,
    /// Whether the mouse is listened to.
    pub mouse: bool,
    /// Keys that have other things to do than usually.
    pub keys: Rebinding,
}

impl Config {
    /// What the command line says, else the environment, else the file, else the usual. A file that is not named on
    /// the command line need not be there.
    ///
    /// # Errors
    ///
    /// [`ConfigError`].
    pub fn load(args: &Args) -> Result<Self, ConfigError> {
        let usual = || folders().map(|folders| folders.config_dir().join(FILE)).filter(|path| path.exists());
        let path = args.config.clone().or_else(usual);
        let (file, keys) = match &path {
            Some(path) => read(path)?,
            None => (File::default(), Rebinding::new()),
        };
        let theme = Theme {
            palette: args.theme.or(file.theme).unwrap_or_default(),
            colour: Theme::colour_wanted() && file.colour.unwrap_or(true),
            ascii: args.ascii || file.ascii,
        };
        Ok(Self { theme, mouse: args.mouse || file.mouse, keys })
    }
}

fn read(path: &Path) -> Result<(File, Rebinding), ConfigError> {
    let io = |source| ConfigError::Io { path: path.to_owned(), source };
    let mut text = String::new();
    std::fs::File::open(path).map_err(io)?.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(ConfigError::TooLong { path: path.to_owned() });
    }
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<(File, Rebinding), ConfigError> {
    let at = |offset: usize, why: String| {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let said = text.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
        ConfigError::Line { path: path.to_owned(), line, text: said, why }
    };
    let file: File = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        at(offset, error.message().to_owned())
    })?;
    let mut keys = Rebinding::new();
    for (action, given) in &file.keys {
        for key in given {
            keymap::parse(key.get_ref()).map_err(|error| at(key.span().start, error.to_string()))?;
        }
        keys.insert(*action, given.iter().map(|key| key.get_ref().clone()).collect());
    }
    Keymap::new(&keys).map_err(|source| ConfigError::Keys { path: path.to_owned(), source })?;
    Ok((file, keys))
}

/// A configuration file with everything that can be set, at its usual value.
pub fn template() -> String {
    let folder = "the user's configuration folder, on Linux ~/.config/podium";
    format!(
        "# The board of Podium: {FILE} in {folder}.\n\
         # Options of the command line come first, then the environment (NO_COLOR), then this file.\n\n\
         # dark, light or high-contrast\n\
         # theme = \"dark\"\n\
         # colour = true\n\
         # Draw ASCII characters only.\n\
         # ascii = false\n\
         # The wheel scrolls, a click selects; the terminal's own selection needs Shift then.\n\
         # mouse = false\n\n\
         # A key that is given here is taken from whatever it does usually. Names of keys: a letter or sign as it is\n\
         # typed, \"Ctrl+d\", \"Alt+x\", \"Shift+Tab\", \"Enter\", \"Esc\", \"PageDown\", \"F5\".\n\
         [keys]\n{}",
        keymap::template()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(Path::new("tui.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn everything_can_be_set() {
        let text = "theme = \"light\"\ncolour = false\nascii = true\nmouse = true\n[keys]\ndown = [\"n\", \"Ctrl+n\"]\n";
        let (file, keys) = parse(Path::new("f"), text).unwrap();
        assert_eq!((file.theme, file.colour), (Some(Palette::Light), Some(false)));
        assert!(file.ascii && file.mouse);
        assert_eq!(keys[&Action::Down], ["n", "Ctrl+n"]);
    }

    #[test]
    fn the_template_is_valid_also_without_its_comment_signs() {
        let usual = template();
        assert!(parse(Path::new("f"), &usual).unwrap().1.is_empty());
        let set: String = usual
            .lines()
            .map(|line| {
                let bare = line.trim_start_matches("# ");
                if bare.contains(" = ") { format!("{bare}\n") } else { format!("{line}\n") }
            })
            .collect();
        let (_, keys) = parse(Path::new("f"), &set).unwrap();
        assert_eq!(Keymap::new(&keys).unwrap(), Keymap::default());
    }

    #[test]
    fn errors_name_the_line_and_the_key() {
        let unknown = error("ascii = true\ncolor = false\n");
        assert!(unknown.starts_with("tui.toml, line 2, `color = false`: unknown field `color`"), "{unknown}");
        let theme = error("\n\ntheme = \"purple\"\n");
        assert!(theme.contains("line 3, `theme = \"purple\"`: unknown variant"), "{theme}");
        let kind = error("mouse = 3\n");
        assert!(
            kind.contains("line 1, `mouse = 3`: invalid type: integer `3`, expected a boolean"),
            "{kind}"
        );
        let key = error("[keys]\ndown = [\"j\",\n  \"Hyper+x\"]\n");
        assert!(key.contains("line 3, `\"Hyper+x\"]`") && key.contains("got \"Hyper+x\""), "{key}");
        let action = error("[keys]\nfly = [\"f\"]\n");
        assert!(action.contains("line 2, `fly = [\"f\"]`: unknown variant `fly`"), "{action}");
        let twice = error("[keys]\ndown = [\"x\"]\nup = [\"x\"]\n");
        assert!(twice.contains("one action for the key x, got down and up"), "{twice}");
        let broken = error("[keys\n");
        assert!(broken.contains("line 1"), "{broken}");
    }
}
