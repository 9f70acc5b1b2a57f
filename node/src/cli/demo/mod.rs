//! `node demo`: three nodes on this machine, with nothing faked: the same program, the same commands, real proofs.

mod anvil;
mod chain;
mod forge;

use super::context::{CliError, Context};
use super::leaderboard;
use super::nodes::{self, Node};
use super::output;
use crate::bundle;
use crate::ledger::now;
use anyhow::{Context as _, ensure};
use api::{Board, BoardRow, Standing};
use datasets::samples;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "\
Examples:
  node demo
  node demo --keep                                 leave the nodes running and say how to open the board
  node demo --chain                                a prize on a chain of this machine's own, settled by proof
  node demo --json > summary.json

--chain starts anvil, a development chain: from PODIUM_ANVIL or the PATH, on loopback alone. Its time is moved, so that
no deadline is waited for. Get it with: npm install --no-save @foundry-rs/anvil@1.7.1";

/// Nothing in the demonstration may take longer.
const PATIENCE: Duration = Duration::from_secs(180);

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Leave the nodes running when the demonstration is over.
    #[arg(long)]
    keep: bool,
    /// Play for a prize that a contract pays, on a chain that is started here (takes anvil).
    #[arg(long, conflicts_with = "keep")]
    chain: bool,
}

/// Tells what happens, with the time since the start.
struct Story {
    start: Instant,
}

impl Story {
    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn tell(&self, what: &str) {
        output::message(&format!("[{:5.1} s] {what}", self.start.elapsed().as_secs_f64()));
    }
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let story = Story { start: Instant::now() };
        if self.chain {
            return chain::run(context, &story);
        }
        let folder = tempfile::Builder::new().prefix("podium-demo-").tempdir()?;
        let dir = folder.path();
        write_samples(dir)?;
        story.tell("starting three nodes on this machine, each with an identity and a store of its own");
        let mut nodes = nodes::start(dir, self.keep)?;
        for node in &nodes {
            story.tell(&format!("{} is {}", node.name, node.hello.peer_id));
        }
        let summary = play(&story, dir, &nodes)?;
        if context.json {
            output::json(&summary)?;
        }
        if self.keep {
            let kept = folder.keep();
            nodes::keep(&mut nodes);
            tell_kept(&kept, &nodes);
            return Ok(());
        }
        nodes::stop(&mut nodes)?;
        story.tell("stopped the nodes and removed the folder");
        Ok(())
    }
}

fn write_samples(dir: &Path) -> anyhow::Result<()> {
    let files = [
        ("digits-test.csv", samples::DIGITS_TEST_CSV),
        ("digits-train.csv", samples::DIGITS_TRAIN_CSV),
        ("linear.onnx", samples::DIGITS_LOGISTIC_ONNX),
        ("mlp.onnx", samples::DIGITS_MLP_ONNX),
    ];
    for (name, bytes) in files {
        std::fs::write(dir.join(name), bytes)?;
    }
    Ok(())
}

