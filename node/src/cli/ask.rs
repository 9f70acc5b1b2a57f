//! Questions before what cannot be taken back.

use super::context::{CliError, Context};
use super::output;
use std::io::{BufRead, IsTerminal};

/// Asks whether to go on, unless `--yes` says so.
///
/// # Errors
/// If the answer is no, or nobody can be asked.
pub fn confirm(context: &Context, what: &str) -> anyhow::Result<()> {
    if context.yes {
        return Ok(());
    }
    if context.no_input || !std::io::stdin().is_terminal() {
        return Err(CliError::Unconfirmed { what: what.to_owned() }.into());
    }
    output::prompt(&format!("{what}. Go on? [y/N] "));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CliError::Declined { what: what.to_owned() }.into()),
    }
}
