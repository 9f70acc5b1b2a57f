//! A chain for the demonstration: a process of anvil on loopback.

use crate::chain::endpoint::Endpoint;
use crate::chain::rpc::Rpc;
use crate::cli::context::CliError;
use alloy_primitives::{Address, U256};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// It may not take longer to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// Runs a program as long as this process holds the pipe, however it ends: interrupted, killed, or well. npm's program
/// starts the one that is the chain, so all of the group goes.
const WATCH: &str =
    "command -v \"$0\" >/dev/null || exit 127; \"$0\" \"$@\" & exec >/dev/null; read -r _; kill -KILL 0";
/// The id that development chains have.
pub const CHAIN: u64 = 31_337;

/// A running chain. It ends with this process.
pub struct Anvil {
    _process: Watched,
    /// Where it listens.
    pub url: String,
    /// A connection to it.
    pub rpc: Rpc,
}

impl Anvil {
    /// Starts it.
    pub fn start() -> anyhow::Result<Self> {
        let path = std::env::var_os("PODIUM_ANVIL").map_or_else(|| PathBuf::from("anvil"), PathBuf::from);
        let mut process = Command::new("sh")
            .args(["-c", WATCH])
            .arg(&path)
            .args(["--host", "127.0.0.1", "--port", "0", "--chain-id", &CHAIN.to_string()])
            .args(["--hardfork", "osaka", "--enable-tx-gas-limit", "--gas-limit", "60000000"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("starting a shell")?;
        let stdout = process.stdout.take().context("anvil has no output")?;
        let (sender, receiver) = sync_channel(1);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(place) = line.trim().strip_prefix("Listening on ") {
                    let _ = sender.send(place.to_owned()); // nobody waits any more
                }
            }
        });
        let process = Watched(process);
        let place = receiver.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                CliError::TimedOut { what: "the start of anvil".to_owned(), seconds: PATIENCE.as_secs() }
            }
            RecvTimeoutError::Disconnected => CliError::Refused {
                reason: format!(
                    "expected anvil, a chain for one's own machine, as PODIUM_ANVIL or on the PATH, got {}, which is \
                     none that runs. Get it with: npm install --no-save @foundry-rs/anvil@1.7.1 && \
                     export PODIUM_ANVIL=$PWD/node_modules/.bin/anvil",
                    path.display()
                ),
            },
        })?;
        let url = format!("http://{place}");
        let rpc = Rpc::new(Endpoint::parse(&url)?)?;
        Ok(Self { _process: process, url, rpc })
    }

    /// Gives an account so much of the coin.
    pub fn fund(&self, account: Address, wei: U256) -> anyhow::Result<()> {
        Ok(self.rpc.ask::<_, Value>("anvil_setBalance", json!([account, wei])).map(drop)?)
    }

    /// Makes a block of this time.
    pub fn set_time(&self, time: u64) -> anyhow::Result<()> {
        self.rpc.ask::<_, Value>("evm_setNextBlockTimestamp", json!([time]))?;
        Ok(self.rpc.ask::<_, Value>("evm_mine", json!([])).map(drop)?)
    }
}

/// A process that ends when its pipe is closed.
struct Watched(Child);

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait(); // it is gone already if this fails
    }
}