fn play(story: &Story, dir: &Path, nodes: &[Node]) -> anyhow::Result<Value> {
    let [host, linear, mlp] = nodes else { anyhow::bail!("expected three nodes, got {}", nodes.len()) };
    let file = |name: &str| dir.join(name).display().to_string();
    story.tell("the host makes keys for linear-64-10 and mlp-64-32-10");
    let keys = Instant::now();
    for class in ["linear-64-10", "mlp-64-32-10"] {
        host.command(&["keys", "make", class])?;
    }
    // The deadlines are real, and short: in proportion to what this machine takes.
    let phase = (2 * keys.elapsed().as_secs()).clamp(10, 120);
    story.tell(&format!(
        "it hosts the digits, 898 test rows, sealed: models are entered for {phase} s, and then proved for {phase} s"
    ));
    let hosted = host.command(&[
        "host",
        "--title",
        "Handwritten digits",
        "--label",
        samples::DIGITS_LABEL,
        "--test",
        &file("digits-test.csv"),
        "--train",
        &file("digits-train.csv"),
        "--size-class",
        "linear-64-10",
        "--size-class",
        "mlp-64-32-10",
        "--threshold",
        "95",
        "--commit-deadline",
        &format!("+{phase}s"),
        "--deadline",
        &format!("+{}s", 2 * phase),
    ])?;
    let id = nodes::text(&hosted, "competition")?;
    story.tell(&format!("competition {} is out; nobody but the host has its test set", output::short(&id)));
    wait("the competition on every node", || Ok(nodes.iter().all(|node| node.has(&id))))?;
    let train = file("digits-train.csv");
    for (node, model, name) in [(linear, "linear.onnx", "Linear"), (mlp, "mlp.onnx", "MLP")] {
        story.tell(&format!("{} enters a model: a commitment, which shows nothing of it", node.name));
        let model = file(model);
        let mut arguments = vec!["enter", "--competition", &id, "--model", &model, "--name", name];
        arguments.extend(["--calibrate", &train, "--label", samples::DIGITS_LABEL]);
        node.command(&arguments)?;
    }
    wait("both entries with the host", || Ok(host.board(&id)?.competition.entries == 2))?;
    sleep_until(story, &hosted, "commit_deadline", "nothing can be entered any more")?;
    host.command(&["reveal", &id, "--yes"])?;
    story.tell("the host reveals the test set, and lists the two entries; waiting until everybody has it");
    wait("the test set on every node", || {
        Ok(nodes.iter().all(|node| node.board(&id).is_ok_and(|b| b.test_set_here)))
    })?;
    let mut submissions = Vec::new();
    for node in [linear, mlp] {
        story.tell(&format!("{} proves what its model scores; the weights stay with it", node.name));
        let submitted = node.command(&["submit", "--competition", &id])?;
        let (correct, rows) = (&submitted["correct"], &submitted["rows"]);
        story.tell(&format!("{} has proved at least {correct} of {rows} rows", node.name));
        submissions.push(submitted);
    }
    story.tell("waiting until every node has verified every proof itself");
    wait("all proofs verified by all nodes", || {
        Ok(nodes.iter().all(|node| node.board(&id).is_ok_and(|b| b.rows.len() == 2 && b.pending == 0)))
    })?;
    let refusals = forged(story, nodes, linear, &id, &submissions)?;
    sleep_until(story, &hosted, "prove_deadline", "what was proved until now counts")?;
    host.command(&["close", &id, "--yes"])?;
    wait("the close on every node", || {
        let is_final = |board: Board| board.rows.iter().all(|row| row.standing == Standing::Final);
        Ok(nodes.iter().all(|node| node.board(&id).is_ok_and(is_final)))
    })?;
    story.tell("the host closes the competition: both submissions are final");
    let boards: Vec<Board> = nodes.iter().map(|node| node.board(&id)).collect::<anyhow::Result<_>>()?;
    show(nodes, &boards)?;
    story.tell("the three boards are identical, and every node has checked every proof itself");
    let bundle = export(story, mlp, dir, &id)?;
    Ok(json!({
        "competition": id,
        "nodes": nodes.iter().map(|node| json!({
            "name": node.name, "peer_id": node.hello.peer_id, "data_dir": node.hello.data_dir,
        })).collect::<Vec<_>>(),
        "submissions": submissions,
        "boards_identical": true,
        "board": boards.first().map(|board| &board.rows),
        "fingerprint": boards.first().map(|board| &board.fingerprint),
        "bundle": bundle,
        "forged": { "refused_by": refusals.len(), "reasons": refusals },
        "seconds": story.start.elapsed().as_secs_f64(),
    }))
}

