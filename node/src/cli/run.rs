//! `node run`

use super::context::{CliError, Context};
use super::{detach, output};
use crate::chain::endpoint::Endpoint;
use crate::chain::watch::Watch;
use crate::client::Client;
use crate::daemon::DaemonConfig;
use crate::net::{self, BlobLimits, NetConfig, RelayLimits};
use crate::{daemon, limits};
use api::{Command, Hello};
use bytesize::ByteSize;
use clap::ValueEnum;
use clap::builder::BoolishValueParser;
use libp2p::Multiaddr;
use serde::Deserialize;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

const EXAMPLES: &str = "\
Examples:
  node run
  node run --detach                                in the background; `node stop` ends it
  node run --listen /ip4/0.0.0.0/tcp/4001 --listen /ip4/0.0.0.0/udp/4001/quic-v1
  node run --no-mdns --bootstrap /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW...
  node run --bootstrap /dns4/podium.example.org/tcp/4001/p2p/12D3KooW...
  node run --relay --listen /ip4/0.0.0.0/tcp/4001 --external /ip4/192.0.2.7/tcp/4001
  node run --relay-through /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW...
  node run --blob-quota 8GiB --upload-limit 20MB/s
  node run --rpc http://127.0.0.1:8545             boards show what the chain says of prizes
  node run --log node=debug --log-format json --metrics 127.0.0.1:9464

With --json one line is printed once the node listens: its peer id, addresses and data folder.
Every option has a variable and a line in the configuration file: `node config --template`. A list in a variable has
commas between its elements. SIGTERM and Ctrl-C end the node in good order, the second one at once.";

/// Kademlia warns that it knows nobody, which on a new node is no news.
const LOG: &str = "warn,libp2p_kad=error,node=info";

/// How long whatever still runs may take after the node has stopped.
const LAST_TASKS: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    watched: Watched,
    /// Go on in the background, and return once the node listens; what it logs goes to node.log in the data folder.
    #[arg(long, conflicts_with = "until_stdin_ends")]
    detach: bool,
    /// Stop when standard input ends: for nodes that another program starts.
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
}

/// The chain whose prizes boards show: keys in the table `chain` of the configuration file.
#[derive(clap::Args)]
struct Watched {
    /// A node of the chain (http:// alone): boards then show what it says of prizes, and where records say otherwise.
    #[arg(long, env = "PODIUM_RPC", hide_env_values = true, value_name = "URL")]
    rpc: Option<String>,
    /// First block in which events of contracts are looked for.
    #[arg(long, env = "PODIUM_FROM_BLOCK", hide_env_values = true, value_name = "N", default_value_t = 0)]
    from_block: u64,
}

/// The settings of a node: options here, keys in the table `run` of the configuration file.
#[derive(clap::Args, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Address to listen on; may be repeated.
    #[arg(long, env = "PODIUM_LISTEN", hide_env_values = true, value_delimiter = ',', value_name = "MULTIADDR",
        default_values = ["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"])]
    pub(super) listen: Vec<Multiaddr>,
    /// Peer to dial, and to dial again when it is lost; may be repeated. Names (/dns4, /dns6, /dnsaddr) are looked up at each dial.
    #[arg(
        long,
        env = "PODIUM_BOOTSTRAP",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "MULTIADDR"
    )]
    pub(super) bootstrap: Vec<Multiaddr>,
    /// Address at which strangers reach this node, if it knows better than they; may be repeated.
    #[arg(
        long,
        env = "PODIUM_EXTERNAL",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "MULTIADDR"
    )]
    external: Vec<Multiaddr>,
    /// Be a relay: carry connections of nodes that nobody can dial, within limits.
    #[arg(long, env = "PODIUM_RELAY", hide_env_values = true, value_parser = BoolishValueParser::new())]
    relay: bool,
    /// Be reached through this relay; may be repeated. Without it, a node that strangers cannot dial takes relays among its peers.
    #[arg(
        long,
        env = "PODIUM_RELAY_THROUGH",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "MULTIADDR"
    )]
    relay_through: Vec<Multiaddr>,
    /// Do not look for peers on the local network.
    #[arg(long, env = "PODIUM_NO_MDNS", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(super) no_mdns: bool,
    /// Disk space for test sets, keys and training data.
    #[arg(long, env = "PODIUM_BLOB_QUOTA", hide_env_values = true, value_name = "SIZE",
        default_value_t = ByteSize(limits::BLOBS_QUOTA_BYTES))]
    blob_quota: ByteSize,
    /// How fast such files are sent to all peers together, for instance 20MB/s [default: as fast as it goes].
    #[arg(long, env = "PODIUM_UPLOAD_LIMIT", hide_env_values = true, value_name = "RATE")]
    upload_limit: Option<Rate>,
    /// What is logged, by part and level, such as node=debug,libp2p=info.
    #[arg(
        long,
        env = "PODIUM_LOG",
        hide_env_values = true,
        value_name = "FILTER",
        default_value = LOG
    )]
    log: String,
    /// How it is logged.
    #[arg(long, env = "PODIUM_LOG_FORMAT", hide_env_values = true, value_enum, value_name = "FORMAT",
        default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// Serve metrics for Prometheus at http://IP:PORT/metrics, a loopback address such as 127.0.0.1:9464.
    #[arg(long, env = "PODIUM_METRICS", hide_env_values = true, value_name = "IP:PORT")]
    pub(super) metrics: Option<SocketAddr>,
    /// Take an address for --metrics at which other machines read them, too: they are not protected.
    #[arg(long, env = "PODIUM_METRICS_PUBLIC", hide_env_values = true, value_parser = BoolishValueParser::new())]
    metrics_public: bool,
}

