//! `node config`

use super::context::Context;
use super::output::{self, Align};
use super::settings::{self, CONFIG, TABLES};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use schemars::JsonSchema;
use serde::Serialize;
use std::any::TypeId;
use std::fmt::Write as _;

const EXAMPLES: &str = "\
Examples:
  node config                                      every setting, its value, and where the value comes from
  node config --template > ~/.config/podium/config.toml
  PODIUM_LOG_FORMAT=json node config --json

What is given counts in this order: flag, environment variable, configuration file, default.
The file is --config FILE, else PODIUM_CONFIG, else config.toml in the user's configuration folder, if it is there.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Print a configuration file in which every setting is explained and commented out.
    #[arg(long)]
    template: bool,
}

/// A setting and where its value comes from.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Effective {
    /// `table.key`.
    key: String,
    /// None if nothing is given and there is no default.
    value: Option<String>,
    /// All of a list.
    values: Vec<String>,
    /// `flag`, `environment`, `file`, `default` or `unset`.
    source: &'static str,
    /// Which variable, or which line of which file.
    from: Option<String>,
    /// The setting's environment variable.
    environment: String,
}

impl Args {
    /// Whether the configuration file does not matter.
    pub fn is_template(&self) -> bool {
        self.template
    }

    /// `matches` are those of the whole command line.
    pub fn run(self, context: &Context, command: &Command, matches: &ArgMatches) -> anyhow::Result<()> {
        if self.template {
            return output::data(template(command).trim_end());
        }
        let found = effective(context, command, matches)?;
        if context.json {
            return output::json(&found);
        }
        match &context.settings.path {
            Some(path) if path.exists() => {
                output::message(&format!("configuration file: {}", path.display()))
            }
            Some(path) => output::message(&format!("configuration file: none at {}", path.display())),
            None => {}
        }
        let header = [("setting", Align::Left), ("value", Align::Left), ("from", Align::Left)];
        let row = |e: &Effective| {
            let value = if e.value.is_none() { "-".to_owned() } else { e.values.join(", ") };
            let from =
                e.from.as_ref().map_or_else(|| e.source.to_owned(), |from| format!("{} {from}", e.source));
            vec![e.key.clone(), value, from]
        };
        output::data(&output::table(&header, &found.iter().map(row).collect::<Vec<_>>()))
    }
}

fn effective(context: &Context, command: &Command, matches: &ArgMatches) -> anyhow::Result<Vec<Effective>> {
    let mut found = Vec::new();
    for (table, _) in TABLES {
        let args = settings::of_table(command, table);
        // The options of other commands, as if that command had been given none.
        let filled = args.iter().map(|&arg| context.settings.fill_arg(table, arg.clone()));
        let alone = Command::new("podium").args(filled).try_get_matches_from(["podium"])?;
        let matches = if table.is_empty() { matches } else { &alone };
        found.extend(args.iter().map(|arg| of_setting(context, table, arg, matches)));
    }
    Ok(found)
}

fn of_setting(context: &Context, table: &str, arg: &Arg, matches: &ArgMatches) -> Effective {
    let key = arg.get_id().as_str();
    let environment = arg.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let values: Vec<String> = matches
        .get_raw(key)
        .map(|values| values.map(|value| value.to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    let in_file = context.settings.get(table, key);
    let line = || {
        let path = context.settings.path.as_ref()?;
        Some(format!("{}:{}", path.display(), in_file?.line))
    };
    let (source, from) = match matches.value_source(key) {
        Some(ValueSource::CommandLine) => ("flag", Some(format!("--{}", settings::flag(arg)))),
        Some(ValueSource::EnvVariable) => ("environment", Some(environment.clone())),
        _ if in_file.is_some() => ("file", line()),
        _ if values.is_empty() => ("unset", None),
        _ => ("default", None),
    };
    let value = values.first().cloned();
    Effective { key: settings::full_key(table, key), value, values, source, from, environment }
}

/// A file in which every setting is explained and commented out.
pub fn template(command: &Command) -> String {
    let mut text = String::from(
        "# Configuration of Podium. Flags and environment variables count more than this file.\n\
         # What is commented out has the value that is shown, or none. `node config` shows what counts.\n",
    );
    for (table, commands) in TABLES {
        if !table.is_empty() {
            let names: Vec<String> = commands.iter().map(|name| format!("`node {name}`")).collect();
            let _ = write!(text, "\n# Of {}.\n[{table}]\n", names.join(", ")); // a string takes everything
        }
        for arg in settings::of_table(command, table) {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let variable = arg.get_env().unwrap_or_default().to_string_lossy();
            let _ = write!(text, "\n# {help}\n# Expected: {}. Variable: {variable}\n", settings::form(arg));
            let _ = writeln!(text, "#{} ={}", arg.get_id(), default(arg));
        }
    }
    text
}

/// A space and the default in TOML's notation; nothing if there is none.
fn default(arg: &Arg) -> String {
    let quoted =
        |text: &std::ffi::OsStr| toml::Value::String(text.to_string_lossy().into_owned()).to_string();
    let values = arg.get_default_values();
    let is_list = matches!(arg.get_action(), ArgAction::Append);
    let parser = arg.get_value_parser().type_id();
    if is_list {
        format!(" [{}]", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "))
    } else if matches!(arg.get_action(), ArgAction::SetTrue) {
        " false".to_owned()
    } else if let Some(value) = values.first() {
        let plain =
            parser == TypeId::of::<bool>() || parser == TypeId::of::<u16>() || parser == TypeId::of::<u64>();
        format!(" {}", if plain { value.to_string_lossy().into_owned() } else { quoted(value) })
    } else {
        String::new()
    }
}

/// Whether the file was named by a flag or a variable.
pub fn named(matches: &ArgMatches) -> Option<&std::path::Path> {
    matches.get_one::<std::path::PathBuf>(CONFIG).map(std::path::PathBuf::as_path)
}
