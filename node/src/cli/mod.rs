//! The command line. Data goes to standard output, messages to standard error.

mod ask;
mod backend;
mod bench;
mod blobs;
mod called;
mod chain;
mod close;
mod competitions;
mod completions;
mod config;
mod context;
mod demo;
mod detach;
mod doctor;
mod effort;
mod enter;
mod entries;
mod export;
mod fetching;
mod held;
mod host;
mod init;
mod interrupt;
mod keys;
mod leaderboard;
mod man;
mod nodes;
mod outbox;
mod output;
mod peers;
mod printed;
mod progress;
mod prove_chunk;
mod reporter;
mod reveal;
mod run;
mod schema;
mod score;
mod settings;
mod show;
mod status;
mod stop;
mod store;
mod submit;
mod times;
mod tui;
mod verify;
mod version;
mod withdraw;

use crate::home::Home;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use context::{Context, exit_code};
use settings::{ConfigError, Settings};
use std::path::PathBuf;
use std::process::ExitCode;

const AFTER_HELP: &str = "\
Examples:
  node init                                        set up a data folder
  node run                                         run the node (leave it running)
  node host --title Digits --test digits.csv --label digit --deadline +7d
  node competitions                                what there is
  node enter --competition 3fa1 --model model.onnx --name Ada
  node submit --competition 3fa1                   when the host has revealed the test set
  node leaderboard 3fa1                            who leads
  node demo                                        all of it in two minutes, on this machine alone

Exit codes: 0 done, 1 error, 2 usage, 3 proof invalid, 4 rule or deadline, 5 network, 6 store or socket in use,
130 interrupted. Results go to standard output, everything else to standard error.
Ids may be shortened to a prefix that is unique, of at least 4 digits.";

/// Competitions in which a model's accuracy is proved and its weights stay secret.
#[derive(Parser)]
#[command(version = version::SHORT, long_version = version::long(), after_help = AFTER_HELP, max_term_width = 110)]
struct Cli {
    /// Folder of identity, records, files and keys.
    #[arg(long, global = true, env = "PODIUM_DATA_DIR", value_name = "DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,
    /// Socket of the running node [default: podium.sock in the data folder].
    #[arg(long, global = true, env = "PODIUM_SOCKET", value_name = "FILE", hide_env_values = true)]
    socket: Option<PathBuf>,
    /// Configuration file [default: config.toml in the user's configuration folder].
    #[arg(long, global = true, env = "PODIUM_CONFIG", value_name = "FILE", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Print JSON instead of a table: `node schema` describes it.
    #[arg(long, global = true)]
    json: bool,
    /// Say nothing but results and errors.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Do what cannot be taken back without asking.
    #[arg(long, short, global = true)]
    yes: bool,
    /// Ask nothing: fail where something would have to be asked.
    #[arg(long, global = true)]
    no_input: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set up a data folder with a new identity.
    Init(init::Args),
    /// Run the node.
    Run(run::Args),
    /// Host a competition on a labelled test set, sealed until the models are fixed.
    Host(host::Args),
    /// Publish the test set of an own sealed competition, and the roster.
    Reveal(reveal::Args),
    /// Say which submissions to an own competition were in time.
    Close(close::Args),
    /// List the competitions that are known here.
    Competitions(competitions::Args),
    /// List a competition's entries.
    Entries(entries::Args),
    /// Show a competition, an entry or another record.
    Show(show::Args),
    /// Fix a model in a sealed competition, without showing it.
    Enter(enter::Args),
    /// Take an own entry back before the reveal.
    Withdraw(withdraw::Args),
    /// Score a model without proving anything.
    Score(score::Args),
    /// Prove what a model scores, and submit the proof.
    Submit(submit::Args),
    /// Prove some chunks of a submission: one task of an array job.
    ProveChunk(prove_chunk::Args),
    /// Write a competition with all that verifying it takes into one file.
    Export(export::Args),
    /// Check a bundle, or a submission's proofs again, offline.
    Verify(verify::Args),
    /// Show a competition's leaderboard.
    Leaderboard(leaderboard::Args),
    /// List own records, and how many peers hold each.
    Outbox(outbox::Args),
    /// Prizes that a contract on an EVM chain pays by proof: post, enter, prove, claim.
    Chain(chain::Args),
    /// List connected peers and those that are kept out; connect, ban or let in.
    Peers(peers::Args),
    /// List, make or fetch proving keys.
    Keys(keys::Args),
    /// List, fetch or tidy the files that competitions name.
    Blobs(blobs::Args),
    /// Open the board in the terminal.
    Tui(tui::Args),
    /// Measure setup, proving and verification.
    Bench(bench::Args),
    /// Three nodes on this machine: host, submit, verify and compare boards.
    Demo(demo::Args),
    /// Show the settings and where their values come from, or print a configuration file to fill in.
    Config(config::Args),
    /// Say how the running node is, and what needs attention.
    Status(status::Args),
    /// Look for what keeps a node from working, and say what to do about it.
    Doctor(doctor::Args),
    /// Print the JSON Schemas of what --json prints.
    Schema(schema::Args),
    /// Print the completions of a shell.
    Completions(completions::Args),
    /// Write manual pages.
    Man(man::Args),
    /// Check, export, import or compact the record store.
    Store(store::Args),
    /// Stop the running node.
    Stop(stop::Args),
}

