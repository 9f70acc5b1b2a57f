//! `node demo --chain`: a prize on a chain of this machine, from the contracts to the payment, with real proofs.

use super::anvil::{Anvil, CHAIN};
use super::{Story, wait};
use crate::chain::account::{Account, AccountFile};
use crate::chain::amount::coin;
use crate::cli::context::Context;
use crate::cli::nodes::{self, Node};
use crate::cli::output;
use crate::home::write_private;
use alloy_primitives::{Address, U256};
use anyhow::{Context as _, ensure};
use api::PrizeStatus;
use datasets::samples;
use rand::RngCore;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Seconds after which the contract takes a block as final.
const FINALITY: u64 = 300;
const CLASS: &str = "linear-30-2";

/// Somebody with a node and an account.
struct Player {
    node: Node,
    key: PathBuf,
    address: Address,
}

impl Player {
    fn start(name: &str, dir: &Path, others: &[&Node], anvil: &Anvil) -> anyhow::Result<Self> {
        let node = Node::start_with(name, dir, others, false, &["--rpc", &anvil.url])?;
        let mut secret = [0; 32];
        rand::rngs::OsRng.try_fill_bytes(&mut secret)?;
        let key = dir.join("account.key");
        write_private(&key, hex::encode(secret).as_bytes())?;
        let address = Account::open(&AccountFile::Key(key.clone()))?.address();
        Ok(Self { node, key, address })
    }

    /// Waits until this player's board shows a prize in this phase, with nothing that differs from the record.
    fn shows(&self, story: &Story, record: &str, expected: &str) -> anyhow::Result<()> {
        let mut shown = String::new();
        wait("the prize on the board", || {
            let prize = self.node.board(record)?.competition.prize.context("no prize on the board")?;
            shown = prize.said();
            Ok(matches!(&prize.status, PrizeStatus::Held { phase, differences, .. }
                if phase == expected && differences.is_empty()))
        })?;
        story.tell(&format!("{}'s board shows the prize: {shown}", self.node.name));
        Ok(())
    }

    /// Runs `node chain ...` as this player.
    fn chain(&self, anvil: &Anvil, arguments: &[&str]) -> anyhow::Result<Value> {
        let key = self.key.display().to_string();
        let fixed = ["--quiet", "--yes", "--rpc", &anvil.url, "--key-file", &key, "--confirmations", "1"];
        self.node.command(&[&["chain"], arguments, &fixed].concat())
    }
}

/// Plays it, and returns a summary.
pub fn run(context: &Context, story: &Story) -> anyhow::Result<()> {
    let anvil = Anvil::start()?;
    story.tell(&format!("a chain of this machine's own is at {}, with the id {CHAIN}", anvil.url));
    let folder = tempfile::Builder::new().prefix("podium-demo-").tempdir()?;
    let dir = folder.path();
    for (name, bytes) in [
        ("test.csv", samples::BREAST_CANCER_TEST_CSV),
        ("train.csv", samples::BREAST_CANCER_TRAIN_CSV),
        ("model.onnx", samples::BREAST_CANCER_LOGISTIC_ONNX),
    ] {
        std::fs::write(dir.join(name), bytes)?;
    }
    let host = Player::start("the host", &dir.join("host"), &[], &anvil)?;
    let ada = Player::start("Ada", &dir.join("ada"), &[&host.node], &anvil)?;
    for player in [&host, &ada] {
        anvil.fund(player.address, U256::from(10u64).pow(U256::from(19u64)))?;
        story.tell(&format!(
            "{} has a node, and 10 coins in the account {}",
            player.node.name, player.address
        ));
    }
    let summary = play(story, dir, &anvil, &host, &ada)?;
    if context.json {
        output::json(&summary)?;
    }
    let mut all = [host.node, ada.node];
    nodes::stop(&mut all)?;
    story.tell("stopped the nodes and the chain, and removed the folder");
    Ok(())
}

