//! The command line. Data goes to standard output, messages to standard error.

mod backend;
mod bench;
mod close;
mod competitions;
mod context;
mod demo;
mod effort;
mod enter;
mod entries;
mod export;
mod host;
mod init;
mod keys;
mod leaderboard;
mod output;
mod peers;
mod progress;
mod prove_chunk;
mod reporter;
mod reveal;
mod run;
mod score;
mod show;
mod stop;
mod submit;
mod times;
mod tui;
mod verify;
mod withdraw;

use clap::{Parser, Subcommand};
use context::{Context, exit_code};
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

Exit codes: 0 done, 1 error, 2 usage, 3 proof invalid, 4 rule or deadline, 5 network, 6 store or socket in use.
Ids may be shortened to a prefix that is unique, of at least 4 digits.";

/// Competitions in which a model's accuracy is proved and its weights stay secret.
#[derive(Parser)]
#[command(version, after_help = AFTER_HELP, max_term_width = 110)]
struct Cli {
    /// Folder of identity, records, files and keys.
    #[arg(long, global = true, env = "PODIUM_DATA_DIR", value_name = "DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,
    /// Socket of the running node [default: podium.sock in the data folder].
    #[arg(long, global = true, env = "PODIUM_SOCKET", value_name = "FILE", hide_env_values = true)]
    socket: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long, global = true)]
    json: bool,
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
    /// List connected peers and those that are kept out; connect, ban or let in.
    Peers(peers::Args),
    /// List, make or fetch proving keys.
    Keys(keys::Args),
    /// Open the board in the terminal.
    Tui(tui::Args),
    /// Measure setup, proving and verification.
    Bench(bench::Args),
    /// Three nodes on this machine: host, submit, verify and compare boards.
    Demo(demo::Args),
    /// Stop the running node.
    Stop(stop::Args),
}

/// Parses the command line, runs the command and tells how it went.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = exit_code(&error);
            output::message(&format!("error: {error:#}"));
            ExitCode::from(code)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let context = Context::new(cli.data_dir, cli.socket, cli.json)?;
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
        Command::Peers(args) => args.run(&context),
        Command::Keys(args) => args.run(&context),
        Command::Tui(args) => args.run(&context),
        Command::Bench(args) => args.run(&context),
        Command::Demo(args) => args.run(&context),
        Command::Stop(args) => args.run(&context),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_that_takes_arguments_shows_an_example() {
        for command in Cli::command().get_subcommands() {
            let plain = ["init", "stop", "help"].contains(&command.get_name());
            let example = command.get_after_help().is_some_and(|help| help.to_string().contains("node "));
            assert!(plain || example, "{}", command.get_name());
        }
    }
}
