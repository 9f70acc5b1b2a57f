//! `node completions`

use super::output;
use clap::Command;
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  node completions bash > ~/.local/share/bash-completion/completions/node
  node completions zsh > ~/.zfunc/_node
  node completions fish > ~/.config/fish/completions/node.fish
  node completions powershell >> $PROFILE

For the program under its other name: node completions --name podium bash";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// For which shell.
    shell: Shell,
    /// Name under which the program is called.
    #[arg(long, default_value = "node", value_parser = ["node", "podium"])]
    name: String,
}

impl Args {
    pub fn run(self, command: &Command) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command.clone(), self.name, &mut script);
        output::data(String::from_utf8_lossy(&script).trim_end())
    }
}
