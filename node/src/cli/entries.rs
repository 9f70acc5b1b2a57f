//! `node entries`

use super::backend::Backend;
use super::context::Context;
use super::output::{self, Align};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  node entries 77b2\n  node entries 77b2 --json")]
pub struct Args {
    /// Id of the competition, or the start of it.
    competition: String,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let mut backend = Backend::open(context)?;
        let id = backend.resolve("competition", &self.competition)?.id;
        let entries = backend.entries(&id)?;
        if context.json {
            return output::json(&entries);
        }
        if entries.is_empty() {
            output::message("nobody has entered yet");
            return Ok(());
        }
        let header = [
            ("id", Align::Left),
            ("name", Align::Left),
            ("competitor", Align::Left),
            ("size class", Align::Left),
            ("standing", Align::Left),
            ("says it was made", Align::Left),
            ("first seen here", Align::Left),
        ];
        let row = |entry: &api::Entry| {
            vec![
                output::short(&entry.id),
                format!("{}{}", entry.display_name, if entry.mine { " (you)" } else { "" }),
                output::key(&entry.competitor),
                entry.size_class.clone(),
                entry.standing.as_str().to_owned(),
                output::when(entry.created),
                output::when(entry.first_seen),
            ]
        };
        let rows: Vec<_> = entries.iter().map(row).collect();
        output::data(&output::table(&header, &rows))
    }
}
