//! `node demo`: three nodes on this machine, with nothing faked: the same program, the same commands, real proofs.

mod forge;
mod nodes;

use super::context::{CliError, Context};
use super::leaderboard;
use super::output;
use anyhow::ensure;
use api::{Board, BoardRow};
use datasets::samples;
use nodes::Node;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "\
Examples:
  node demo
  node demo --keep                                 leave the nodes running and say how to open the board
  node demo --json > summary.json";

/// Nothing in the demonstration may take longer.
const PATIENCE: Duration = Duration::from_secs(180);

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Leave the nodes running when the demonstration is over.
    #[arg(long)]
    keep: bool,
}

/// Tells what happens, with the time since the start.
struct Story {
    start: Instant,
}

impl Story {
    fn tell(&self, what: &str) {
        output::message(&format!("[{:5.1} s] {what}", self.start.elapsed().as_secs_f64()));
    }
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let story = Story { start: Instant::now() };
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
    story.tell("the host makes keys for linear-64-10 and mlp-64-32-10 and hosts the digits (898 test rows)");
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
        "--deadline",
        "+1d",
    ])?;
    let id = nodes::text(&hosted, "competition")?;
    story.tell(&format!(
        "competition {} is out; waiting until every node has it and its test set",
        output::short(&id)
    ));
    wait("the competition on every node", || {
        Ok(nodes.iter().all(|node| node.board(&id).is_ok_and(|b| b.test_set_here)))
    })?;
    let mut submissions = Vec::new();
    for (node, model, name) in [(linear, "linear.onnx", "Linear"), (mlp, "mlp.onnx", "MLP")] {
        story.tell(&format!("{} proves what its model scores; the weights stay with it", node.name));
        let arguments = ["submit", "--competition", &id, "--model", &file(model), "--name", name];
        let submitted = node.command(&arguments)?;
        let (correct, rows) = (&submitted["correct"], &submitted["rows"]);
        story.tell(&format!("{} has proved at least {correct} of {rows} rows", node.name));
        submissions.push(submitted);
    }
    story.tell("waiting until every node has verified every proof itself");
    wait("all proofs verified by all nodes", || {
        Ok(nodes.iter().all(|node| node.board(&id).is_ok_and(|b| b.rows.len() == 2 && b.pending == 0)))
    })?;
    let boards: Vec<Board> = nodes.iter().map(|node| node.board(&id)).collect::<anyhow::Result<_>>()?;
    show(nodes, &boards)?;
    story.tell("the three boards are identical, and every node has checked every proof itself");
    let refusals = forged(story, nodes, linear, &id, &submissions)?;
    let after: Vec<Board> = nodes.iter().map(|node| node.board(&id)).collect::<anyhow::Result<_>>()?;
    ensure!(
        boards.iter().zip(&after).all(|(a, b)| shared(a) == shared(b)),
        "a board changed after the forgery"
    );
    story.tell("the boards are what they were");
    Ok(json!({
        "competition": id,
        "nodes": nodes.iter().map(|node| json!({
            "name": node.name, "peer_id": node.hello.peer_id, "data_dir": node.hello.data_dir,
        })).collect::<Vec<_>>(),
        "submissions": submissions,
        "boards_identical": true,
        "board": boards.first().map(|board| &board.rows),
        "fingerprint": boards.first().map(|board| &board.fingerprint),
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