/// How messages are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Bytes per second, at least 1,024: `20MB/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Rate(u64);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size: ByteSize = text.strip_suffix("/s").unwrap_or(text).parse()?;
        match size.as_u64() {
            0..1024 => Err(format!("expected at least 1KiB/s, got {text}")),
            bytes => Ok(Self(bytes)),
        }
    }
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let settings = self.settings;
        settings.check()?;
        let endpoint = self.watched.rpc.as_deref().map(Endpoint::parse).transpose()?;
        let chain = endpoint.map(|endpoint| Watch::new(endpoint, self.watched.from_block));
        if self.detach {
            return detach::start(context, !settings.bootstrap.is_empty())
                .map(|hello| greet(context, &hello));
        }
        log(&settings.log, settings.log_format)?;
        let config = DaemonConfig { metrics: settings.metrics, net: settings.network(), chain };
        let home = context.home.clone();
        if self.until_stdin_ends {
            stop_when_stdin_ends(home.socket());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let result = runtime.block_on(daemon::run(home, config, |hello| greet(context, hello)));
        // A proof check or a copy that nobody waits for any more must not hold up the end.
        runtime.shutdown_timeout(LAST_TASKS);
        result?;
        output::message("stopped");
        Ok(())
    }
}

/// Says that the node listens.
fn greet(context: &Context, hello: &Hello) {
    output::message(&format!("node {} is running; its data is in {}", hello.peer_id, hello.data_dir));
    if context.json
        && let Ok(line) = serde_json::to_string(hello)
    {
        let _ = output::data(&line); // whoever started the node may not read it
        let _ = std::io::stdout().flush();
    }
}

impl Settings {
    fn network(self) -> NetConfig {
        NetConfig {
            listen: self.listen,
            bootstrap: self.bootstrap,
            mdns: !self.no_mdns,
            external: self.external,
            relay: self.relay.then(RelayLimits::default),
            relay_through: self.relay_through,
            local_probes: false,
            blobs: BlobLimits {
                quota: self.blob_quota.as_u64(),
                upload_rate: self.upload_limit.map_or(limits::UPLOAD_RATE, |rate| rate.0),
            },
        }
    }

    fn check(&self) -> Result<(), CliError> {
        let usage = |reason: String| Err(CliError::Usage { reason });
        for list in [&self.listen, &self.bootstrap, &self.external, &self.relay_through] {
            if list.len() > limits::MAX_ADDRESSES {
                let (most, got) = (limits::MAX_ADDRESSES, list.len());
                return usage(format!("expected at most {most} addresses of one kind, got {got}"));
            }
        }
        if self.listen.is_empty() {
            return usage("expected at least one address to listen on, got none".to_owned());
        }
        if self.relay && !self.relay_through.is_empty() {
            return usage(
                "expected either a relay or a node that is reached through one, got both".to_owned(),
            );
        }
        for address in &self.relay_through {
            if net::target_of(address).is_none() || net::is_relayed(address) {
                return usage(format!(
                    "expected the address of a relay with its id (/p2p/...) at the end, got {address}"
                ));
            }
        }
        match self.metrics {
            Some(address) if !address.ip().is_loopback() && !self.metrics_public => usage(format!(
                "expected a loopback address such as 127.0.0.1:{} for metrics, got {address}: everybody who reaches it \
                 could read them; --metrics-public says that this is meant",
                address.port()
            )),
            _ => Ok(()),
        }
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

fn log(filter: &str, format: LogFormat) -> Result<(), CliError> {
    let filter = EnvFilter::builder().parse(filter).map_err(|error| CliError::Usage {
        reason: format!("expected a log filter such as node=debug,libp2p=info, got {filter:?}: {error}"),
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    // A second logger in one process is refused; the first one stays.
    let _ = match format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.with_target(false).try_init(),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_sizes_per_second() {
        assert_eq!("20MB/s".parse(), Ok(Rate(20_000_000)));
        assert_eq!("1KiB".parse(), Ok(Rate(1024)));
        for wrong in ["", "fast", "1023", "20MB/h", "-1MB/s"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
