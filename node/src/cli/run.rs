//! `node run`

use super::context::Context;
use super::output;
use crate::client::Client;
use crate::net::{self, NetConfig, RelayLimits};
use crate::{daemon, limits};
use anyhow::ensure;
use api::Command;
use libp2p::Multiaddr;
use std::io::{IsTerminal, Write};
use tracing_subscriber::EnvFilter;

const EXAMPLES: &str = "\
Examples:
  node run
  node run --listen /ip4/0.0.0.0/tcp/4001 --listen /ip4/0.0.0.0/udp/4001/quic-v1
  node run --no-mdns --bootstrap /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW...
  node run --bootstrap /dns4/podium.example.org/tcp/4001/p2p/12D3KooW...
  node run --relay --listen /ip4/0.0.0.0/tcp/4001 --external /ip4/192.0.2.7/tcp/4001
  node run --relay-through /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW...

With --json one line is printed once the node listens: its peer id, addresses and data folder.
PODIUM_LOG chooses what is logged, for instance PODIUM_LOG=node=debug.";

/// Kademlia warns that it knows nobody, which on a new node is no news.
const LOG: &str = "warn,libp2p_kad=error,node=info";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Address to listen on; may be repeated [default: every address, free TCP and QUIC ports].
    #[arg(long, value_name = "MULTIADDR")]
    listen: Vec<Multiaddr>,
    /// Peer to dial, and to dial again when it is lost; may be repeated. Names (/dns4, /dns6, /dnsaddr) are
    /// looked up at each dial.
    #[arg(long, value_name = "MULTIADDR")]
    bootstrap: Vec<Multiaddr>,
    /// Address at which strangers reach this node, if it knows better than they; may be repeated.
    #[arg(long, value_name = "MULTIADDR")]
    external: Vec<Multiaddr>,
    /// Be a relay: carry connections of nodes that nobody can dial, within limits.
    #[arg(long)]
    relay: bool,
    /// Be reached through this relay; may be repeated. Without it, a node that strangers cannot dial takes
    /// relays among its peers.
    #[arg(long, value_name = "MULTIADDR", conflicts_with = "relay")]
    relay_through: Vec<Multiaddr>,
    /// Do not look for peers on the local network.
    #[arg(long)]
    no_mdns: bool,
    /// Stop when standard input ends: for nodes that another program starts.
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
    /// Log as JSON lines.
    #[arg(long)]
    log_json: bool,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        for list in [&self.listen, &self.bootstrap, &self.external, &self.relay_through] {
            ensure!(
                list.len() <= limits::MAX_ADDRESSES,
                "expected at most {} addresses",
                limits::MAX_ADDRESSES
            );
        }
        for address in &self.relay_through {
            let named = net::target_of(address).is_some() && !net::is_relayed(address);
            ensure!(
                named,
                "expected the address of a relay with its id (/p2p/...) at the end, got {address}"
            );
        }
        log(self.log_json);
        let listen = match self.listen.is_empty() {
            true => vec!["/ip4/0.0.0.0/tcp/0".parse()?, "/ip4/0.0.0.0/udp/0/quic-v1".parse()?],
            false => self.listen,
        };
        let config = NetConfig {
            listen,
            bootstrap: self.bootstrap,
            mdns: !self.no_mdns,
            external: self.external,
            relay: self.relay.then(RelayLimits::default),
            relay_through: self.relay_through,
            local_probes: false,
        };
        let (home, json) = (context.home.clone(), context.json);
        if self.until_stdin_ends {
            stop_when_stdin_ends(home.socket());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(daemon::run(home, config, |hello| {
            output::message(&format!("node {} is running; its data is in {}", hello.peer_id, hello.data_dir));
            if json && let Ok(line) = serde_json::to_string(hello) {
                let _ = output::data(&line); // whoever started the node may not read it
                let _ = std::io::stdout().flush();
            }
        }))?;
        output::message("stopped");
        Ok(())
    }
}

fn stop_when_stdin_ends(socket: std::path::PathBuf) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()); // an error is an end too
        // The node may not listen yet, or be stopping already, which ends this thread with the process.
        for _ in 0..50 {
            if Client::connect(&socket).and_then(|mut client| client.ask(Command::Shutdown)).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        output::message("standard input has ended, and the node does not answer");
        std::process::exit(1);
    });
}

fn log(json: bool) {
    let filter = EnvFilter::try_from_env("PODIUM_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    // A second logger in one process is refused; the first one stays.
    let _ = if json { builder.json().try_init() } else { builder.with_target(false).try_init() };
}
