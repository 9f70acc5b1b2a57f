//! The configuration file. The options of the command line are its definition: each option that has an environment
//! variable is a setting, and the file's values take the place of the options' defaults. So what is given counts in the
//! order flag, environment variable, file, default, and one parser reads all of them.

use super::effort::Effort;
use super::{chain, run};
use crate::limits::CONFIG_MAX_BYTES;
use clap::builder::PossibleValue;
use clap::{Arg, Command};
use directories::ProjectDirs;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The tables of the file, and the commands whose options each of them holds. The nameless one is the file's top, with
/// the options of all commands.
pub const TABLES: [(&str, &[&str]); 4] = [
    ("", &[]),
    ("run", &["run"]),
    ("prove", &["score", "submit", "prove-chunk"]),
    ("chain", &["chain", "run"]),
];

/// The option that names the file.
pub const CONFIG: &str = "config";

/// What is wrong with the configuration file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("the configuration file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no configuration.
    #[error("the configuration file {path}: expected at most {expected} bytes of text in UTF-8")]
    NoText {
        /// The file.
        path: PathBuf,
        /// The limit.
        expected: u64,
    },
    /// A line that is not TOML, an unknown key or a value of the wrong kind.
    #[error("{0}")]
    Invalid(Box<Mistake>),
}

/// Where the file is no configuration.
#[derive(Debug, thiserror::Error)]
#[error("{path}:{line}: {key}: expected {expected}, got {got} ({reason})")]
pub struct Mistake {
    /// The file.
    path: PathBuf,
    /// From 1.
    line: usize,
    /// The table and the key, as far as they are known.
    key: String,
    /// What belongs there.
    expected: String,
    /// What is there.
    got: String,
    /// What the reader says.
    reason: String,
}

/// The types of the file's values.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(dead_code)] // read by clap, as defaults; here they are only checked
struct Typed {
    data_dir: Option<PathBuf>,
    socket: Option<PathBuf>,
    run: run::Settings,
    prove: Effort,
    chain: chain::Options,
}

/// A value of the file, as clap reads defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// One, or those of a list.
    pub values: Vec<String>,
    /// The line of its key, from 1.
    pub line: usize,
}

/// What the file says.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where it is, or would be.
    pub path: Option<PathBuf>,
    /// By table and key.
    values: BTreeMap<(String, String), Value>,
}

/// Whether an option of the command line is a setting.
pub fn is_setting(arg: &Arg) -> bool {
    arg.get_env().is_some() && arg.get_id() != CONFIG
}

/// The settings of one table, in the order of the help text.
pub fn of_table<'a>(command: &'a Command, table: &str) -> Vec<&'a Arg> {
    let commands = TABLES.iter().find(|(name, _)| *name == table).map_or(&[][..], |(_, commands)| commands);
    let Some(name) = commands.first() else { return settings_of(command).collect() };
    // What several commands have in common is in the table of the first one that it stands for.
    let lent = TABLES.iter().filter(|(_, commands)| commands.iter().skip(1).any(|other| other == name));
    let lenders = lent.filter_map(|(_, commands)| command.find_subcommand(commands.first()?));
    let elsewhere: Vec<_> = lenders.flat_map(settings_of).map(Arg::get_id).collect();
    let own = command.find_subcommand(name).into_iter().flat_map(settings_of);
    own.filter(|arg| !elsewhere.contains(&arg.get_id())).collect()
}

fn settings_of(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| is_setting(arg))
}

/// The flag of a setting, without its dashes.
pub fn flag(arg: &Arg) -> &str {
    arg.get_long().unwrap_or_else(|| arg.get_id().as_str())
}