/// What two nodes must agree on: everything but when they saw and checked it.
fn shared(board: &Board) -> (Vec<BoardRow>, String, u64) {
    let strip = |row: &BoardRow| BoardRow { first_seen: 0, verify_us: 0, mine: false, ..row.clone() };
    (board.rows.iter().map(strip).collect(), board.fingerprint.clone(), board.records)
}

fn show(nodes: &[Node], boards: &[Board]) -> anyhow::Result<()> {
    for (node, board) in nodes.iter().zip(boards) {
        output::message(&format!("\nboard of {}:\n{}", node.name, leaderboard::text(board)));
        ensure!(board.rows.iter().all(|row| row.checked_here), "{} has not checked every proof", node.name);
    }
    output::message("");
    let same = boards.windows(2).all(|pair| matches!(pair, [a, b] if shared(a) == shared(b)));
    ensure!(same, "the boards differ");
    Ok(())
}

/// One node writes everything into a file, and it is verified as by somebody who has nothing else.
fn export(story: &Story, node: &Node, dir: &Path, id: &str) -> anyhow::Result<Value> {
    let path = dir.join("digits.bundle");
    node.command(&["export", id, "--out", &path.display().to_string()])?;
    let report = protocol::verify_bundle(&protocol::Groth16, &bundle::read(&path)?, now())?;
    ensure!(report.is_whole(), "the bundle does not hold: {:?}", report.refused);
    let same = node.board(id)?.fingerprint == report.fingerprint;
    ensure!(same, "the bundle holds other records than {}", node.name);
    let (records, proofs) = (report.records, report.proofs);
    story.tell(&format!(
        "{} exports all of it: {records} records and {proofs} proofs hold, without a node",
        node.name
    ));
    Ok(json!({ "records": records, "proofs": proofs }))
}

/// Waits for a deadline of the competition.
fn sleep_until(story: &Story, hosted: &Value, deadline: &str, then: &str) -> anyhow::Result<()> {
    let until = hosted[deadline].as_u64().with_context(|| format!("no {deadline}"))?;
    let left = until.saturating_add(1).saturating_sub(now());
    story.tell(&format!("waiting {left} s for the {}", deadline.replace('_', " ")));
    std::thread::sleep(Duration::from_secs(left));
    story.tell(then);
    Ok(())
}

/// The linear competitor claims one row more with the same proof, and hands it to every node.
fn forged(
    story: &Story,
    nodes: &[Node],
    competitor: &Node,
    id: &str,
    submissions: &[Value],
) -> anyhow::Result<Vec<String>> {
    let honest = submissions.first().map(|s| nodes::text(s, "submission")).transpose()?.unwrap_or_default();
    let record = forge::one_row_more(competitor, &honest)?;
    story.tell(&format!("{} now signs a claim of one row more with the same proof", competitor.name));
    let mut refusals = Vec::new();
    for node in nodes {
        let reason = forge::offer(node, &record)?;
        story.tell(&format!("{} refuses it: {reason}", node.name));
        refusals.push(reason);
    }
    for node in nodes {
        let rows = node.board(id)?.rows;
        ensure!(rows.iter().any(|row| row.submission == honest), "{} lost the honest submission", node.name);
    }
    Ok(refusals)
}

fn wait(what: &str, mut done: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let start = Instant::now();
    while !done()? {
        if start.elapsed() > PATIENCE {
            return Err(CliError::TimedOut { what: what.to_owned(), seconds: PATIENCE.as_secs() }.into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn tell_kept(dir: &Path, nodes: &[Node]) {
    output::message(&format!("\nthe nodes go on; everything is in {}", dir.display()));
    let program =
        std::env::current_exe().map_or_else(|_| "node".to_owned(), |path| path.display().to_string());
    for node in nodes {
        output::message(&format!(
            "board of {}:  {program} --data-dir {} tui",
            node.name, node.hello.data_dir
        ));
    }
    for node in nodes {
        output::message(&format!("stop {}:  {program} --data-dir {} stop", node.name, node.hello.data_dir));
    }
}
