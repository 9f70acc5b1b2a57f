//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::theme::Palette;

const EXAMPLES: &str = "\
Examples:
  tui                                      the board of the daemon on this machine
  tui --competition 3fa9c1                 open this competition (a prefix of its id is enough)
  tui --data-dir ./node2                   the daemon whose data is there
  tui --theme high-contrast --ascii        bright on black, in ASCII characters only
  tui --once                               print the competitions and leave
  tui --once --competition 3fa9c1 --format json
  tui --once --screen peers --format csv

Press ? on the board for its keys; --print-config shows how to change them. Without a daemon the board offers to
start one. Colours are off where NO_COLOR is set.";

/// The leaderboard in a terminal: competitions, proved scores and peers, live
#[derive(Clone, Debug, Parser)]
#[command(name = "tui", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Args {
    /// The daemon's socket [default: podium.sock in the data folder]
    #[arg(long, value_name = "PATH", env = "PODIUM_SOCKET", hide_env_values = true)]
    pub socket: Option<PathBuf>,
    /// The daemon's data folder [default: the user's data folder]
    #[arg(long, value_name = "DIR", env = "PODIUM_DATA_DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,
    /// Open this competition: its id, or the start of it
    #[arg(long, value_name = "ID", value_parser = id_prefix)]
    pub competition: Option<String>,
    /// Print once and leave, without a terminal
    #[arg(long)]
    pub once: bool,
    /// What to print [default: the leaderboard if --competition is given, otherwise the competitions]
    #[arg(long, value_enum, value_name = "SCREEN", requires = "once")]
    pub screen: Option<Screen>,
    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table, requires = "once")]
    pub format: Format,
    /// The colours [default: dark]
    #[arg(long, value_enum, value_name = "THEME")]
    pub theme: Option<Palette>,
    /// Draw ASCII characters only
    #[arg(long)]
    pub ascii: bool,
    /// Listen to the mouse: the wheel scrolls, a click selects
    #[arg(long)]
    pub mouse: bool,
    /// Configuration file [default: tui.toml in the user's configuration folder]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print a configuration file with everything that can be set, and leave
    #[arg(long)]
    pub print_config: bool,
    /// Write everything that happens into this file
    #[arg(long, value_name = "FILE", hide = true, conflicts_with = "once")]
    pub record: Option<PathBuf>,
    /// Replay such a file and print the screen that it ends with
    #[arg(long, value_name = "FILE", hide = true, conflicts_with_all = ["once", "record"])]
    pub replay: Option<PathBuf>,
}

/// What can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Screen {
    /// All competitions
    Competitions,
    /// A competition's rules, trust and records
    Competition,
    /// Its leaderboard
    Leaderboard,
    /// Its best score over time, and how the scores are distributed
    Chart,
    /// Its entries
    Entries,
    /// Connected peers and bans
    Peers,
    /// Own records, proofs under way, blobs on their way
    Work,
    /// How the node is
    Health,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people
    Table,
    /// One JSON document, as the daemon tells it
    Json,
    /// Comma-separated values, everything in full
    Csv,
    /// A table in Markdown, everything in full
    Markdown,
}

/// There is no place to look for the daemon.
#[derive(Debug, thiserror::Error)]
#[error("no home folder is known: give --socket PATH or --data-dir DIR")]
pub struct NoDataDir;

impl Args {
    /// The daemon's socket: as given, else `podium.sock` in the data folder.
    ///
    /// # Errors
    ///
    /// [`NoDataDir`] if neither is given and the user has no home folder.
    pub fn socket(&self) -> Result<PathBuf, NoDataDir> {
        if let Some(socket) = &self.socket {
            return Ok(socket.clone());
        }
        Ok(self.data_folder()?.join("podium.sock"))
    }

    /// The daemon's data folder: as given, else where the socket is, else the user's.
    ///
    /// # Errors
    ///
    /// [`NoDataDir`] if nothing is given and the user has no home folder.
    pub fn data_folder(&self) -> Result<PathBuf, NoDataDir> {
        let given = self.data_dir.clone();
        let beside = || self.socket.as_ref().and_then(|socket| Some(socket.parent()?.to_owned()));
        let usual = || folders().map(|d| d.data_dir().to_owned());
        given.or_else(beside).or_else(usual).ok_or(NoDataDir)
    }
}

/// The user's folders (XDG), if the user has a home.
pub fn folders() -> Option<directories::ProjectDirs> {
    directories::ProjectDirs::from("", "", "podium")
}

/// A BLAKE3 id in hex, or the start of one.
fn id_prefix(text: &str) -> Result<String, String> {
    let hex = text.bytes().all(|b| b.is_ascii_hexdigit());
    if hex && (1..=64).contains(&text.len()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!("expected 1 to 64 hex digits, got {} characters", text.chars().count()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_socket_wins_over_the_data_folder() {
        let args = |line: &[&str]| Args::try_parse_from([&["tui"], line].concat()).unwrap();
        let both = args(&["--data-dir", "/d", "--socket", "/s"]);
        assert_eq!(both.socket().unwrap(), PathBuf::from("/s"));
        assert_eq!(both.data_folder().unwrap(), PathBuf::from("/d"));
        let dir = Args { socket: None, ..both };
        assert_eq!(dir.socket().unwrap(), PathBuf::from("/d/podium.sock"));
        assert_eq!(args(&["--socket", "/x/s"]).data_folder().unwrap(), PathBuf::from("/x"));
    }

    #[test]
    fn ids_are_hex() {
        let parse = |id: &str| Args::try_parse_from(["tui", "--competition", id]);
        assert_eq!(parse("3FA9").unwrap().competition.as_deref(), Some("3fa9"));
        for bad in ["", "xyz", "\u{1b}[2J", &"a".repeat(65)] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
