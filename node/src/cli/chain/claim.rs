//! `node chain claim`

use super::Options;
use super::link::Link;
use super::printed::Claimed;
use super::purse::Purse;
use crate::chain::send::Order;
use crate::cli::context::Context;
use crate::cli::output;
use contracts::{Address, U256};

const EXAMPLES: &str = "\
Examples:
  node chain claim --keystore ada.json --password-file pw
  node chain claim --token 0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238 --key-file host.key

Pays all that the contract owes the account, of all competitions at once: prizes, bonds, and what a host gets back.
Without --token that is the chain's own coin. Bonds of entries are owed after `node chain release`.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The token to be paid, if it is not the chain's own coin.
    #[arg(long, value_name = "ADDRESS", default_value_t = Address::ZERO, hide_default_value = true)]
    token: Address,
    /// Another account to pay to.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,
}

impl Args {
    pub fn run(self, context: &Context, options: &Options) -> anyhow::Result<()> {
        let link = Link::open(context, options)?;
        let site = link.site()?;
        let asset = link.asset(self.token)?;
        let purse = Purse::open(&link, Some(&site))?;
        let to = self.to.unwrap_or(purse.address());
        let what = format!("claim {} from {} to {to}", self.token, site.at.contract);
        purse.resume(&what)?;
        let owed = site.owed(&link.rpc, self.token, purse.address())?;
        if owed.is_zero() {
            output::message(&format!("nothing more is owed to {}", purse.address()));
        } else {
            let data = contracts::claim(self.token, to);
            let order = Order { what, to: Some(site.at.contract), value: U256::ZERO, data };
            purse.send(&order, &format!("this pays {} to {to}", asset.text(owed)))?;
        }
        if context.json {
            return output::json(&Claimed { amount: asset.text(owed), to, done: purse.done() });
        }
        output::data(&asset.text(owed))
    }
}
