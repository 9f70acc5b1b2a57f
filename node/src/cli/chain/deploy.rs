//! `node chain deploy`

use super::Options;
use super::link::Link;
use super::printed;
use super::purse::Purse;
use crate::chain::ChainError;
use crate::chain::folder;
use crate::chain::rpc::Receipt;
use crate::chain::send::Order;
use crate::chain::site::{Site, compare};
use crate::cli::context::Context;
use crate::cli::output;
use contracts::{Address, Bytes, U256, verifier_code};

const EXAMPLES: &str = "\
Examples:
  node chain deploy --rpc http://127.0.0.1:8545 --key-file dev.key
  node chain deploy --finality 60 --gas-limit 30000000 --key-file dev.key

The contracts have no owner: who deploys them can do nothing that others cannot. So one pair a chain is enough, and
this is for chains that have none. What was deployed from this data folder is used again, and is what the other
commands take if no --contract is named.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Seconds after which the chain does not replace a block: so long the reveal waits for the last entry.
    #[arg(long, value_name = "SECONDS", default_value_t = contracts::ETHEREUM_FINALITY_S)]
    finality: u64,
    /// Most gas of a transaction on the chain.
    #[arg(long, value_name = "GAS", default_value_t = contracts::ETHEREUM_GAS_LIMIT)]
    gas_limit: u64,
    /// A verifier that is there already.
    #[arg(long, value_name = "ADDRESS")]
    verifier: Option<Address>,
}

impl Args {
    pub fn run(self, context: &Context, options: &Options) -> anyhow::Result<()> {
        let link = Link::open(context, options)?;
        let purse = Purse::open(&link, None)?;
        let mut known = folder::Deployed::read(&context.home, link.chain)?;
        let verifier = match self.verifier {
            Some(verifier) => verifier,
            None => {
                let there = known.verifier.filter(|at| ours(&link, *at));
                let data = contracts::deploy_verifier();
                create(&purse, "deploy verifier", data, there)?
            }
        };
        compare("Verifier", verifier, &verifier_code(), &link.rpc.code(verifier)?)?;
        known.verifier = Some(verifier);
        known.keep(&context.home, link.chain)?;
        let there = known.competitions.filter(|at| self.is_same(&link, *at, verifier));
        let data = contracts::deploy_competitions(verifier, self.gas_limit, self.finality);
        let what =
            format!("deploy competitions over {verifier} with {} and {}", self.gas_limit, self.finality);
        let contract = create(&purse, &what, data, there)?;
        let site = Site::check(&link.rpc, link.chain, contract)?;
        known.competitions = Some(contract);
        known.keep(&context.home, link.chain)?;
        if context.json {
            return output::json(&printed::Deployed {
                verifier,
                contract,
                gas_limit: site.parameters.gas_limit,
                finality_s: site.parameters.finality_s,
                done: purse.done(),
            });
        }
        output::message(&format!("verifier {verifier}; competitions:"));
        output::data(&contract.to_string())
    }

    /// Whether there are competitions of ours with these parameters.
    fn is_same(&self, link: &Link<'_>, at: Address, verifier: Address) -> bool {
        Site::check(&link.rpc, link.chain, at).is_ok_and(|site| {
            let is = site.parameters;
            (is.verifier, is.gas_limit, is.finality_s) == (verifier, self.gas_limit, self.finality)
        })
    }
}

fn ours(link: &Link<'_>, verifier: Address) -> bool {
    link.rpc.code(verifier).is_ok_and(|code| code == verifier_code())
}

fn create(purse: &Purse<'_>, what: &str, data: Bytes, there: Option<Address>) -> anyhow::Result<Address> {
    let created = |receipt: Receipt| {
        receipt.contract_address.ok_or_else(|| ChainError::Answer {
            method: "eth_getTransactionReceipt",
            expected: "the address of the new contract",
            got: "none".into(),
        })
    };
    if let Some(receipt) = purse.resume(what)? {
        return Ok(created(receipt)?);
    }
    if let Some(there) = there {
        output::message(&format!("{what}: done before, at {there}"));
        return Ok(there);
    }
    let order = Order { what: what.to_owned(), to: None, value: U256::ZERO, data };
    Ok(created(purse.send(&order, "this puts a contract onto the chain")?)?)
}
