//! `node doctor`: everything that commonly keeps a node from working, with or without a running one.
//!
//! ```text
//! mod     what a finding is, and how findings are printed
//! files   configuration, data folder, disk, keys, store
//! net     ports, clock, peers
//! ```

mod files;
mod net;
#[cfg(test)]
mod tests;

use super::context::Context;
use super::output;
use super::settings::{ConfigError, Settings};
use crate::client::{Client, ClientError, unexpected};
use api::{Body, Command as Ask, Health, Hello};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  node doctor
  node doctor --offline                            dial nobody
  node doctor --json

Checks the configuration file, the data folder and its modes, disk, identity, proving keys, store, the node if one
runs, ports, clock and bootstrap peers. Exit codes: 0 no problem was found, 1 one was.";

/// A healthy node answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Dial nobody: leave the bootstrap peers out.
    #[arg(long)]
    offline: bool,
}

/// How good or bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Ok,
    Warning,
    Problem,
}

/// What a check has found.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    check: &'static str,
    level: Level,
    /// What is so.
    message: String,
    /// What to do about it.
    advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, message: message.into(), advice: None }
    }

    fn warning(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Warning, message: message.into(), advice: Some(advice.into()) }
    }

    fn problem(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Problem, message: message.into(), advice: Some(advice.into()) }
    }
}

/// A check has found a problem.
#[derive(Debug, thiserror::Error)]
#[error("expected no problems, got {problems}")]
struct Problems {
    problems: usize,
}

/// What a running node says.
struct Running {
    hello: Hello,
    health: Health,
}

impl Args {
    /// `settings` is what has become of the configuration file.
    pub fn run(
        self,
        context: &Context,
        settings: Result<(), &ConfigError>,
        command: &clap::Command,
    ) -> anyhow::Result<()> {
        let mut findings = vec![files::config(context, settings)];
        let running = running(context);
        findings.extend(files::folder(&context.home));
        findings.push(files::disk(&context.home));
        findings.push(files::identity(&context.home));
        findings.extend(files::keys(&context.home));
        findings.push(node(&running));
        if running.is_err() {
            findings.push(files::store(&context.home));
        }
        let running = running.ok();
        match context.settings.run(command) {
            Ok(run) => findings.extend(net::all(&run, running.as_ref(), self.offline)),
            Err(error) => findings.push(Finding::problem("configuration", error.to_string(), SET_RIGHT)),
        }
        findings.extend(warnings(running.as_ref()));
        print(context, &findings)
    }
}

const SET_RIGHT: &str = "set it right; `node config` shows what counts";

fn print(context: &Context, findings: &[Finding]) -> anyhow::Result<()> {
    if context.json {
        output::json(&findings)?;
    } else {
        let lines = findings.iter().map(|finding| {
            let mark = match finding.level {
                Level::Ok => "ok",
                Level::Warning => "warning",
                Level::Problem => "problem",
            };
            let advice =
                finding.advice.as_ref().map(|advice| format!("\n{:24}-> {advice}", "")).unwrap_or_default();
            format!("{mark:<8} {:<14} {}{advice}", finding.check, finding.message)
        });
        output::data(&lines.collect::<Vec<_>>().join("\n"))?;
    }
    match findings.iter().filter(|finding| finding.level == Level::Problem).count() {
        0 => Ok(()),
        problems => Err(Problems { problems }.into()),
    }
}

fn running(context: &Context) -> Result<Running, ClientError> {
    let mut client = Client::connect_within(&context.home.socket(), PATIENCE)?;
    let hello = match client.ask(Ask::Hello)? {
        Body::Hello(hello) => hello,
        other => return Err(unexpected("hello", &other)),
    };
    match client.ask(Ask::Health)? {
        Body::Health(health) => Ok(Running { hello, health: *health }),
        other => Err(unexpected("health", &other)),
    }
}

fn node(running: &Result<Running, ClientError>) -> Finding {
    match running {
        Ok(Running { hello, health }) => Finding::ok(
            "node",
            format!("runs as {}, with {} records and {} peers", hello.peer_id, health.records, health.peers),
        ),
        Err(error @ ClientError::NotRunning { .. }) => Finding::warning(
            "node",
            error.to_string(),
            "start it with `node run`, unless it is meant to be down",
        ),
        Err(error) => Finding::problem(
            "node",
            error.to_string(),
            "look at its log; end it with SIGTERM and start it again with this version",
        ),
    }
}

/// What the node itself warns of, beside what was checked here.
fn warnings(running: Option<&Running>) -> Vec<Finding> {
    let split = |warning: &String| {
        let (what, advice) = warning.split_once(": ").unwrap_or((warning, "see `node status`"));
        Finding::warning("health", what, advice)
    };
    running.map_or_else(Vec::new, |running| running.health.warnings.iter().map(split).collect())
}

impl Settings {
    /// The settings of `node run` as variables, file and defaults give them.
    fn run(&self, command: &clap::Command) -> Result<super::run::Settings, clap::Error> {
        use clap::FromArgMatches;
        let args = super::settings::of_table(command, "run");
        let filled = args.into_iter().map(|arg| self.fill_arg("run", arg.clone()));
        let matches = clap::Command::new("podium").args(filled).try_get_matches_from(["podium"])?;
        super::run::Settings::from_arg_matches(&matches)
    }
}