impl Command {
    /// Whether signals have no other meaning for it.
    fn ends_by_itself(&self) -> bool {
        !matches!(self, Self::Run(_) | Self::Tui(_))
    }

    /// Whether it does its work without the configuration file.
    fn bears_bad_settings(&self) -> bool {
        match self {
            Self::Doctor(_) => true,
            Self::Config(args) => args.is_template(),
            _ => false,
        }
    }
}

/// Parses the command line, runs the command and tells how it went.
pub fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = exit_code(&error);
            output::error(&format!("error: {}", context::told(&error)));
            ExitCode::from(code)
        }
    }
}

fn start() -> anyhow::Result<()> {
    // Twice: the first time to learn where the configuration file is, whose values are defaults the second time.
    let command = called::as_called(Cli::command());
    let settings = Settings::load(config::named(&command.clone().get_matches()), &command);
    let matches = match &settings {
        Ok(settings) => settings.fill(command.clone()).get_matches(),
        Err(_) => command.clone().get_matches(),
    };
    let cli = Cli::from_arg_matches(&matches)?;
    run(cli, settings, &command, &matches)
}

fn run(
    cli: Cli,
    settings: Result<Settings, ConfigError>,
    command: &clap::Command,
    matches: &ArgMatches,
) -> anyhow::Result<()> {
    let (settings, error) = match settings {
        Ok(settings) => (settings, None),
        // Whoever asks what is wrong, or for a file that is right, gets an answer all the same.
        Err(error) if cli.command.bears_bad_settings() => (Settings::default(), Some(error)),
        Err(error) => return Err(error.into()),
    };
    output::be_quiet(cli.quiet);
    output::fit_the_terminal();
    if cli.command.ends_by_itself() {
        interrupt::catch()?;
    }
    let home = Home::new(cli.data_dir, cli.socket)?;
    let context = Context { home, json: cli.json, yes: cli.yes, no_input: cli.no_input, settings };
    match cli.command {
        Command::Init(args) => args.run(&context),
        Command::Run(args) => args.run(&context),
        Command::Host(args) => args.run(&context),
        Command::Reveal(args) => args.run(&context),
        Command::Close(args) => args.run(&context),
        Command::Entries(args) => args.run(&context),
        Command::Enter(args) => args.run(&context),
        Command::Withdraw(args) => args.run(&context),
        Command::Export(args) => args.run(&context),
        Command::Competitions(args) => args.run(&context),
        Command::Show(args) => args.run(&context),
        Command::Score(args) => args.run(&context),
        Command::Submit(args) => args.run(&context),
        Command::ProveChunk(args) => args.run(&context),
        Command::Verify(args) => args.run(&context),
        Command::Leaderboard(args) => args.run(&context),
        Command::Chain(args) => args.run(&context),
        Command::Peers(args) => args.run(&context),
        Command::Keys(args) => args.run(&context),
        Command::Blobs(args) => args.run(&context),
        Command::Tui(args) => args.run(&context),
        Command::Bench(args) => args.run(&context),
        Command::Demo(args) => args.run(&context),
        Command::Config(args) => args.run(&context, command, matches),
        Command::Status(args) => args.run(&context),
        Command::Doctor(args) => args.run(&context, error.as_ref().map_or(Ok(()), Err), command),
        Command::Schema(args) => args.run(),
        Command::Completions(args) => args.run(command),
        Command::Man(args) => args.run(command),
        Command::Outbox(args) => args.run(&context),
        Command::Store(args) => args.run(&context),
        Command::Stop(args) => args.run(&context),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Cli::command().get_subcommands() {
            let example = format!("node {}", command.get_name());
            let shown = command.get_after_help().is_some_and(|help| help.to_string().contains(&example));
            assert!(shown, "{example}");
        }
    }

    #[test]
    fn help_changes_only_on_purpose() {
        let mut text = String::new();
        let mut command = Cli::command().version("VERSION").long_version("VERSION").term_width(110);
        command.build();
        let whole = command.render_long_help();
        text.push_str(&format!("{whole}\n"));
        for command in command.get_subcommands_mut().filter(|command| command.get_name() != "help") {
            let help = command.render_long_help();
            text.push_str(&format!("=== {}\n{help}\n", command.get_name()));
        }
        insta::assert_snapshot!(text);
    }

    /// The command lines in a file: after a prompt, in a unit, or as a list in JSON.
    fn command_lines(text: &str) -> Vec<Vec<String>> {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mut found = Vec::new();
        for line in text.replace("\\\n", " ").lines().map(str::trim) {
            let prompt = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# "));
            let prompt = prompt.map(|line| line.split(['>', '#']).next().unwrap_or_default());
            let unit = line.strip_prefix("ExecStart=/usr/local/bin/");
            if let Some(line) = prompt.or(unit).filter(|line| line.starts_with("podium ")) {
                found.push(words(line));
            }
            let spans = line
                .split('`')
                .skip(1)
                .step_by(2)
                .filter(|span| span.starts_with("podium ") || span.starts_with("node "));
            found.extend(spans.map(words));
            if let Some(at) = line.find("CMD [").or_else(|| line.find("ENTRYPOINT [")) {
                let list = line[at..].split_once(' ').unwrap().1;
                let mut list: Vec<String> = serde_json::from_str(list).unwrap();
                if list[0] != "podium" {
                    list.insert(0, "podium".into());
                }
                found.push(list);
            }
        }
        found
    }

    #[test]
    fn what_the_readme_says_to_type_exists() {
        let lines = command_lines(include_str!("../../../README.md"));
        // What stands in brackets may be left out; what is cut or filled in by a shell is not known here.
        let is_whole =
            |word: &String| !word.contains(['[', '$']) && !word.ends_with("...") && word != "--help";
        let literal = |line: &&Vec<String>| line.len() > 1 && line.iter().all(is_whole);
        let lines: Vec<_> = lines.iter().filter(literal).collect();
        for line in &lines {
            let parsed = Cli::command().try_get_matches_from(*line);
            assert!(parsed.is_ok(), "{line:?}: {}", parsed.unwrap_err());
        }
        assert!(lines.len() > 25, "{}", lines.len());
    }

    #[test]
    fn what_the_deployment_files_run_and_set_exists() {
        let files = [
            include_str!("../../deploy/README.md"),
            include_str!("../../deploy/metrics.md"),
            include_str!("../../deploy/podium.service"),
            include_str!("../../deploy/Dockerfile"),
            include_str!("../../deploy/prometheus.yml"),
        ];
        let command = Cli::command();
        let mut args: Vec<&clap::Arg> = command.get_arguments().collect();
        args.extend(command.get_subcommands().flat_map(clap::Command::get_arguments));
        let (mut lines, mut options, mut variables) = (0, 0, 0);
        for text in files {
            for line in command_lines(text).into_iter().filter(|line| line.len() > 1) {
                let parsed = Cli::command().try_get_matches_from(&line);
                assert!(parsed.is_ok(), "{line:?}: {}", parsed.unwrap_err());
                lines += 1;
            }
            for span in text.split('`').skip(1).step_by(2).filter(|span| span.starts_with("--")) {
                let name = span[2..].split([' ', '=']).next().unwrap();
                assert!(args.iter().any(|arg| arg.get_long() == Some(name)), "{span}");
                options += 1;
            }
            for name in
                text.split(|c: char| !c.is_ascii_uppercase() && c != '_').filter(|n| n.starts_with("PODIUM_"))
            {
                assert!(args.iter().any(|arg| arg.get_env().is_some_and(|env| env == name)), "{name}");
                variables += 1;
            }
        }
        assert!(lines >= 9 && options >= 4 && variables >= 7, "{lines} {options} {variables}");
        assert!(Cli::command().try_get_matches_from(["podium", "run", "--metric", "x"]).is_err());
    }
}
