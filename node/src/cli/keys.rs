//! `node keys`

use super::backend::Backend;
use super::context::Context;
use super::fetching;
use super::output::{self, Align};
use super::printed::{FetchedKey, Key};
use super::progress::Progress;
use crate::keys::{self, KeyFile};
use crate::prover::Contest;
use circuits::ClassId;
use clap::Subcommand;

const EXAMPLES: &str = "\
Examples:
  node keys list
  node keys make linear-64-10
  node keys fetch --competition 3fa1 --size-class mlp-64-32-10";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the keys made here.
    List,
    /// Make a key of a size class, unless there is one.
    Make {
        /// For instance linear-30-2.
        size_class: ClassId,
    },
    /// Fetch a competition's proving keys from peers.
    Fetch {
        /// Id of the competition, or the start of it.
        #[arg(long, value_name = "ID")]
        competition: String,
        /// Only this size class.
        #[arg(long, value_name = "CLASS")]
        size_class: Option<ClassId>,
    },
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        match self.command {
            Command::List => list(context),
            Command::Make { size_class } => {
                let key = make(context, size_class)?;
                if context.json {
                    output::json(&printed(&key))
                } else {
                    output::data(&key.path.display().to_string())
                }
            }
            Command::Fetch { competition, size_class } => fetch(context, &competition, size_class),
        }
    }
}

/// The key of a class: an old one, or a new one.
pub fn make(context: &Context, class: ClassId) -> anyhow::Result<KeyFile> {
    if let Some(key) = keys::find(&context.home, class, None)? {
        output::message(&format!("key for {class}: made before, used again"));
        return Ok(key);
    }
    let progress = Progress::new(&format!("key for {class}"));
    let key = keys::make(&context.home, class, &|step, part| progress.report(step, part))?;
    progress.finish();
    output::message(&format!("key for {class}: {}", keys::trust(key.trust)));
    Ok(key)
}

fn printed(key: &KeyFile) -> Key {
    Key {
        size_class: key.class.as_str(),
        proving_key: key.blob.id.to_string(),
        proving_key_bytes: key.blob.bytes,
        verifying_key: key.verifying_key.id.to_string(),
        verifying_key_bytes: key.verifying_key.bytes,
        key_digest: hex::encode(key.key_digest),
        trust: keys::trust(key.trust),
        path: key.path.display().to_string(),
    }
}

fn list(context: &Context) -> anyhow::Result<()> {
    let (keys, damaged) = keys::list(&context.home)?;
    for error in &damaged {
        output::message(&format!("left out: {error}"));
    }
    if context.json {
        return output::json(&keys.iter().map(printed).collect::<Vec<_>>());
    }
    if keys.is_empty() {
        output::message("no keys have been made here; `node host` makes what it needs");
        return Ok(());
    }
    let header = [
        ("size class", Align::Left),
        ("proving key", Align::Right),
        ("verifying key", Align::Right),
        ("digest", Align::Left),
        ("trust", Align::Left),
    ];
    let row = |key: &KeyFile| {
        vec![
            key.class.to_string(),
            output::bytes(key.blob.bytes),
            output::bytes(key.verifying_key.bytes),
            output::short(&hex::encode(key.key_digest)),
            keys::trust(key.trust).to_owned(),
        ]
    };
    output::data(&output::table(&header, &keys.iter().map(row).collect::<Vec<_>>()))
}

fn fetch(context: &Context, competition: &str, only: Option<ClassId>) -> anyhow::Result<()> {
    let mut backend = Backend::open(context)?;
    let id = backend.resolve("competition", competition)?.id;
    let contest = Contest::parse(&backend.record(&id)?)?;
    let mut fetched = Vec::new();
    for admitted in &contest.rules.size_classes {
        if only.is_some_and(|class| class != admitted.class) {
            continue;
        }
        let size = output::bytes(admitted.proving_key.bytes);
        output::message(&format!("proving key of {}, {size}", admitted.class));
        let what = format!("the proving key of {}", admitted.class);
        let path = fetching::shown(&context.home.socket(), admitted.proving_key, &what, || {
            backend.get_blob(admitted.proving_key, &what)
        })?;
        fetched.push((admitted.class, path));
    }
    anyhow::ensure!(!fetched.is_empty(), "the competition does not admit that size class");
    if context.json {
        let list: Vec<FetchedKey> = fetched
            .iter()
            .map(|(class, path)| FetchedKey { size_class: class.as_str(), path: path.display().to_string() })
            .collect();
        return output::json(&list);
    }
    let lines: Vec<String> =
        fetched.iter().map(|(class, path)| format!("{class}  {}", path.display())).collect();
    output::data(&lines.join("\n"))
}
