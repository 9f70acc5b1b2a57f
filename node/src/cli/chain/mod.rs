//! `node chain`: prizes that a contract on an EVM chain pays by proof.

mod cancel;
mod claim;
mod deploy;
mod enter;
mod finalise;
mod link;
mod post;
pub mod printed;
mod purse;
mod register_key;
mod release;
mod reveal;
mod seek;
mod status;
mod submit;

use super::context::Context;
use crate::limits;
use clap::Subcommand;
use contracts::Address;
use serde::Deserialize;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  node chain post --competition 77b2 --prize 1.5 --key-file host.key     lock a prize for an own sealed competition
  node chain enter --competition 77b2 --model model.onnx --keystore ada.json --password-file pw
  node chain reveal --competition 77b2 --key-file host.key
  node chain submit --competition 77b2 --keystore ada.json --password-file pw
  node chain finalise --competition 77b2 --key-file any.key
  node chain claim --keystore ada.json --password-file pw
  node chain status --competition 77b2

--rpc is a node of the chain, --contract our contract there; both are best set once in the configuration file, like the
account. Before anything is sent the contract's code is compared with ours, and what it costs is shown. Every
transaction is written down before it is sent: after a crash or Ctrl-C the same command goes on and sends nothing
twice; where everything is done already it changes nothing.";

/// Which chain, which contract, which account. Settings of the configuration file's table `chain`.
#[derive(clap::Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// A node of the chain: http:// alone, best on this machine or at the end of a tunnel.
    #[arg(long, global = true, env = "PODIUM_RPC", hide_env_values = true, value_name = "URL")]
    rpc: Option<String>,
    /// The contract of the competitions [default: the one that a competition names, that was deployed from here, or that
    /// has the usual parameters].
    #[arg(long, global = true, env = "PODIUM_CONTRACT", hide_env_values = true, value_name = "ADDRESS")]
    contract: Option<Address>,
    /// The chain's id: a node of another chain is refused [default: that of the node].
    #[arg(long, global = true, env = "PODIUM_CHAIN_ID", hide_env_values = true, value_name = "N")]
    chain_id: Option<u64>,
    /// The account, as a keystore file.
    #[arg(long, global = true, env = "PODIUM_KEYSTORE", hide_env_values = true, value_name = "FILE")]
    keystore: Option<PathBuf>,
    /// File of the keystore's password, of mode 0600, or - for standard input.
    #[arg(long, global = true, env = "PODIUM_PASSWORD_FILE", hide_env_values = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The account, as a file of mode 0600 with its private key in hexadecimal digits.
    #[arg(long, global = true, env = "PODIUM_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Blocks, its own included, that make a transaction count as done.
    #[arg(long, global = true, env = "PODIUM_CONFIRMATIONS", hide_env_values = true, value_name = "N",
          default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=limits::CHAIN_CONFIRMATIONS))]
    confirmations: u64,
    /// Most that a unit of gas may cost, in gwei.
    #[arg(long, global = true, env = "PODIUM_MAX_FEE", hide_env_values = true, value_name = "GWEI",
          default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    max_fee: u64,
    /// First block in which events of the contract are looked for: that of its deployment saves time.
    #[arg(
        long,
        global = true,
        env = "PODIUM_FROM_BLOCK",
        hide_env_values = true,
        value_name = "N",
        default_value_t = 0
    )]
    from_block: u64,
}

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Put the contracts onto a chain that lacks them.
    Deploy(deploy::Args),
    /// Register the key of a size class, once a chain.
    RegisterKey(register_key::Args),
    /// Lock a prize for an own sealed competition.
    Post(post::Args),
    /// Enter a model: commitment, model proof, bond.
    Enter(enter::Args),
    /// Open the seal: store the test set on the chain.
    Reveal(reveal::Args),
    /// Prove what an entered model scores, and send the proofs.
    Submit(submit::Args),
    /// Settle a competition whose time is over.
    Finalise(finalise::Args),
    /// Settle the bonds of own entries.
    Release(release::Args),
    /// Be paid what the contract owes.
    Claim(claim::Args),
    /// Take back an own competition that nobody has entered.
    Cancel(cancel::Args),
    /// Show a competition, its board, and what is owed.
    Status(status::Args),
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let options = &self.options;
        match self.command {
            Command::Deploy(args) => args.run(context, options),
            Command::RegisterKey(args) => args.run(context, options),
            Command::Post(args) => args.run(context, options),
            Command::Enter(args) => args.run(context, options),
            Command::Reveal(args) => args.run(context, options),
            Command::Submit(args) => args.run(context, options),
            Command::Finalise(args) => args.run(context, options),
            Command::Release(args) => args.run(context, options),
            Command::Claim(args) => args.run(context, options),
            Command::Cancel(args) => args.run(context, options),
            Command::Status(args) => args.run(context, options),
        }
    }
}

/// Which competition.
#[derive(clap::Args)]
pub struct Choice {
    /// Id of the competition on the chain or off it, or the start of one.
    #[arg(long, value_name = "ID")]
    competition: String,
}

#[cfg(test)]
mod tests {
    use super::super::Cli;
    use clap::CommandFactory;

    #[test]
    fn help_of_every_command_has_an_example_and_changes_only_on_purpose() {
        let mut cli = Cli::command().version("VERSION").long_version("VERSION").term_width(110);
        cli.build();
        let chain = cli.find_subcommand_mut("chain").unwrap();
        let own: Vec<String> = chain
            .get_arguments()
            .filter(|arg| arg.is_global_set())
            .map(|arg| arg.get_id().to_string())
            .collect();
        let mut text = String::new();
        for command in chain.get_subcommands_mut().filter(|command| command.get_name() != "help") {
            let example = format!("node chain {}", command.get_name());
            assert!(command.get_after_help().unwrap().to_string().contains(&example), "{example}");
            // What all of them have in common is in the help of `chain`.
            *command = command.clone().mut_args(|arg| {
                let common = own.contains(&arg.get_id().to_string());
                arg.hide(common)
            });
            let help = command.render_long_help();
            text.push_str(&format!("=== {}\n{help}\n", command.get_name()));
        }
        insta::assert_snapshot!(text);
    }
}
