//! `node chain register-key`

use super::Options;
use super::link::Link;
use super::printed::Registered;
use super::purse::Purse;
use crate::chain::send::Order;
use crate::chain::site::{Site, has_piece};
use crate::cli::backend::Backend;
use crate::cli::context::{CliError, Context};
use crate::cli::output;
use crate::keys;
use circuits::ClassId;
use circuits::groth16::VerifyingKey;
use contracts::{ChainKey, U256};

const EXAMPLES: &str = "\
Examples:
  node chain register-key linear-30-2 --key-file host.key
  node chain register-key linear-64-10 --of 77b2 --keystore ada.json --password-file pw

A key is registered once a chain and serves every competition that names it. The contract computes its digest, the one
that records off chain pin too. Without --of it is the key of this class that was made here.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// For instance linear-30-2.
    size_class: ClassId,
    /// The key that a competition off chain pins, by the start of its id.
    #[arg(long, value_name = "ID")]
    of: Option<String>,
}

impl Args {
    pub fn run(self, context: &Context, options: &Options) -> anyhow::Result<()> {
        let key = ChainKey::of(&self.key(context)?);
        let link = Link::open(context, options)?;
        let site = link.site()?;
        let purse = Purse::open(&link, Some(&site))?;
        register(&link, &site, &purse, &key)?;
        if context.json {
            let size_class = self.size_class.as_str();
            return output::json(&Registered { size_class, key: key.digest, done: purse.done() });
        }
        output::data(&hex::encode(key.digest))
    }

    fn key(&self, context: &Context) -> anyhow::Result<VerifyingKey> {
        let class = self.size_class;
        let bytes = match &self.of {
            Some(prefix) => {
                let mut backend = Backend::open(context)?;
                let id = backend.resolve("competition", prefix)?.id;
                let pinned = crate::cli::score::admitted(&backend.contest(&id)?, class)?.verifying_key;
                backend.read_blob(pinned, protocol::limits::MAX_VERIFYING_KEY_BYTES, "the verifying key")?
            }
            None => {
                let key = keys::find(&context.home, class, None)?.ok_or_else(|| CliError::Refused {
                    reason: format!(
                        "no key of {class} was made here: make one with `node keys make {class}`"
                    ),
                })?;
                crate::home::read_input(&key.verifying_key_path, protocol::limits::MAX_VERIFYING_KEY_BYTES)?
            }
        };
        Ok(VerifyingKey::from_bytes(&bytes)?)
    }
}

/// Registers a key, unless it is there.
pub fn register(link: &Link<'_>, site: &Site, purse: &Purse<'_>, key: &ChainKey) -> anyhow::Result<()> {
    let verifier = site.parameters.verifier;
    let what = format!("register key {}", hex::encode(key.digest));
    if purse.resume(&what)?.is_some() || site.has_key(&link.rpc, key.digest)? {
        return Ok(());
    }
    let why = "this registers a key for everybody";
    for (hash, data) in key.pieces.hashes().into_iter().zip(contracts::store(&key.pieces)) {
        let what = format!("store piece {}", hex::encode(hash));
        if purse.resume(&what)?.is_none() && !has_piece(&link.rpc, verifier, hash)? {
            purse.send(&Order { what, to: Some(verifier), value: U256::ZERO, data }, why)?;
        }
    }
    let data = contracts::register_key(key);
    purse.send(&Order { what, to: Some(verifier), value: U256::ZERO, data }, why)?;
    Ok(())
}
