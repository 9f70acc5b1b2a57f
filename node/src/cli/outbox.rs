//! `node outbox`

use super::backend::Backend;
use super::context::Context;
use super::output::{self, Align};
use api::OwnRecord;

const EXAMPLES: &str = "\
Examples:
  node outbox                                      own records, newest first
  node outbox --waiting                            those that no peer has confirmed yet

Own records are published until a peer has said that it holds them, across restarts; how many peers have said so is
counted, up to 32. A peer's word is only a peer's word.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only those that wait: no peer has confirmed them.
    #[arg(long)]
    waiting: bool,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let mut own = Backend::open(context)?.own()?;
        own.retain(|record| record.waiting || !self.waiting);
        if context.json {
            return output::json(&own);
        }
        if own.is_empty() {
            output::message(if self.waiting { "nothing waits" } else { "there are no own records" });
            return Ok(());
        }
        let header = [
            ("id", Align::Left),
            ("kind", Align::Left),
            ("held by", Align::Right),
            ("", Align::Left),
            ("since", Align::Left),
            ("what", Align::Left),
        ];
        output::data(&output::table(&header, &own.iter().map(row).collect::<Vec<_>>()))
    }
}

fn row(own: &OwnRecord) -> Vec<String> {
    // Nothing can be proved for such an entry: a folder that was restored without it, for instance.
    let lost = own.opening == Some(false);
    let state = match (own.waiting, lost) {
        (true, true) => "waiting, opening missing",
        (true, false) => "waiting",
        (false, true) => "opening missing",
        (false, false) => "",
    };
    vec![
        output::short(&own.id),
        own.kind.clone(),
        own.held_by.to_string(),
        state.to_owned(),
        output::when(own.first_seen),
        own.summary.clone(),
    ]
}
