//! `node withdraw`

use super::ask::confirm;
use super::backend::Backend;
use super::context::{CliError, Context};
use super::held::Held;
use super::output;
use super::printed::Withdrawn;
use crate::ledger::now;
use protocol::{Body, Withdrawal};

const EXAMPLES: &str = "\
Examples:
  node withdraw 9c01
  node entries 77b2                                which entries there are

Takes an own entry in a sealed competition back before the commit deadline, so that another one may take its place.
It stays visible that there was one. The opening is kept.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Id of the entry, or the start of it.
    entry: String,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let identity = context.home.identity()?;
        let mut backend = Backend::open(context)?;
        let found = backend.resolve("entry", &self.entry)?;
        let contest = backend.contest(&found.competition)?;
        contest.check_enterable()?;
        let entries = backend.entries(&found.competition)?;
        let entry = entries.iter().find(|entry| entry.id == found.id);
        if entry.is_some_and(|entry| entry.standing == api::EntryStanding::Withdrawn) {
            output::message("it was withdrawn before");
            return tell(context, &found.id, None);
        }
        if entry.is_none_or(|entry| !entry.mine) {
            let reason = format!("expected an entry of this machine's identity, got {}", found.id);
            return Err(CliError::Refused { reason }.into());
        }
        confirm(context, &format!("entry {} cannot be entered again", output::short(&found.id)))?;
        let body = Withdrawal { competition: contest.id, entry: found.id.parse()?, created: now() };
        let signed = protocol::sign(&identity.keypair, &Body::Withdrawal(body))?;
        backend.publish(signed.bytes())?;
        let withdrawal = signed.id().to_string();
        let held = Held::wait(&mut backend, &[&withdrawal]);
        output::message("withdrawn: the host is asked not to put it on the roster");
        held.tell();
        tell(context, &found.id, Some((withdrawal, held)))
    }
}

fn tell(context: &Context, entry: &str, withdrawn: Option<(String, Held)>) -> anyhow::Result<()> {
    let (withdrawal, held) = withdrawn.unzip();
    match context.json {
        true => output::json(&Withdrawn { entry: entry.to_owned(), withdrawal, held }),
        false => output::data(entry),
    }
}