fn play(story: &Story, dir: &Path, anvil: &Anvil, host: &Player, ada: &Player) -> anyhow::Result<Value> {
    let balances = || -> anyhow::Result<[U256; 2]> {
        Ok([anvil.rpc.balance(host.address)?, anvil.rpc.balance(ada.address)?])
    };
    let before = balances()?;
    let deployed = host.chain(anvil, &["deploy", "--finality", &FINALITY.to_string()])?;
    let contract = nodes::text(&deployed, "contract")?;
    story.tell(&format!("the host puts the contracts onto the chain: {contract}"));
    host.node.command(&["keys", "make", CLASS])?;
    host.chain(anvil, &["register-key", CLASS])?;
    story.tell(&format!("he registers the key of {CLASS}: the same that records off chain pin"));
    let file = |name: &str| dir.join(name).display().to_string();
    let (test, train, model) = (file("test.csv"), file("train.csv"), file("model.onnx"));
    let label = samples::BREAST_CANCER_LABEL;
    let mut arguments =
        vec!["host", "--draft", "--title", "Breast cancer", "--test", &test, "--train", &train];
    arguments.extend(["--label", label, "--size-class", CLASS, "--threshold", "95"]);
    arguments.extend(["--commit-deadline", "+1h", "--deadline", "+6h"]);
    let draft = nodes::text(&host.node.command(&arguments)?, "draft")?;
    story.tell("he seals breast-cancer, 284 test rows, and drafts a competition");
    let posted = host.chain(
        anvil,
        &["post", "--competition", &draft, "--prize", "5", "--host-bond", "1", "--bond", "0.5"],
    )?;
    let id = nodes::text(&posted, "competition")?;
    let record = nodes::text(&posted, "record")?;
    story.tell("he locks a prize of 5 coins and a bond of 1: the contract pays, nobody's signature is needed any more");
    story.tell(&format!(
        "and publishes the competition, with the prize in its record: {}",
        output::short(&record)
    ));
    wait("the record at Ada's", || Ok(ada.node.has(&record)))?;
    ada.shows(story, &record, "open")?;
    let entering = ["enter", "--competition", &record, "--contract", &contract, "--model", &model];
    let calibrated = ["--calibrate", train.as_str(), "--label", label];
    let entered = ada.chain(anvil, &[&entering[..], &calibrated].concat())?;
    let entry = nodes::text(&entered, "entry")?;
    story.tell(&format!(
        "Ada enters a model with a bond of 0.5, proof verified by the contract: entry {}",
        output::short(entry.trim_start_matches("0x"))
    ));
    // Hours on the chain are a moment here.
    let time = |field: &str| posted[field].as_u64().with_context(|| format!("no {field}"));
    anvil.set_time(time("reveal_from")?)?;
    host.chain(anvil, &["reveal", "--competition", &id])?;
    story.tell("the host reveals the test set on the chain, where the contract checks it against the seal");
    let submitted = ada.chain(anvil, &["submit", "--competition", &id])?;
    let (correct, rows) = (&submitted["correct"], &submitted["rows"]);
    story.tell(&format!("Ada proves at least {correct} of {rows} rows; the contract has verified it"));
    let status = ada.chain(anvil, &["status", "--competition", &id])?;
    ensure!(status["differences"] == json!([]), "the chain and the record differ: {}", status["differences"]);
    anvil.set_time(time("submit_until")?)?;
    ada.chain(anvil, &["finalise", "--competition", &id])?;
    ada.chain(anvil, &["release", "--competition", &id])?;
    story.tell("after the deadline anybody may settle it: Ada does, and her bond is released");
    ada.shows(story, &record, "won")?;
    let claimed = ada.chain(anvil, &["claim", "--contract", &contract])?;
    host.chain(anvil, &["claim"])?;
    story.tell(&format!("Ada claims {}, the host claims his bond", nodes::text(&claimed, "amount")?));
    let after = balances()?;
    let players = [host, ada];
    for ((player, before), after) in players.iter().zip(before).zip(after) {
        output::message(&format!(
            "balance of {:<9} {} before, {} after",
            player.node.name,
            coin(before),
            coin(after)
        ));
    }
    let [host_before, ada_before] = before;
    let [host_after, ada_after] = after;
    let five = U256::from(5u64) * U256::from(10u64).pow(U256::from(18u64));
    // Less what gas costs.
    let gas = U256::from(10u64).pow(U256::from(17u64));
    ensure!(ada_after + gas > ada_before + five, "Ada has not been paid");
    ensure!(host_after < host_before - five, "the host still has the prize");
    let seconds = story.seconds();
    story.tell(&format!("settled in {seconds:.1} s"));
    let shown = |player: &Player, before: U256, after: U256| json!({ "account": player.address, "before": coin(before), "after": coin(after) });
    Ok(json!({
        "chain_id": CHAIN,
        "contract": contract,
        "competition": id,
        "record": record,
        "entry": entry,
        "correct": correct,
        "rows": rows,
        "host": shown(host, host_before, host_after),
        "winner": shown(ada, ada_before, ada_after),
        "seconds": seconds,
    }))
}
