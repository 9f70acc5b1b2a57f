//! `node tui`: the board is a program of its own, which lies beside this one.

use super::context::Context;
use anyhow::Context as _;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  node tui\n  node tui -- --competition 3fa1")]
pub struct Args {
    /// Arguments for the board.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let beside = std::env::current_exe().ok().map(|exe| exe.with_file_name("tui"));
        let program = beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from("tui"));
        // On success this process becomes the board: a terminal has one owner, and signals reach it directly.
        let error = Command::new(&program).arg("--socket").arg(context.home.socket()).args(self.rest).exec();
        Err(error).with_context(|| {
            format!(
                "cannot start {} (install it beside this program: cargo install --path tui)",
                program.display()
            )
        })
    }
}
