//! `node man`

use super::output;
use anyhow::Context as _;
use clap::Command;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  node man --out ~/.local/share/man/man1
  man node-submit";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Folder for the pages, one a command.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Args {
    pub fn run(self, command: &Command) -> anyhow::Result<()> {
        let dir = &self.out;
        std::fs::create_dir_all(dir)
            .and_then(|()| clap_mangen::generate_to(command.clone(), dir))
            .with_context(|| format!("writing manual pages to {}", dir.display()))?;
        output::data(&dir.display().to_string())
    }
}
