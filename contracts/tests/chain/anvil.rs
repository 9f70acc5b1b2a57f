//! The same tests on a live chain: a process of anvil for each, spoken to over its socket. `PODIUM_ANVIL` is its path.

use crate::evm::{Chain, GENESIS, Receipt};
use contracts::{Address, B256, Bytes, Log, U256};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

static NUMBER: AtomicU64 = AtomicU64::new(0);

pub struct Anvil {
    process: Child,
    socket: PathBuf,
    stream: UnixStream,
    id: u64,
    now: u64,
    calls: u64,
}

impl Anvil {
    /// Starts a chain of its own.
    pub fn new(path: &str, id: u64) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let socket = std::env::temp_dir().join(format!("podium-anvil-{}-{number}.ipc", std::process::id()));
        let process = Command::new(path)
            .args([
                "--port",
                "0",
                "--quiet",
                "--hardfork",
                "osaka",
                "--auto-impersonate",
                "--enable-tx-gas-limit",
            ])
            .args(["--block-base-fee-per-gas", "0", "--gas-price", "0", "--disable-min-priority-fee"])
            .args(["--gas-limit", "60000000", "--chain-id", &id.to_string()])
            .args(["--timestamp", &(GENESIS - 1).to_string()])
            .arg("--ipc")
            .arg(&socket)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let stream = (0..200)
            .find_map(|_| {
                std::thread::sleep(Duration::from_millis(25));
                UnixStream::connect(&socket).ok()
            })
            .expect("anvil did not open its socket within five seconds");
        Self { process, socket, stream, id, now: GENESIS, calls: 0 }
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.calls += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.calls, "method": method, "params": params });
        writeln!(self.stream, "{request}").unwrap();
        let mut answers = serde_json::Deserializer::from_reader(&self.stream).into_iter::<Value>();
        let mut answer = answers.next().expect("anvil closed its socket").unwrap();
        assert_eq!(answer["id"], self.calls);
        match answer.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(answer["result"].take()),
        }
    }

    /// It is mined at once, but not always before it is answered.
    fn receipt(&mut self, hash: &Value) -> Value {
        (0..400)
            .find_map(|_| {
                let receipt = self.ask("eth_getTransactionReceipt", json!([hash])).unwrap();
                if receipt.is_null() {
                    std::thread::sleep(Duration::from_millis(25));
                }
                (!receipt.is_null()).then_some(receipt)
            })
            .expect("the transaction was not mined within ten seconds")
    }

    /// A transaction as its sender signs it.
    fn request(from: Address, to: Option<Address>, value: u128, data: &Bytes, gas: u64) -> Value {
        let (value, gas) = (hex(value), hex(gas.into()));
        let mut out =
            json!({ "from": text(from), "value": value, "input": text(data), "gas": gas, "gasPrice": "0x0" });
        if let Some(to) = to {
            out["to"] = json!(text(to));
        }
        out
    }
}

/// The tests of this program, once more, each on a chain of its own.
#[test]
#[ignore = "needs anvil: PODIUM_ANVIL=$PWD/node_modules/.bin/anvil cargo test -p contracts live_chain -- --ignored"]
fn all_tests_hold_on_a_live_chain() {
    let path = std::env::var("PODIUM_ANVIL").expect("PODIUM_ANVIL has to name the program");
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--test-threads", "2"])
        // Thousands of transactions of no other kind than those of the full sequence; and what revm alone is asked.
        .args(["--skip", "the_balance_is_what_is_owed_and_locked"])
        .env("PODIUM_ANVIL", path)
        .status()
        .unwrap();
    assert!(status.success());
}

fn text(value: impl std::fmt::Display) -> String {
    value.to_string()
}

fn hex(number: u128) -> String {
    format!("{number:#x}")
}

fn parse<T: std::str::FromStr>(value: &Value) -> T {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("unexpected: {value}"))
}

fn log(value: &Value) -> Log {
    let topics: Vec<B256> = value["topics"].as_array().unwrap().iter().map(parse).collect();
    Log::new(parse(&value["address"]), topics, parse(&value["data"])).unwrap()
}

impl Chain for Anvil {
    fn id(&self) -> u64 {
        self.id
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn set_time(&mut self, time: u64) {
        self.now = time;
    }

    fn fund(&mut self, account: Address, amount: u128) {
        let balance = self.balance(account) + U256::from(amount);
        self.ask("anvil_setBalance", json!([text(account), format!("{balance:#x}")])).unwrap();
    }

    fn balance(&mut self, account: Address) -> U256 {
        parse(&self.ask("eth_getBalance", json!([text(account), "latest"])).unwrap())
    }

    fn code(&mut self, account: Address) -> Bytes {
        parse(&self.ask("eth_getCode", json!([text(account), "latest"])).unwrap())
    }

    fn fork(&mut self, id: u64) {
        self.id = id;
        self.ask("anvil_setChainId", json!([id])).unwrap();
    }

    fn set_block_gas_limit(&mut self, limit: u64) {
        self.ask("evm_setBlockGasLimit", json!([hex(limit.into())])).unwrap();
    }

    fn send_with_gas(
        &mut self,
        from: Address,
        to: Option<Address>,
        value: u128,
        data: Bytes,
        gas: u64,
    ) -> Receipt {
        self.ask("evm_setNextBlockTimestamp", json!([self.now])).unwrap();
        let request = Self::request(from, to, value, &data, gas);
        let hash = self.ask("eth_sendTransaction", json!([request])).unwrap();
        let receipt = self.receipt(&hash);
        let gas = parse::<U256>(&receipt["gasUsed"]).to();
        let trace = json!([hash, { "tracer": "callTracer" }]);
        let trace = self.ask("debug_traceTransaction", trace).unwrap();
        let output: Bytes = trace.get("output").map_or_else(Bytes::new, parse);
        if receipt["status"] != "0x1" {
            return Receipt { answer: Err(output), logs: vec![], gas, created: None };
        }
        let logs = receipt["logs"].as_array().unwrap().iter().map(log).collect();
        let created = to.is_none().then(|| parse(&receipt["contractAddress"]));
        Receipt { answer: Ok(output), logs, gas, created }
    }

    fn ask(&mut self, from: Address, to: Address, value: u128, data: Bytes) -> Receipt {
        let request = Self::request(from, Some(to), value, &data, crate::evm::GAS);
        let answer = self.ask("eth_call", json!([request, "latest"]));
        let answer = answer.map(|value| parse(&value)).map_err(|error| match error.get("data") {
            Some(data) => parse(data),
            None => Bytes::new(),
        });
        Receipt { answer, logs: vec![], gas: 0, created: None }
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // npm's program starts the one that is the chain: both go. They are gone already if this fails.
        if let Some(group) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.socket);
    }
}
