//! `node schema`

use super::chain::printed as chain;
use super::context::CliError;
use super::{config, doctor, output, printed, store};
use schemars::{JsonSchema, Schema, schema_for};
use serde_json::{Map, Value, json};

/// Raised when a field goes or changes its meaning.
const VERSION: u32 = 1;

const EXAMPLES: &str = "\
Examples:
  node schema                                      of all commands
  node schema leaderboard
  node schema 'keys list'

JSON Schema, draft 2020-12. The number at the end of `$id` is the version: within one, fields are added, and none is
removed or changes its meaning. So let your programs pass over fields that they do not know.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only of this command.
    command: Option<String>,
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let mut all = all();
        let Some(name) = self.command else { return output::json(&all) };
        match all.remove(&name) {
            Some(schema) => output::json(&schema),
            None => {
                let known: Vec<&str> = all.keys().map(String::as_str).collect();
                let reason = format!("expected one of {}, got {name:?}", known.join(", "));
                Err(CliError::Usage { reason }.into())
            }
        }
    }
}

/// By command.
fn all() -> Map<String, Value> {
    let schemas: [(&str, Schema); 47] = [
        ("init", of::<printed::Initialised>()),
        ("run", of::<api::Hello>()),
        ("host", of::<printed::Hosting>()),
        ("host --draft", of::<printed::Drafted>()),
        ("reveal", of::<printed::Revealed>()),
        ("close", of::<printed::Closed>()),
        ("competitions", of::<Vec<api::CompetitionSummary>>()),
        ("entries", of::<Vec<api::Entry>>()),
        ("show", of::<printed::Shown>()),
        ("enter", of::<printed::Entering>()),
        ("withdraw", of::<printed::Withdrawn>()),
        ("score", of::<printed::Scoring>()),
        ("submit", of::<printed::Submitted>()),
        ("submit --prepare", of::<printed::Prepared>()),
        ("prove-chunk", of::<printed::ChunksProved>()),
        ("export", of::<printed::Exported>()),
        ("verify FILE", of::<printed::BundleVerified>()),
        ("verify ID", of::<printed::SubmissionVerified>()),
        ("leaderboard", of::<api::Board>()),
        ("peers", of::<printed::PeerList>()),
        ("peers address", of::<Vec<String>>()),
        ("outbox", of::<Vec<api::OwnRecord>>()),
        ("blobs list", of::<printed::BlobList>()),
        ("blobs get", of::<printed::BlobHere>()),
        ("blobs gc", of::<printed::BlobsCollected>()),
        ("store check", of::<printed::StoreChecked<'static>>()),
        ("store export", of::<printed::StoreExported>()),
        ("store import", of::<store::Taken>()),
        ("store compact", of::<crate::store::Compacted>()),
        ("keys list", of::<Vec<printed::Key>>()),
        ("keys make", of::<printed::Key>()),
        ("keys fetch", of::<Vec<printed::FetchedKey>>()),
        ("chain deploy", of::<chain::Deployed>()),
        ("chain register-key", of::<chain::Registered>()),
        ("chain post", of::<chain::Posted>()),
        ("chain enter", of::<chain::Entered>()),
        ("chain reveal", of::<chain::Moved>()),
        ("chain submit", of::<chain::Submitted>()),
        ("chain finalise", of::<chain::Moved>()),
        ("chain release", of::<chain::Released>()),
        ("chain claim", of::<chain::Claimed>()),
        ("chain cancel", of::<chain::Moved>()),
        ("chain status", of::<chain::Status>()),
        ("config", of::<Vec<config::Effective>>()),
        ("status", of::<api::Health>()),
        ("doctor", of::<Vec<doctor::Finding>>()),
        ("schema", anything()),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), named(name, schema))).collect()
}

fn of<T: JsonSchema>() -> Schema {
    schema_for!(T)
}

fn named(name: &str, mut schema: Schema) -> Value {
    let id = format!("urn:podium:cli:{}:{VERSION}", name.replace(' ', ":"));
    schema.insert("$id".to_owned(), Value::String(id));
    schema.insert("title".to_owned(), Value::String(format!("node {name} --json")));
    schema.to_value()
}

/// A JSON Schema, or an object of them.
fn anything() -> Schema {
    Schema::try_from(json!({ "type": "object" })).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::Cli;
    use super::*;
    use clap::CommandFactory;

    /// Print no JSON, or measure what has no fixed form.
    const WITHOUT: [&str; 6] = ["tui", "stop", "bench", "demo", "completions", "man"];

    #[test]
    fn every_command_that_prints_json_has_a_schema() {
        let all = all();
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let known = all.keys().any(|key| key.split(' ').next() == Some(name));
            assert_eq!(known, !WITHOUT.contains(&name), "{name}");
        }
    }

    #[test]
    fn schemas_change_only_on_purpose() {
        insta::assert_json_snapshot!(all());
    }
}