/// Table and key, for people.
pub fn full_key(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

/// Where the file is if nobody says otherwise: `~/.config/podium/config.toml`.
pub fn default_path() -> Option<PathBuf> {
    Some(ProjectDirs::from("", "", "podium")?.config_dir().join("config.toml"))
}

impl Settings {
    /// Reads the file that was named, or the one in its usual place if there is one. `command` is the whole command line.
    ///
    /// # Errors
    /// If it cannot be read or is no configuration; if one was named that is not there.
    pub fn load(named: Option<&Path>, command: &Command) -> Result<Self, ConfigError> {
        let Some(path) = named.map(Path::to_owned).or_else(default_path) else { return Ok(Self::default()) };
        match read(&path) {
            Ok(text) => Self::parse(&path, &text, command),
            Err(ConfigError::Io { source, .. })
                if named.is_none() && source.kind() == ErrorKind::NotFound =>
            {
                Ok(Self { path: Some(path), ..Self::default() })
            }
            Err(error) => Err(error),
        }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// If it is no configuration.
    pub fn parse(path: &Path, text: &str, command: &Command) -> Result<Self, ConfigError> {
        let reading = Reading { path, text, command };
        let document = toml::Deserializer::parse(text).map_err(|error| reading.error(WHOLE, &error))?;
        serde_path_to_error::deserialize::<_, Typed>(document)
            .map_err(|error| reading.error(&error.path().to_string(), error.inner()))?;
        let mut values = BTreeMap::new();
        let document: toml::Table = toml::from_str(text).map_err(|error| reading.error(WHOLE, &error))?;
        let lines = reading.lines();
        for (key, value) in document {
            match value {
                toml::Value::Table(table) => values.extend(table.into_iter().map(|(inner, value)| {
                    let place = (key.clone(), inner);
                    let line = lines.get(&place).copied().unwrap_or(1);
                    (place, Value { values: texts(value), line })
                })),
                value => {
                    let place = (String::new(), key);
                    let line = lines.get(&place).copied().unwrap_or(1);
                    values.insert(place, Value { values: texts(value), line });
                }
            }
        }
        let settings = Self { path: Some(path.to_owned()), values };
        settings.check(&reading)?;
        Ok(settings)
    }

    /// What types do not say, such as the range of a number, clap says.
    fn check(&self, reading: &Reading<'_>) -> Result<(), ConfigError> {
        for ((table, key), value) in &self.values {
            let settings = of_table(reading.command, table);
            let Some(arg) = settings.iter().find(|arg| arg.get_id() == key.as_str()) else { continue };
            if matches!(arg.get_action(), clap::ArgAction::SetTrue) {
                continue;
            }
            let flags = value.values.iter().map(|text| format!("--{}={text}", flag(arg)));
            let alone = Command::new("podium").args(settings.iter().map(|&arg| arg.clone()));
            if let Err(error) = alone.try_get_matches_from(std::iter::once("podium".to_owned()).chain(flags))
            {
                let text = error.to_string();
                let reason = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
                return Err(ConfigError::Invalid(Box::new(Mistake {
                    path: reading.path.to_owned(),
                    line: value.line,
                    key: full_key(table, key),
                    expected: form(arg),
                    got: value.values.join(", "),
                    reason: reason.to_owned(),
                })));
            }
        }
        Ok(())
    }

    /// What the file says about a setting.
    pub fn get(&self, table: &str, key: &str) -> Option<&Value> {
        self.values.get(&(table.to_owned(), key.to_owned()))
    }

    /// The command line with the file's values as the options' defaults.
    pub fn fill(&self, mut command: Command) -> Command {
        for (table, commands) in TABLES {
            if commands.is_empty() {
                command = command.mut_args(|arg| self.fill_arg(table, arg));
            }
            for name in commands {
                command =
                    command.mut_subcommand(name, |command| command.mut_args(|arg| self.fill_arg(table, arg)));
            }
        }
        command
    }

    /// An option with the file's value as its default.
    pub fn fill_arg(&self, table: &str, arg: Arg) -> Arg {
        match self.get(table, arg.get_id().as_str()) {
            Some(value) if is_setting(&arg) => arg.default_values(value.values.clone()),
            _ => arg,
        }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let io = |source| ConfigError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(CONFIG_MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    let no_text = || ConfigError::NoText { path: path.to_owned(), expected: CONFIG_MAX_BYTES };
    if bytes.len() as u64 > CONFIG_MAX_BYTES {
        return Err(no_text());
    }
    String::from_utf8(bytes).map_err(|_| no_text())
}

/// A value as on the command line.
fn texts(value: toml::Value) -> Vec<String> {
    match value {
        toml::Value::String(text) => vec![text],
        toml::Value::Array(list) => list.into_iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

/// The key of what is no key's fault.
const WHOLE: &str = "the file";

/// What error messages are made of.
struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
    command: &'a Command,
}

impl Reading<'_> {
    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    /// The line of every key.
    fn lines(&self) -> BTreeMap<(String, String), usize> {
        let mut lines = BTreeMap::new();
        let Ok(document) = toml::de::DeTable::parse(self.text) else { return lines };
        for (key, value) in document.get_ref() {
            let name = key.get_ref().to_string();
            lines.insert((String::new(), name.clone()), self.line(key.span().start));
            for (inner, _) in value.get_ref().as_table().into_iter().flatten() {
                let place = (name.clone(), inner.get_ref().to_string());
                lines.insert(place, self.line(inner.span().start));
            }
        }
        lines
    }

    fn error(&self, key: &str, error: &toml::de::Error) -> ConfigError {
        let span: Range<usize> = error.span().unwrap_or_default();
        let got = self.text.get(span.clone()).unwrap_or_default().trim();
        let got = if got.is_empty() { "nothing".to_owned() } else { got.chars().take(60).collect() };
        let reason = error.message().lines().next().unwrap_or_default().to_owned();
        ConfigError::Invalid(Box::new(Mistake {
            path: self.path.to_owned(),
            line: self.line(span.start),
            key: key.to_owned(),
            expected: self.expected(key),
            got,
            reason,
        }))
    }

    /// What belongs at a key: its value's form, or the keys that there are.
    fn expected(&self, key: &str) -> String {
        if key == WHOLE {
            return "TOML".to_owned();
        }
        // An element of a list is told as `run.listen[0]`.
        let key = key.split('[').next().unwrap_or_default();
        let (table, name) = key.split_once('.').unwrap_or(("", key));
        let settings = of_table(self.command, table);
        if let Some(setting) = settings.iter().find(|arg| arg.get_id() == name) {
            return form(setting);
        }
        let mut known: Vec<String> = settings.iter().map(|arg| arg.get_id().to_string()).collect();
        if table.is_empty() {
            known.extend(
                TABLES.iter().filter(|(name, _)| !name.is_empty()).map(|(name, _)| format!("[{name}]")),
            );
        }
        format!("one of {}", known.join(", "))
    }
}

/// The form of a setting's value, for people.
pub fn form(arg: &Arg) -> String {
    let possible = arg.get_possible_values();
    if !possible.is_empty() {
        let names: Vec<&str> = possible.iter().map(PossibleValue::get_name).collect();
        // On the command line there are more words for these; in a file there are two.
        let is_switch = names.contains(&"true") && names.contains(&"false");
        return if is_switch { "true or false".to_owned() } else { names.join(" or ") };
    }
    let name = arg.get_value_names().and_then(|names| names.first()).map_or("VALUE", |name| name.as_str());
    match arg.get_action() {
        clap::ArgAction::Append => format!("a list of {name}"),
        clap::ArgAction::SetTrue => "true or false".to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cli, config};
    use super::*;
    use clap::CommandFactory;

    fn parse(text: &str) -> Result<Settings, ConfigError> {
        Settings::parse(Path::new("c.toml"), text, &Cli::command())
    }

    /// The values of a command's settings when nobody gives anything but the file.
    fn values(settings: &Settings, table: &str) -> Vec<(String, Vec<String>)> {
        let command = Cli::command();
        // Without their variables: whoever runs the tests may have set some.
        let args = of_table(&command, table)
            .into_iter()
            .map(|arg| settings.fill_arg(table, arg.clone()).env(None::<&str>));
        let matches = Command::new("podium").args(args).get_matches_from(["podium"]);
        let texts = |key: &str| match matches.get_raw(key) {
            Some(raw) => raw.map(|value| value.to_string_lossy().into_owned()).collect(),
            None => Vec::new(),
        };
        of_table(&command, table)
            .iter()
            .map(|arg| (arg.get_id().to_string(), texts(arg.get_id().as_str())))
            .collect()
    }

    #[test]
    fn every_option_of_a_node_is_a_setting_with_a_variable_of_its_own_name() {
        let command = Cli::command();
        let run = command.find_subcommand("run").unwrap();
        // How it is started is no setting of a node.
        let is_setting = |arg: &&clap::Arg| !arg.is_hide_set() && arg.get_id() != "detach";
        for arg in run.get_arguments().filter(is_setting) {
            let variable = format!("PODIUM_{}", arg.get_id().as_str().to_uppercase());
            assert_eq!(arg.get_env().and_then(|name| name.to_str()), Some(variable.as_str()));
        }
        let mut seen = std::collections::BTreeSet::new();
        for (table, _) in TABLES {
            for arg in of_table(&command, table) {
                assert!(seen.insert(arg.get_env().unwrap().to_owned()), "{}", arg.get_id());
            }
        }
        assert!(seen.len() > 8, "{seen:?}");
    }

    #[test]
    fn the_template_is_a_file_with_the_defaults() {
        let command = Cli::command();
        let template = config::template(&command);
        let as_printed = parse(&template).unwrap();
        // Every setting that has a default, as if somebody had taken its comment sign away.
        let is_setting =
            |line: &str| line.starts_with('#') && !line.starts_with("# ") && !line.ends_with(" =");
        let filled: Vec<&str> =
            template.lines().map(|line| if is_setting(line) { &line[1..] } else { line }).collect();
        let filled = parse(&filled.join("\n")).unwrap();
        for (table, _) in TABLES {
            let defaults = values(&Settings::default(), table);
            assert_eq!(values(&as_printed, table), defaults);
            assert_eq!(values(&filled, table), defaults);
            for (key, defaults) in defaults {
                assert!(template.contains(&format!("\n#{key} =")), "{key}");
                assert_eq!(
                    filled.get(table, &key).is_some(),
                    !defaults.is_empty()
                        || ["bootstrap", "external", "relay_through"].contains(&key.as_str()),
                    "{key}"
                );
            }
        }
    }

    #[test]
    fn what_the_file_says_takes_the_place_of_defaults() {
        let settings = parse(
            "data_dir = '/srv/podium'\n[run]\nlisten = ['/ip4/127.0.0.1/tcp/4001']\nno_mdns = true\nlog_format = 'json'\n\
             metrics = '127.0.0.1:9464'\n[prove]\njobs = 3\nmemory = '2GiB'\n",
        )
        .unwrap();
        assert_eq!(settings.get("run", "metrics").unwrap().line, 6);
        let found = |table: &str, key: &str| {
            values(&settings, table).into_iter().find(|(name, _)| name == key).unwrap().1.join(",")
        };
        assert_eq!(found("", "data_dir"), "/srv/podium");
        assert_eq!(found("run", "listen"), "/ip4/127.0.0.1/tcp/4001");
        assert_eq!(found("run", "no_mdns"), "true");
        assert_eq!(found("run", "log_format"), "json");
        assert_eq!(found("prove", "jobs"), "3");
        let matches = settings
            .fill(Cli::command())
            .try_get_matches_from(["node", "score", "--competition", "3fa1", "--jobs", "5"])
            .unwrap();
        let score = matches.subcommand_matches("score").unwrap();
        assert_eq!(score.get_one::<u16>("jobs"), Some(&5), "a flag counts more");
        assert_eq!(score.get_one::<bytesize::ByteSize>("memory"), Some(&bytesize::ByteSize::gib(2)));
    }

    #[test]
    fn errors_name_line_key_and_what_was_expected() {
        let cases = [
            (
                "[run]\n\nlisten = ['nowhere']",
                "c.toml:3: run.listen[0]: expected a list of MULTIADDR, got 'nowhere'",
            ),
            ("[run]\nlisten = 5", "c.toml:2: run.listen: expected a list of MULTIADDR, got 5"),
            ("[run]\nmetrics = '9464'", "c.toml:2: run.metrics: expected IP:PORT, got '9464'"),
            ("[run]\nno_mdns = 'maybe'", "c.toml:2: run.no_mdns: expected true or false, got 'maybe'"),
            ("[run]\nlog_format = 'xml'", "c.toml:2: run.log_format: expected text or json, got 'xml'"),
            ("[prove]\njobs = 0", "c.toml:2: prove.jobs: expected N, got 0"),
            ("[prove]\njobs = 70000", "c.toml:2: prove.jobs: expected N, got 70000"),
            ("\n[run]\nlisen = []", "c.toml:3: run.lisen: expected one of listen, bootstrap"),
            ("colour = 1", "c.toml:1: colour: expected one of data_dir, socket, [run], [prove]"),
            ("[run]\nlog = ", "c.toml:2: the file: expected"),
            ("[run]\nlog = 'a'\nlog = 'b'", "c.toml:3: the file: expected"),
        ];
        for (text, expected) in cases {
            let error = parse(text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
        let dir = tempfile::tempdir().unwrap();
        let (none, long) = (dir.path().join("none.toml"), dir.path().join("long.toml"));
        assert!(matches!(Settings::load(Some(&none), &Cli::command()), Err(ConfigError::Io { .. })));
        std::fs::write(&long, vec![b'\n'; CONFIG_MAX_BYTES as usize + 1]).unwrap();
        assert!(matches!(Settings::load(Some(&long), &Cli::command()), Err(ConfigError::NoText { .. })));
        std::fs::write(&long, vec![b'\n'; CONFIG_MAX_BYTES as usize]).unwrap();
        assert!(Settings::load(Some(&long), &Cli::command()).is_ok());
    }
}
