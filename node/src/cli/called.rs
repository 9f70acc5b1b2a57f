//! The program has two names: help, manual pages and advice use the one under which it was called, as `node` alone is
//! Node.js on many machines.

use clap::Command;
use clap::builder::StyledStr;
use std::path::Path;

/// The name in sources.
pub const NODE: &str = "node";
const PODIUM: &str = "podium";

/// The name under which this program was called.
pub fn program() -> &'static str {
    let called = std::env::args_os().next().unwrap_or_default();
    if Path::new(&called).file_name().is_some_and(|name| name == PODIUM) { PODIUM } else { NODE }
}

/// The command line under that name.
pub fn as_called(command: Command) -> Command {
    if program() == NODE { command } else { renamed(command.name(PODIUM)) }
}

fn renamed(command: Command) -> Command {
    let help = |text: Option<&StyledStr>| text.map(|text| in_help(&text.to_string())).unwrap_or_default();
    let (about, after) = (help(command.get_about()), help(command.get_after_help()));
    let renamed_argument = |argument: clap::Arg| {
        let short = argument.get_help().map(|text| in_help(&text.to_string()));
        let long = argument.get_long_help().map(|text| in_help(&text.to_string()));
        let argument = argument.help(short.unwrap_or_default());
        long.map_or(argument.clone(), |long| argument.long_help(long))
    };
    command.about(about).after_help(after).mut_args(renamed_argument).mut_subcommands(renamed)
}

/// A text of help: examples, and commands in quotation marks.
fn in_help(text: &str) -> String {
    let line = |line: &str| match line.trim_start().strip_prefix("node ") {
        Some(rest) => format!("{}{PODIUM} {rest}", &line[..line.len() - line.trim_start().len()]),
        None => line.replace("'node ", "'podium ").replace(": node ", ": podium "),
    };
    in_message(&text.lines().map(line).collect::<Vec<_>>().join("\n"), PODIUM)
}

/// A message: commands stand in backquotes.
pub fn in_message(text: &str, program: &str) -> String {
    text.replace("`node ", &format!("`{program} "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn examples_and_advice_have_the_name_of_the_program_and_nothing_else_has() {
        let text =
            "Examples:\n  node run --log node=debug\n\nThe node stops; see `node stop`, 'node x' or: node y";
        let expected = "Examples:\n  podium run --log node=debug\n\nThe node stops; see `podium stop`, 'podium x' or: podium y";
        assert_eq!(in_help(text), expected);
        assert_eq!(in_message("the node is gone: `node run`", NODE), "the node is gone: `node run`");
    }

    #[test]
    fn under_its_other_name_no_help_speaks_of_node_js() {
        let mut command = renamed(super::super::Cli::command().name(PODIUM));
        command.build();
        let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
        for command in command.get_subcommands_mut() {
            let help = command.render_long_help().to_string();
            assert!(help.contains("podium"), "{help}");
            for name in &names {
                assert!(
                    !help.contains(&format!("  node {name}")) && !help.contains(&format!("`node {name}")),
                    "{help}"
                );
            }
        }
    }
}
