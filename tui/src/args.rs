//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  tui                                      the board of the daemon on this machine
  tui --competition 3fa9c1                 open this competition (a prefix of its id is enough)
  tui --data-dir ./node2                   the daemon whose data is there
  tui --once                               print the competitions and leave
  tui --once --competition 3fa9c1 --format json

Press ? on the board for its keys. The daemon is started with: node run";

/// The leaderboard in a terminal: competitions, proved scores and peers, live
#[derive(Clone, Debug, Parser)]
#[command(name = "tui", version, after_help = EXAMPLES)]
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
    /// Print once and leave, without a terminal: the competition's board, or the list of competitions
    #[arg(long)]
    pub once: bool,
    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table, requires = "once")]
    pub format: Format,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people
    Table,
    /// One JSON object for programs
    Json,
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
        let given = self.data_dir.clone();
        let usual = || directories::ProjectDirs::from("", "", "podium").map(|d| d.data_dir().to_owned());
        given.or_else(usual).map(|dir| dir.join("podium.sock")).ok_or(NoDataDir)
    }
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
        let dir = Args { socket: None, ..both };
        assert_eq!(dir.socket().unwrap(), PathBuf::from("/d/podium.sock"));
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
