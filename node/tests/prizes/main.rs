//! `node chain` against an EVM behind JSON-RPC: a prize from the contracts to the payment, and everything that goes wrong
//! between a command and a chain. Real processes, real proofs.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

#[path = "../common/mod.rs"]
mod common;
mod evm;

use alloy_primitives::{Address, U256};
use common::{Node, command, eventually, expect, host_with, json, run, samples};
use evm::{Fault, ID, Server};
use node::limits;
use serde_json::{Value, json as object};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const SEND: &str = "eth_sendRawTransaction";
/// Keys of nobody, and their accounts.
const HOST: (&str, &str) = (
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
);
const ADA: (&str, &str) = (
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
);
type Who = (&'static str, &'static str);

fn address(who: Who) -> Address {
    who.1.parse().unwrap()
}

fn coins(n: u64) -> U256 {
    U256::from(n) * U256::from(10).pow(U256::from(18))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A data folder, and a chain with two accounts.
struct Stage {
    dir: tempfile::TempDir,
    home: PathBuf,
    server: Server,
}

impl Stage {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        samples(dir.path());
        let home = dir.path().join("a");
        expect(0, &run(&home, &["init"]));
        let server = Server::start(now());
        for who in [HOST, ADA] {
            let path = dir.path().join(who.1);
            std::fs::write(&path, who.0).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            server.chain().fund(address(who), coins(10));
        }
        Self { dir, home, server }
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// `node chain` with these words, as somebody.
    fn words(&self, who: Who, arguments: &[&str]) -> Vec<String> {
        let key = self.file(who.1);
        let fixed = ["--rpc", &self.server.url, "--key-file", &key];
        let confirmations: &[&str] =
            if arguments.contains(&"--confirmations") { &[] } else { &["--confirmations", "1"] };
        let all = [&["chain"], arguments, &fixed, confirmations].concat();
        all.into_iter().map(str::to_owned).collect()
    }

    fn run(&self, who: Who, arguments: &[&str]) -> Output {
        let words = self.words(who, &[arguments, &["--yes"]].concat());
        run(&self.home, &words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn json(&self, who: Who, arguments: &[&str]) -> Value {
        let words = self.words(who, &[arguments, &["--yes"]].concat());
        json(&self.home, &words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn said(&self, code: i32, who: Who, arguments: &[&str]) -> String {
        expect(code, &self.run(who, arguments))
    }

    /// The same command twice: the second time it changes nothing.
    fn twice(&self, who: Who, arguments: &[&str]) -> Value {
        let first = self.json(who, arguments);
        assert_eq!(first["already"], false, "{first}");
        let sent = self.sent();
        let second = self.json(who, arguments);
        assert_eq!(second["already"], true, "{second}");
        assert_eq!(self.sent(), sent, "{arguments:?}");
        first
    }

    /// Transactions of the two accounts that are in blocks.
    fn sent(&self) -> u64 {
        let chain = self.server.chain();
        [HOST, ADA].map(|who| chain.transactions(address(who))).iter().sum()
    }

    /// `deploy` is killed when its first transaction is sent; while it waits nobody else sends. The journal's file of it.
    fn killed_while_it_waits(&self) -> PathBuf {
        let words = self.words(HOST, &["deploy", "--yes"]);
        let mut first =
            command(&self.home).args(&words).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let journal = self.home.join("chain").join(format!("{ID}-{}", HOST.1).to_lowercase());
        let written = journal.join("deploy-verifier.json");
        let start = Instant::now();
        while self.server.chain().waiting() == 0 && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(written.exists());
        assert!(self.said(6, HOST, &["deploy"]).contains("another command is sending"));
        first.kill().unwrap();
        first.wait().unwrap();
        written
    }

    fn set_time(&self, time: &Value) {
        self.server.chain().mine(time.as_u64().unwrap());
    }

    /// Contracts, a registered key, and a record: its id.
    fn hosted(&self) -> String {
        let record =
            host_with(&self.home, self.dir.path(), &["--commit-deadline", "+1h", "--deadline", "+3h"]);
        self.json(HOST, &["deploy", "--finality", "300"]);
        let unknown = self.said(4, HOST, &["post", "--competition", &record, "--prize", "5"]);
        assert!(unknown.contains("register-key linear-30-2"), "{unknown}");
        self.json(HOST, &["register-key", "linear-30-2"]);
        record
    }
}

#[test]
fn a_prize_is_posted_won_and_claimed_and_every_step_can_be_repeated() {
    let stage = Stage::new();
    let record = host_with(&stage.home, stage.dir.path(), &["--commit-deadline", "+1h", "--deadline", "+3h"]);
    stage.twice(HOST, &["deploy", "--finality", "300"]);
    stage.twice(HOST, &["register-key", "linear-30-2"]);
    let terms = ["--prize", "5", "--host-bond", "1", "--bond", "0.5", "--reveal-deadline", "+90m"];
    let posted = stage.twice(HOST, &[&["post", "--competition", &record][..], &terms].concat());
    let id = posted["competition"].as_str().unwrap().to_owned();
    let other = stage.said(4, HOST, &["post", "--competition", &record, "--prize", "6"]);
    assert!(other.contains("posted before with other terms"), "{other}");
    let status = |phase: &str| {
        let status = stage.json(ADA, &["status", "--competition", &record]);
        assert_eq!((&status["phase"], &status["differences"]), (&object!(phase), &object!([])), "{status}");
        status
    };
    assert_eq!(status("open")["terms"]["prize"], "5");

    // Somebody who has nothing but the contract's address finds the terms by its events.
    let (stranger, contract) = (stage.dir.path().join("b"), posted["contract"].as_str().unwrap());
    let asked = ["chain", "status", "--competition", &id, "--contract", contract, "--rpc", &stage.server.url];
    let found = json(&stranger, &asked);
    assert_eq!((&found["phase"], &found["record"]), (&object!("open"), &Value::Null));

    let model = stage.file("model.onnx");
    let entered = stage.twice(ADA, &["enter", "--competition", &record, "--model", &model]);
    let opening = entered["opening"].as_str().unwrap();
    assert_eq!(std::fs::metadata(opening).unwrap().permissions().mode() & 0o777, 0o600);
    let early = stage.said(4, HOST, &["reveal", "--competition", &id]);
    assert!(early.contains("wait for another"), "{early}");
    let sealed = stage.said(4, ADA, &["submit", "--competition", &id]);
    assert!(sealed.contains("sealed until"), "{sealed}");
    let entries = stage.said(4, HOST, &["cancel", "--competition", &id]);
    assert!(entries.contains("expected a competition without entries, got 1"), "{entries}");

    stage.set_time(&posted["reveal_from"]);
    stage.twice(HOST, &["reveal", "--competition", &id]);
    assert!(status("revealed")["test_set"].is_string());
    // A lower claim first: a score may be raised.
    assert_eq!(stage.json(ADA, &["submit", "--competition", &id, "--claim", "200"])["correct"], 200);
    let submitted = stage.twice(ADA, &["submit", "--competition", &id]);
    assert_eq!((&submitted["correct"], &submitted["reaches_threshold"]), (&object!(277), &object!(true)));
    let soon = stage.said(4, ADA, &["finalise", "--competition", &id]);
    assert!(soon.contains("wait for another"), "{soon}");

    stage.set_time(&posted["submit_until"]);
    stage.twice(ADA, &["finalise", "--competition", &id]);
    stage.twice(ADA, &["release", "--competition", &id]);
    let owed = status("won");
    assert_eq!(
        (owed["owed"].as_str(), owed["ranking"][0]["account"].as_str()),
        (Some("5.5"), Some(&*ADA.1.to_lowercase()))
    );
    assert_eq!(stage.twice(ADA, &["claim"])["amount"], "5.5");
    assert_eq!(stage.twice(HOST, &["claim"])["amount"], "1");
    let mut chain = stage.server.chain();
    let (host, ada) = (chain.balance(address(HOST)), chain.balance(address(ADA)));
    let gas = coins(1) / U256::from(20);
    assert!(
        host > coins(5) - gas && host < coins(5) && ada > coins(15) - gas && ada < coins(15),
        "{host} {ada}"
    );
}

#[test]
fn a_prize_in_a_token_is_approved_locked_won_and_claimed() {
    let stage = Stage::new();
    let record = stage.hosted();
    let token = stage.server.chain().token(&[HOST, ADA].map(address), coins(1_000)).to_string();
    let terms = ["--prize", "500", "--host-bond", "1", "--bond", "2.5", "--token", &token];
    let posted = stage.twice(HOST, &[&["post", "--competition", &record][..], &terms].concat());
    let what = |done: &Value| -> Vec<String> {
        let all = done["transactions"].as_array().unwrap();
        all.iter().map(|t| t["what"].as_str().unwrap().split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(what(&posted), ["approve", "post"]);
    let id = posted["competition"].as_str().unwrap();
    let status = stage.json(ADA, &["status", "--competition", id]);
    assert_eq!(status["terms"]["prize"], format!("500 of the token {token}"));
    let model = stage.file("model.onnx");
    let entered = stage.twice(ADA, &["enter", "--competition", id, "--model", &model]);
    assert_eq!(what(&entered), ["approve", "enter"]);
    stage.set_time(&posted["reveal_from"]);
    stage.json(HOST, &["reveal", "--competition", id]);
    stage.json(ADA, &["submit", "--competition", id]);
    stage.set_time(&posted["submit_until"]);
    stage.json(ADA, &["finalise", "--competition", id]);
    stage.json(ADA, &["release", "--competition", id]);
    assert!(stage.said(0, ADA, &["claim"]).contains("nothing more is owed"), "no coin");
    let elsewhere = "0x00000000000000000000000000000000000000aa";
    let claimed = stage.twice(ADA, &["claim", "--token", &token, "--to", elsewhere]);
    assert_eq!(claimed["amount"], format!("502.5 of the token {token}"));
    assert_eq!(stage.json(HOST, &["claim", "--token", &token])["amount"], format!("1 of the token {token}"));
    let held = |who: Address| stage.server.chain().tokens(token.parse().unwrap(), who);
    let all = [address(HOST), address(ADA), elsewhere.parse().unwrap()].map(held);
    let half = coins(1) / U256::from(2);
    assert_eq!(all, [coins(500), coins(997) + half, coins(502) + half]);
}

#[test]
fn an_account_may_be_a_keystore_whose_password_comes_by_standard_input() {
    let stage = Stage::new();
    let contract = stage.json(HOST, &["deploy"])["contract"].as_str().unwrap().to_owned();
    // The example of the Web3 Secret Storage definition.
    let keystore = object!({
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": "6087dab2f9fdbbfaddc31a909735c1e6" },
            "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
            "kdf": "pbkdf2",
            "kdfparams": {
                "c": 262_144, "dklen": 32, "prf": "hmac-sha256",
                "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"
            },
            "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3
    });
    let path = stage.file("keystore.json");
    std::fs::write(&path, keystore.to_string()).unwrap();
    let claim = |password: &str| {
        let mut child = command(&stage.home)
            .args(["chain", "claim", "--contract", &contract, "--rpc", &stage.server.url])
            .args(["--keystore", &path, "--password-file", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let said = expect(0, &claim("testpassword\n"));
    assert!(said.contains("nothing more is owed to 0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b"), "{said}");
    let said = expect(1, &claim("wrong"));
    assert!(said.contains("this password does not open it") && !said.contains("wrong"), "{said}");
}

#[test]
fn whatever_happens_between_a_command_and_the_chain_nothing_is_sent_twice() {
    // What goes wrong, whether the command fails at first, and transactions of others' making.
    for (fault, fails, raced) in [
        (Fault::HangUpBefore(SEND), true, 0),
        (Fault::HangUpAfter(SEND), true, 0),
        (Fault::Race(1), false, 1),
    ] {
        let stage = Stage::new();
        stage.server.chain().fault = Some(fault);
        let said = stage.said(if fails { 5 } else { 0 }, HOST, &["deploy"]);
        assert!(
            said.contains(if fails { "does not answer" } else { "took the number 0" }),
            "{fault:?}: {said}"
        );
        stage.server.chain().fault = None;
        let again = stage.said(0, HOST, &["deploy"]);
        assert_eq!(again.contains("taken up"), fails, "{fault:?}: {again}");
        assert_eq!((stage.sent(), stage.server.chain().raced), (2 + raced, raced), "{fault:?}");
    }
}

#[test]
fn whoever_loses_every_race_is_told_in_the_end() {
    let most = limits::CHAIN_NONCE_RETRIES;
    for (races, code) in [(most, 0), (most + 1, 1)] {
        let stage = Stage::new();
        stage.server.chain().fault = Some(Fault::Race(races));
        let said = stage.said(code, HOST, &["deploy"]);
        assert_eq!(said.matches("another transaction of").count(), races as usize, "{said}");
        assert_eq!(stage.server.chain().raced, u64::from(races));
        assert_eq!(stage.said(0, HOST, &["deploy"]).contains("done in block"), code == 1);
    }
}

#[test]
fn gas_that_has_become_dearer_is_asked_about_and_counts_once() {
    let stage = Stage::new();
    stage.server.chain().mines = false;
    let written = stage.killed_while_it_waits();
    {
        let mut chain = stage.server.chain();
        (chain.mines, chain.base_fee) = (true, 9_000_000_000);
    }
    let words = stage.words(HOST, &["deploy", "--no-input"]);
    let said = expect(2, &run(&stage.home, &words.iter().map(String::as_str).collect::<Vec<_>>()));
    assert!(said.contains("more than was agreed to"), "{said}");
    let said = stage.said(0, HOST, &["deploy"]);
    assert!(said.contains("taken up") && said.contains("gas costs 9."), "{said}");
    assert!(!written.exists());
    assert_eq!(stage.sent(), 2);
}

#[test]
fn events_are_found_where_a_node_searches_few_blocks_at_once() {
    let stage = Stage::new();
    let record = stage.hosted();
    let posted = stage.json(HOST, &["post", "--competition", &record, "--prize", "5"]);
    let (id, contract) = (posted["competition"].as_str().unwrap(), posted["contract"].as_str().unwrap());
    {
        let mut chain = stage.server.chain();
        for _ in 0..2 * limits::CHAIN_LOG_SPAN {
            let time = chain.now() + 1;
            chain.mine(time);
        }
        chain.log_span = limits::CHAIN_LOG_SPAN;
    }
    let stranger = stage.dir.path().join("b");
    let asked = ["chain", "status", "--competition", id, "--contract", contract, "--rpc", &stage.server.url];
    stage.server.chain().log_span -= 1;
    assert!(expect(5, &run(&stranger, &asked)).contains("query exceeds max block range"));
    stage.server.chain().log_span += 1;
    assert_eq!(json(&stranger, &asked)["phase"], "open");
}

#[test]
fn a_block_that_is_replaced_brings_the_transaction_back() {
    // Between the receipt and the look at its block, and after two blocks on top of it.
    for seen in [0, 1] {
        let stage = Stage::new();
        {
            let mut chain = stage.server.chain();
            (chain.mines_when_asked, chain.fault) = (true, Some(Fault::Reorganise(seen)));
        }
        let said = stage.said(0, HOST, &["deploy", "--confirmations", "4"]);
        assert!(said.contains("waiting for"), "{said}");
        assert_eq!(said.contains("replaced the block"), seen > 0, "{said}");
        assert_eq!((stage.sent(), stage.server.chain().fault), (2, None));
    }
    let stage = Stage::new();
    let contract = stage.json(HOST, &["deploy"])["contract"].as_str().unwrap().to_owned();
    assert!(stage.said(0, HOST, &["claim", "--contract", &contract]).contains("nothing more is owed"));
}

#[test]
fn a_command_that_is_killed_while_it_waits_is_taken_up_and_two_at_once_are_refused() {
    let stage = Stage::new();
    stage.server.chain().mines = false;
    let written = stage.killed_while_it_waits();
    {
        // The chain's node was restarted, and what waited there is gone or not: both ends well.
        let mut chain = stage.server.chain();
        chain.mines = true;
        let time = chain.now() + 1;
        chain.mine(time);
    }
    assert!(stage.said(0, HOST, &["deploy"]).contains("taken up"));
    assert_eq!(stage.sent(), 2);
    assert!(!written.exists());
}

#[test]
fn boards_show_what_the_chain_says_of_a_prize_and_where_the_record_differs() {
    let stage = Stage::new();
    stage.hosted();
    let node = Node::start_with(command(&stage.home), &stage.home, &[]);
    let draft = ["--draft", "--commit-deadline", "+1h", "--deadline", "+3h"];
    let draft = host_with(&stage.home, stage.dir.path(), &draft);
    let posted = stage.json(HOST, &["post", "--competition", &draft, "--prize", "5", "--threshold", "99"]);
    let record = posted["record"].as_str().unwrap().to_owned();
    let prize = |node: &Node| node.json(&["show", &record])["competition"]["prize"].clone();
    assert_eq!(prize(&node)["status"], object!({ "status": "unwatched" }));
    node.stop();
    let mut watching = command(&stage.home);
    watching.env("PODIUM_RPC", &stage.server.url);
    let node = Node::start_with(watching, &stage.home, &[]);
    let shows = |what: &str, field: &str, value: Value| {
        eventually(what, || prize(&node)["status"][field] == value);
    };
    shows("the prize", "phase", object!("open"));
    let status = prize(&node)["status"].clone();
    let expected = object!([{ "what": "threshold", "chain": "9900", "record": "9000" }]);
    assert_eq!((&status["amount"], &status["differences"]), (&object!("5"), &expected), "{status}");
    let said = run(&stage.home, &["show", &record]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("MISMATCH: threshold: the chain says 9900, the record 9000"), "{said}");
    let board = |command: &[&str]| String::from_utf8_lossy(&run(&stage.home, command).stdout).into_owned();
    let leaderboard = board(&["leaderboard", &record]);
    let contract = posted["contract"].as_str().unwrap();
    assert!(leaderboard.contains("prize: 5, open on the chain, 0 entered"), "{leaderboard}");
    assert!(leaderboard.contains(&format!("contract: {contract} on chain {ID}")), "{leaderboard}");
    assert!(leaderboard.contains("MISMATCH: threshold"), "{leaderboard}");
    assert!(board(&["competitions"]).contains("!5"));
    stage.server.chain().is_down = true;
    shows("the silence", "status", object!("unknown"));
    stage.server.chain().is_down = false;
    stage.json(HOST, &["cancel", "--competition", &record]);
    shows("the end", "phase", object!("cancelled"));
    node.stop();
}

/// The same rows are shown on the chain and off it: off it too early, and they could be entered for in a block that
/// replaces another.
#[test]
fn a_test_set_is_not_shown_off_the_chain_while_models_are_entered_on_it() {
    let stage = Stage::new();
    stage.hosted();
    let draft = ["--draft", "--commit-deadline", "+8s", "--deadline", "+3h"];
    let draft = host_with(&stage.home, stage.dir.path(), &draft);
    let terms = ["--prize", "5", "--reveal-deadline", "+90m"];
    let posted = stage.json(HOST, &[&["post", "--competition", &draft][..], &terms].concat());
    let record = posted["record"].as_str().unwrap();
    let over = || now() > posted["enter_until"].as_u64().unwrap();
    eventually("the end of entering", over);
    let reveal = |code: i32| expect(code, &run(&stage.home, &["reveal", record, "--no-input"]));
    assert!(reveal(2).contains("a chain that this node does not look at"));
    let mut watching = command(&stage.home);
    watching.env("PODIUM_RPC", &stage.server.url);
    let node = Node::start_with(watching, &stage.home, &[]);
    let phase = || node.json(&["show", record])["competition"]["prize"]["status"]["phase"].clone();
    eventually("the prize", || phase() == "open");
    assert!(reveal(4).contains("`node chain reveal` comes first"));
    stage.set_time(&posted["reveal_from"]);
    stage.json(HOST, &["reveal", "--competition", record]);
    eventually("the reveal", || phase() == "revealed");
    assert!(reveal(4).contains("nobody has entered"), "off the chain that is");
    node.stop();
}

#[test]
fn what_is_wrong_is_told_before_anything_is_sent() {
    let stage = Stage::new();
    let say = |code: i32, arguments: &[&str], expected: &str| {
        let said = stage.said(code, HOST, arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    };
    say(5, &["deploy", "--chain-id", "5"], "expected a node of the chain 5, got one of the chain 31337");
    let many = (limits::CHAIN_CONFIRMATIONS + 1).to_string();
    say(2, &["deploy", "--confirmations", &many], "16384");
    say(4, &["claim"], "has no contract of the competitions at");
    say(4, &["claim", "--contract", ADA.1], "is not our contract `Competitions`");
    stage.server.chain().fund(address(HOST), U256::from(1_000));
    say(1, &["deploy"], "has too little");
    stage.server.chain().fund(address(HOST), coins(10));
    say(1, &["deploy", "--max-fee", "1"], "gas is too dear now");
    let words = stage.words(HOST, &["deploy", "--no-input"]);
    let unasked = run(&stage.home, &words.iter().map(String::as_str).collect::<Vec<_>>());
    let said = expect(2, &unasked);
    assert!(said.contains("expected --yes") && said.contains("gas: about"), "{said}");
    stage.server.chain().is_down = true;
    say(5, &["deploy"], "does not answer");
    stage.server.chain().is_down = false;
    let key = stage.file(HOST.1);
    let other = |rpc: &str| run(&stage.home, &["chain", "claim", "--rpc", rpc, "--key-file", &key]);
    let said = expect(2, &other("https://eth.example.org/v3/my-secret"));
    assert!(said.contains("tunnel") && !said.contains("my-secret"), "{said}");
    assert!(expect(5, &other("http://127.0.0.1:1")).contains("does not answer"));
    assert_eq!(stage.sent(), 0);
    // The verifier alone is not the competitions.
    let deployed = stage.json(HOST, &["deploy"]);
    say(4, &["claim", "--contract", deployed["verifier"].as_str().unwrap()], "is not our contract");
    // Nor is our code ours, where another constructor has put it: who knows what that has written before.
    let copy = stage.server.chain().copy(deployed["contract"].as_str().unwrap().parse().unwrap());
    say(4, &["claim", "--contract", &copy.to_string()], "but was not created by it: expected it at");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    say(1, &["claim"], "others could read it");
    assert!(!said.contains(HOST.0));
}

#[test]
fn what_chain_and_record_say_differently_is_shown_and_asked_about() {
    let stage = Stage::new();
    let record = stage.hosted();
    let posted = stage.json(HOST, &["post", "--competition", &record, "--prize", "5", "--threshold", "99"]);
    let id = posted["competition"].as_str().unwrap();
    let status = stage.json(HOST, &["status", "--competition", id]);
    let expected = object!([{ "what": "threshold", "chain": "9900", "record": "9000" }]);
    assert_eq!(status["differences"], expected);
    let text = stage.run(HOST, &["status", "--competition", id]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("MISMATCH     threshold"));
    let model = stage.file("model.onnx");
    let words = stage.words(ADA, &["enter", "--competition", id, "--model", &model, "--no-input"]);
    let said = expect(2, &run(&stage.home, &words.iter().map(String::as_str).collect::<Vec<_>>()));
    assert!(said.contains("threshold: the chain says 9900") && said.contains("differ"), "{said}");
    // Nobody has entered: the host takes it back, and may post it anew.
    let stranger = stage.said(4, ADA, &["cancel", "--competition", id]);
    assert!(stranger.contains("expected the host"), "{stranger}");
    stage.twice(HOST, &["cancel", "--competition", id]);
    assert_eq!(stage.json(HOST, &["claim"])["amount"], "5");
    let again = stage.json(HOST, &["post", "--competition", &record, "--prize", "4"]);
    assert_ne!(again["competition"], posted["competition"]);
    // One model of one person behind two accounts: nobody sees that they belong together.
    let id = again["competition"].as_str().unwrap();
    let enter = |who: Who| {
        let entered = stage.json(who, &["enter", "--competition", id, "--model", &model]);
        PathBuf::from(entered["opening"].as_str().unwrap())
    };
    let (host, ada) = (enter(HOST), enter(ADA));
    assert_eq!(host.parent(), ada.parent());
    assert_ne!(host.file_stem(), ada.file_stem(), "the commitments");
}
