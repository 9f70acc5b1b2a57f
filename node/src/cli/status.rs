//! `node status`

use super::context::Context;
use super::output;
use super::times::span_text;
use crate::client::{Client, ClientError, unexpected};
use crate::ledger::now;
use api::{Body, Command, Health, Reachability};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  node status
  node status --strict --json
  HEALTHCHECK CMD [\"podium\", \"status\"]              in a Dockerfile

Exit codes: 0 the node answers, 1 it does not, or --strict and something needs attention.";

/// A healthy node answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Fail if anything needs attention.
    #[arg(long)]
    strict: bool,
}

/// Something needs attention, and it was asked that this counts as a failure.
#[derive(Debug, thiserror::Error)]
#[error("expected a node that needs no attention, got {}", output::count(*warnings as u64, "warning", "warnings"))]
struct Attention {
    warnings: usize,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        // A supervisor knows 0 and 1: whatever keeps the node from answering is its failure.
        let health = health(context).map_err(|error| anyhow::anyhow!("{error}"))?;
        if context.json {
            output::json(&health)?;
        } else {
            output::data(&table(&health, &listening(context)?, now()))?;
            for warning in &health.warnings {
                output::message(&format!("warning: {warning}"));
            }
        }
        match health.warnings.len() {
            warnings if warnings > 0 && self.strict => Err(Attention { warnings }.into()),
            _ => Ok(()),
        }
    }
}

/// What the running node says of itself.
pub fn health(context: &Context) -> Result<Health, ClientError> {
    match Client::connect_within(&context.home.socket(), PATIENCE)?.ask(Command::Health)? {
        Body::Health(health) => Ok(*health),
        other => Err(unexpected("health", &other)),
    }
}

/// Where others reach it, if they reach this machine.
fn listening(context: &Context) -> Result<Vec<String>, ClientError> {
    match Client::connect_within(&context.home.socket(), PATIENCE)?.ask(Command::Hello)? {
        Body::Hello(hello) => Ok(hello.listen),
        other => Err(unexpected("hello", &other)),
    }
}

fn table(health: &Health, listening: &[String], now: u64) -> String {
    let reach = match health.reachability {
        Reachability::Unknown => "not known yet",
        Reachability::Public => "yes",
        Reachability::Private => "no",
    };
    let clock = match health.clock_offset_s {
        Some(offset) => format!("peers' clocks less this one: {offset} s"),
        None => "nobody to compare with".to_owned(),
    };
    let lines = [
        ("running since", output::when(health.started)),
        (
            "records",
            format!("{} of {} competitions, {} pending", health.records, health.competitions, health.pending),
        ),
        ("fingerprint", health.fingerprint.chars().take(12).collect()),
        ("proof checks", format!("{} wait, {} batches run", health.checks_waiting, health.checks_running)),
        ("outbox", format!("{} records wait for a peer", health.outbox)),
        ("peers", format!("{} connected, {} kept out", health.peers, health.banned)),
        ("dialled by strangers", reach.to_owned()),
        (
            "blobs",
            format!(
                "{} of at most {}, {} on their way",
                output::bytes(health.blobs_bytes),
                output::bytes(health.blobs_quota_bytes),
                health.fetches
            ),
        ),
        ("store", output::bytes(health.store_bytes)),
        ("disk", format!("{} free", output::bytes(health.disk_free_bytes))),
        ("memory", output::bytes(health.memory_bytes)),
        ("clock", clock),
        ("up for", span_text(now.saturating_sub(health.started))),
    ];
    let listening = listening.iter().map(|address| ("listens at", address.clone()));
    let external = health.external.iter().map(|address| ("reached at", address.clone()));
    let line = |(name, value): (&str, String)| format!("{name:<20}  {value}");
    lines.into_iter().chain(listening).chain(external).map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_changes_only_on_purpose() {
        let health = Health {
            started: 1_900_000_000,
            records: 412,
            competitions: 3,
            fingerprint: "83244f565003aa".into(),
            pending: 2,
            peers: 5,
            reachability: Reachability::Public,
            external: vec!["/ip4/192.0.2.7/tcp/4001/p2p/12D3KooW".into()],
            blobs_bytes: 123_456_789,
            blobs_quota_bytes: 34_359_738_368,
            clock_offset_s: Some(-2),
            ..Health::default()
        };
        let listening = ["/ip4/192.0.2.7/tcp/4001/p2p/12D3KooW".to_owned()];
        insta::assert_snapshot!(table(&health, &listening, 1_900_000_100));
    }
}
