//! `node blobs`

use super::backend::Backend;
use super::context::{CliError, Context};
use super::fetching;
use super::output::{self, Align};
use super::printed::{BlobHere, BlobList, BlobsCollected};
use anyhow::ensure;
use clap::Subcommand;
use protocol::BlobRef;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  node blobs list                      what is here, what for, and what competitions name and is not here
  node blobs get 9f2c --out train.csv  fetch a blob that a competition names, and copy it
  node blobs gc --dry-run              what no competition needs and has lain for a day
  node blobs gc

Blobs are the files that records name by their BLAKE3: test sets, training data, verifying and proving keys.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the blobs that are here, and those that competitions name.
    List,
    /// Fetch a blob from peers, unless it is here, and say where it lies.
    Get {
        /// BLAKE3 of the blob, or the start of it.
        blob: String,
        /// Its length in bytes, if no competition names it.
        #[arg(long, value_name = "BYTES")]
        bytes: Option<u64>,
        /// Copy it to this file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Delete the blobs that no competition needs and that have lain for a day.
    Gc {
        /// Only say which.
        #[arg(long)]
        dry_run: bool,
    },
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let mut backend = Backend::open(context)?;
        match self.command {
            Command::List => list(context, &mut backend),
            Command::Get { blob, bytes, out } => get(context, &mut backend, &blob, bytes, out),
            Command::Gc { dry_run } => collect(context, &mut backend, dry_run),
        }
    }
}

fn list(context: &Context, backend: &mut Backend) -> anyhow::Result<()> {
    let (blobs, used, quota) = backend.blobs()?;
    if context.json {
        return output::json(&BlobList { blobs, used_bytes: used, quota_bytes: quota });
    }
    let header = [
        ("blob", Align::Left),
        ("size", Align::Right),
        ("what for", Align::Left),
        ("here since", Align::Left),
    ];
    let row = |blob: &api::Blob| {
        let mut uses: Vec<String> = blob
            .uses
            .iter()
            .map(|of| format!("{} of {}", of.role.replace('_', " "), output::short(&of.competition)))
            .collect();
        uses.truncate(3);
        if blob.uses.len() > uses.len() {
            uses.push(format!("and {} more", blob.uses.len() - uses.len()));
        }
        vec![
            output::short(&blob.blob),
            output::bytes(blob.bytes),
            if uses.is_empty() { "nothing".to_owned() } else { uses.join(", ") },
            blob.since.map_or_else(|| "not here".to_owned(), output::when),
        ]
    };
    output::message(&format!("{} of {} in use", output::bytes(used), output::bytes(quota)));
    output::data(&output::table(&header, &blobs.iter().map(row).collect::<Vec<_>>()))
}

fn get(
    context: &Context,
    backend: &mut Backend,
    prefix: &str,
    bytes: Option<u64>,
    out: Option<PathBuf>,
) -> anyhow::Result<()> {
    let blob = resolve(backend, prefix, bytes)?;
    let what = format!("the blob {}", output::short(&blob.id.to_string()));
    let path = fetching::shown(&context.home.socket(), blob, &what, || backend.get_blob(blob, &what))?;
    let path = match out {
        Some(out) => {
            std::fs::copy(&path, &out)?;
            out
        }
        None => path,
    };
    if context.json {
        let path = path.display().to_string();
        return output::json(&BlobHere { blob: blob.id.to_string(), bytes: blob.bytes, path });
    }
    output::data(&path.display().to_string())
}

/// A whole id with its length, or one of the blobs in the list.
fn resolve(backend: &mut Backend, prefix: &str, bytes: Option<u64>) -> anyhow::Result<BlobRef> {
    if let (Some(bytes), Ok(id)) = (bytes, prefix.parse()) {
        return Ok(BlobRef { id, bytes });
    }
    ensure!(prefix.len() >= 4, "expected at least 4 digits of a blob's id, got {prefix:?}");
    let (mut found, _, _) = backend.blobs()?;
    found.retain(|blob| blob.blob.starts_with(prefix) && bytes.is_none_or(|bytes| blob.bytes == bytes));
    if found.len() > 1 {
        let candidates = found.iter().map(|blob| format!("{} of {} bytes", blob.blob, blob.bytes)).collect();
        return Err(CliError::Ambiguous { prefix: prefix.to_owned(), candidates }.into());
    }
    let unknown = || CliError::Unknown { kind: "blob", prefix: prefix.to_owned() };
    let blob = found.pop().ok_or_else(unknown)?;
    Ok(BlobRef { id: blob.blob.parse()?, bytes: blob.bytes })
}

fn collect(context: &Context, backend: &mut Backend, rehearsal: bool) -> anyhow::Result<()> {
    let (blobs, bytes) = backend.collect_blobs(&context.home, rehearsal)?;
    if context.json {
        return output::json(&BlobsCollected { blobs, bytes, dry_run: rehearsal });
    }
    let what = if rehearsal { "would be deleted" } else { "deleted" };
    let count = output::count(blobs.len() as u64, "blob", "blobs");
    output::message(&format!("{count}, {}, {what}", output::bytes(bytes)));
    if blobs.is_empty() { Ok(()) } else { output::data(&blobs.join("\n")) }
}
