//! A chain for the demonstration: a process of anvil on loopback.

use crate::chain::endpoint::Endpoint;
use crate::chain::rpc::Rpc;
use crate::cli::context::CliError;
use alloy_primitives::{Address, U256};
use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// It may not take longer to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// The id that development chains have.
pub const CHAIN: u64 = 31_337;

/// A running chain. It ends with this process.
pub struct Anvil {
    process: Child,
    /// Where it listens.
    pub url: String,
    /// A connection to it.
    pub rpc: Rpc,
}

impl Anvil {
    /// Starts it.
    pub fn start() -> anyhow::Result<Self> {
        let path = std::env::var_os("PODIUM_ANVIL").map_or_else(|| PathBuf::from("anvil"), PathBuf::from);
        let mut process = Command::new(&path)
            .args(["--host", "127.0.0.1", "--port", "0", "--chain-id", &CHAIN.to_string()])
            .args(["--hardfork", "osaka", "--enable-tx-gas-limit", "--gas-limit", "60000000"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // npm's program starts the one that is the chain: both go together.
            .process_group(0)
            .spawn()
            .map_err(|error| CliError::Refused {
                reason: format!(
                    "expected anvil, a chain for one's own machine, as PODIUM_ANVIL or on the PATH, got {}: {error}. \
                     Get it with: npm install --no-save @foundry-rs/anvil@1.7.1 && \
                     export PODIUM_ANVIL=$PWD/node_modules/.bin/anvil",
                    path.display()
                ),
            })?;
        let stdout = process.stdout.take().context("anvil has no output")?;
        let (sender, receiver) = sync_channel(1);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(place) = line.trim().strip_prefix("Listening on ") {
                    let _ = sender.send(place.to_owned()); // nobody waits any more
                }
            }
        });
        let place = receiver.recv_timeout(PATIENCE);
        let mut guard = Guard(Some(process));
        let place = place.map_err(|_| CliError::TimedOut {
            what: "the start of anvil".to_owned(),
            seconds: PATIENCE.as_secs(),
        })?;
        let url = format!("http://{place}");
        let rpc = Rpc::new(Endpoint::parse(&url)?)?;
        let process = guard.0.take().context("anvil has ended")?;
        Ok(Self { process, url, rpc })
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

/// Ends what was not started well.
struct Guard(Option<Child>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(process) = &mut self.0 {
            end(process);
        }
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn end(process: &mut Child) {
    // They are gone already if this fails.
    if let Some(group) = i32::try_from(process.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = process.wait();
}
