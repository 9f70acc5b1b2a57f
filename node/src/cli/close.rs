//! `node close`

use super::ask::confirm;
use super::backend::Backend;
use super::context::{CliError, Context};
use super::held::Held;
use super::output;
use super::printed::Closed;
use super::times::check_passed;
use crate::hosted::{Hosted, Once};
use crate::ledger::now;
use crate::prover::Contest;
use api::Submission;
use protocol::{Body, Close, Kind, Signed, StatementId, WellFormed, limits::MAX_CLOSED};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

const EXAMPLES: &str = "\
Examples:
  node close 77b2
  node close 77b2 --json

Says which submissions to an own competition were there before the prove deadline, by this node's clock: they become
final. It can be done once. Doing it again publishes the same record again. Everybody sees which submissions were left
out, and when he saw them first.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Id of the competition, or the start of it.
    competition: String,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let identity = context.home.identity()?;
        let mut backend = Backend::open(context)?;
        let id = backend.resolve("competition", &self.competition)?.id;
        let contest = backend.contest(&id)?;
        let hosted = Hosted::new(&context.home, contest.id);
        // Also one that only others still have: this folder may have been restored from an older copy.
        let kept = match hosted.once(Once::Close)? {
            Some(kept) => Some(kept),
            None => backend.closed(&id)?.map(|close| backend.record(&close)).transpose()?,
        };
        if kept.is_none() {
            check_passed("proofs may be submitted until", contest.rules.prove_deadline, now())?;
            backend.settle(&id)?;
        }
        let submissions = backend.submissions(&id)?;
        let kept = match kept {
            Some(kept) => {
                output::message("this was closed before: the same record is published again");
                kept
            }
            None => {
                let submissions = in_time(&submissions, contest.rules.prove_deadline)?;
                let body = Close { competition: contest.id, submissions, created: now() };
                let signed = protocol::sign(&identity.keypair, &Body::Close(body))?;
                check(&contest, &signed)?;
                confirm(context, "this fixes which submissions are final, once and for all")?;
                hosted.keep_once(Once::Close, signed.bytes())?
            }
        };
        backend.publish(&kept)?;
        report(context, &mut backend, &contest, &kept, &submissions)
    }
}

/// What is final: everything that was here before the deadline; if that is too much, the best of every entry first.
fn in_time(submissions: &[Submission], deadline: u64) -> anyhow::Result<Vec<StatementId>> {
    let mut all: Vec<&Submission> = submissions.iter().filter(|s| s.first_seen <= deadline).collect();
    all.sort_by_key(|s| (Reverse(s.correct), &s.id));
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ordered: Vec<(usize, &Submission)> = Vec::new();
    for submission in all {
        let before = seen.entry(&submission.entry).or_default();
        ordered.push((*before, submission));
        *before += 1;
    }
    ordered.sort_by_key(|(before, _)| *before);
    let statements: Result<BTreeSet<StatementId>, _> =
        ordered.iter().take(MAX_CLOSED).map(|(_, submission)| submission.statement.parse()).collect();
    Ok(statements?.into_iter().collect())
}

/// Whether everybody will accept it: before it is kept, as there can be only one.
fn check(contest: &Contest, signed: &Signed) -> anyhow::Result<()> {
    let WellFormed::Close(record) = WellFormed::parse(signed)? else {
        anyhow::bail!("expected a {}", Kind::Close);
    };
    protocol::check_close(&record, &contest.record)
        .map_err(|error| CliError::Refused { reason: error.to_string() }.into())
}

fn report(
    context: &Context,
    backend: &mut Backend,
    contest: &Contest,
    kept: &[u8],
    submissions: &[Submission],
) -> anyhow::Result<()> {
    let signed = Signed::open(kept)?;
    let WellFormed::Close(record) = WellFormed::parse(&signed)? else {
        anyhow::bail!("expected a {}", Kind::Close);
    };
    let id = signed.id().to_string();
    let is_final =
        |s: &&Submission| s.statement.parse().is_ok_and(|statement| record.body().lists(statement));
    let left_out: Vec<String> = submissions.iter().filter(|s| !is_final(s)).map(|s| s.id.clone()).collect();
    let held = Held::wait(backend, &[&id]);
    if context.json {
        return output::json(&Closed {
            competition: contest.id.to_string(),
            close: id,
            is_final: record.body().submissions.iter().map(ToString::to_string).collect(),
            left_out,
            held,
        });
    }
    output::message(&format!(
        "closed with {} final, {} left out (first seen here after the deadline)",
        output::count(record.body().submissions.len() as u64, "submission", "submissions"),
        left_out.len()
    ));
    held.tell();
    output::data(&id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::Standing;

    fn submission(n: u8, entry: &str, correct: u64, first_seen: u64) -> Submission {
        Submission {
            id: hex::encode([n; 32]),
            statement: hex::encode([n; 32]),
            entry: entry.to_owned(),
            competitor: "c".to_owned(),
            correct,
            standing: Standing::Pending,
            created: 0,
            first_seen,
            mine: false,
        }
    }

    #[test]
    fn what_came_in_time_is_final() {
        let all = [submission(3, "a", 5, 100), submission(1, "a", 9, 99), submission(2, "b", 1, 101)];
        let statement = |n: u8| StatementId::new([n; 32]);
        assert_eq!(in_time(&all, 100).unwrap(), [statement(1), statement(3)]);
        assert_eq!(in_time(&all, 98).unwrap(), []);
    }
}
