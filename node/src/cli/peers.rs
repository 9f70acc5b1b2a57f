//! `node peers`

use super::context::Context;
use super::output::{self, Align};
use super::printed::PeerList;
use super::times::span;
use crate::client::{Client, unexpected};
use api::{Ban, Body, Command, Hello, Peer};
use clap::Subcommand;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  node peers
  node peers address                               what others give to --bootstrap
  node peers connect /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW...
  node peers ban 12D3KooW... --for 7d --reason \"floods\"
  node peers unban 12D3KooW...";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Print this node's own addresses, one a line: what others dial.
    Address,
    /// Dial a peer now.
    Connect {
        /// Its address, best with /p2p/... at the end.
        #[arg(value_name = "MULTIADDR")]
        address: String,
    },
    /// Keep a peer out, and hang up.
    Ban {
        /// Its id.
        #[arg(value_name = "PEER")]
        peer: String,
        /// How long: 30m, 12h, 7d, at most 366d.
        #[arg(long = "for", value_name = "TIME", default_value = "1d", value_parser = length)]
        length: Duration,
        /// Why, for those who look later.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Let a peer in again.
    Unban {
        /// Its id.
        #[arg(value_name = "PEER")]
        peer: String,
    },
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let mut client = Client::connect(&context.home.socket())?;
        let (command, done) = match self.action {
            None => return list(&mut client, context),
            Some(Action::Address) => return address(&mut client, context),
            Some(Action::Connect { address }) => (Command::ConnectPeer { address }, "connected"),
            Some(Action::Ban { peer, length, reason }) => {
                let seconds = length.as_secs();
                (Command::BanPeer { peer_id: peer, reason, seconds }, "kept out")
            }
            Some(Action::Unban { peer }) => (Command::UnbanPeer { peer_id: peer }, "let in again"),
        };
        match client.ask(command)? {
            Body::Done => output::message(done),
            other => return Err(unexpected("a command about a peer", &other).into()),
        }
        Ok(())
    }
}

fn length(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected a time such as 30m, 12h or 7d, got {text:?}");
    span(text).map(Duration::from_secs).ok_or_else(expected)
}

fn address(client: &mut Client, context: &Context) -> anyhow::Result<()> {
    let Hello { listen, .. } = match client.ask(Command::Hello)? {
        Body::Hello(hello) => hello,
        other => return Err(unexpected("hello", &other).into()),
    };
    match context.json {
        true => output::json(&listen),
        false => output::data(&listen.join("\n")),
    }
}

fn list(client: &mut Client, context: &Context) -> anyhow::Result<()> {
    let (peers, banned) = match client.ask(Command::Peers)? {
        Body::Peers { peers, banned } => (peers, banned),
        other => return Err(unexpected("peers", &other).into()),
    };
    if context.json {
        return output::json(&PeerList { peers, banned });
    }
    if peers.is_empty() {
        output::message("no peers are connected: start others on this network, or use --bootstrap");
    } else {
        output::data(&peer_table(peers))?;
    }
    if !banned.is_empty() {
        output::message("\nkept out:");
        output::data(&ban_table(banned))?;
    }
    Ok(())
}

fn peer_table(peers: Vec<Peer>) -> String {
    let header = [
        ("peer", Align::Left),
        ("address", Align::Left),
        ("by", Align::Left),
        ("software", Align::Left),
        ("latency", Align::Right),
        ("records", Align::Right),
        ("same", Align::Left),
        ("in", Align::Right),
        ("out", Align::Right),
        ("clock", Align::Right),
        ("refused", Align::Right),
        ("score", Align::Right),
        ("last refusal", Align::Left),
    ];
    let row = |peer: Peer| {
        vec![
            peer.peer_id,
            peer.address,
            match (peer.relayed, peer.dialled) {
                (true, _) => "relay",
                (false, true) => "us",
                (false, false) => "them",
            }
            .to_owned(),
            peer.agent,
            peer.latency_us.map_or_else(|| "?".into(), |us| format!("{:.1} ms", us as f64 / 1e3)),
            peer.records.to_string(),
            peer.same.map_or("?", |same| if same { "yes" } else { "no" }).to_owned(),
            output::bytes(peer.bytes_in),
            output::bytes(peer.bytes_out),
            peer.clock_offset_s.map_or_else(|| "?".into(), |offset| format!("{offset:+} s")),
            peer.refused.to_string(),
            format!("{:.1}", peer.score),
            peer.last_refusal.unwrap_or_default(),
        ]
    };
    output::table(&header, &peers.into_iter().map(row).collect::<Vec<_>>())
}

fn ban_table(banned: Vec<Ban>) -> String {
    let header = [("peer", Align::Left), ("until", Align::Left), ("reason", Align::Left)];
    let row = |ban: Ban| vec![ban.peer_id, output::when(ban.until), ban.reason];
    output::table(&header, &banned.into_iter().map(row).collect::<Vec<_>>())
}
