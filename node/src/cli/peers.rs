//! `node peers`

use super::context::Context;
use super::output::{self, Align};
use crate::client::{Client, unexpected};
use api::{Body, Command};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  node peers\n  node peers --json")]
pub struct Args {}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let peers = match Client::connect(&context.home.socket())?.ask(Command::Peers)? {
            Body::Peers { peers, .. } => peers,
            other => return Err(unexpected("peers", &other).into()),
        };
        if context.json {
            return output::json(&peers);
        }
        if peers.is_empty() {
            output::message("no peers are connected: start others on this network, or use --bootstrap");
            return Ok(());
        }
        let header = [
            ("peer", Align::Left),
            ("address", Align::Left),
            ("software", Align::Left),
            ("records", Align::Right),
            ("refused", Align::Right),
            ("score", Align::Right),
        ];
        let rows: Vec<Vec<String>> = peers
            .into_iter()
            .map(|p| {
                let numbers = [p.records.to_string(), p.refused.to_string(), format!("{:.1}", p.score)];
                [p.peer_id, p.address, p.agent].into_iter().chain(numbers).collect()
            })
            .collect();
        output::data(&output::table(&header, &rows))
    }
}
