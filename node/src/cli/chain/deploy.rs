//! `node chain deploy`

use super::Options;
use super::link::Link;
use super::printed;
use super::purse::Purse;
use crate::chain::folder;
use crate::chain::send::Order;
use crate::chain::site::{Site, compare};
use crate::cli::context::{CliError, Context};
use crate::cli::output;
use contracts::{
    Address, Bytes, FACTORY, Parameters, U256, competitions_address, deploy_competitions, deploy_verifier,
    verifier_address, verifier_code,
};

const EXAMPLES: &str = "\
Examples:
  node chain deploy --rpc http://127.0.0.1:8545 --key-file dev.key
  node chain deploy --finality 60 --gas-limit 30000000 --key-file dev.key

The contracts have no owner: who deploys them can do nothing that others cannot. So one pair a chain is enough, and
this is for chains that have none. They are created by the factory 0x4e59b44847b379578588920cA78FbF26c0B4956C, so that
their addresses are the hashes of what created them: everybody can compare. What was deployed from this data folder is
what the other commands take if no --contract is named; else it is the one with these options' defaults.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Seconds after which the chain does not replace a block: so long the reveal waits for the last entry.
    #[arg(long, value_name = "SECONDS", default_value_t = contracts::ETHEREUM_FINALITY_S)]
    finality: u64,
    /// Most gas of a transaction on the chain.
    #[arg(long, value_name = "GAS", default_value_t = contracts::ETHEREUM_GAS_LIMIT)]
    gas_limit: u64,
}

impl Args {
    pub fn run(self, context: &Context, options: &Options) -> anyhow::Result<()> {
        let link = Link::open(context, options)?;
        let purse = Purse::open(&link, None)?;
        if link.rpc.code(FACTORY)?.is_empty() {
            let reason = format!(
                "the chain {} has no factory at {FACTORY}, which creates the contracts at addresses that everybody can \
                 compare: ask for it there first (github.com/Arachnid/deterministic-deployment-proxy)",
                link.chain
            );
            return Err(CliError::Refused { reason }.into());
        }
        let verifier = verifier_address();
        create(&link, &purse, "deploy verifier", verifier, &deploy_verifier())?;
        compare("Verifier", verifier, &verifier_code(), &link.rpc.code(verifier)?)?;
        let parameters = Parameters { verifier, gas_limit: self.gas_limit, finality_s: self.finality };
        let contract = competitions_address(&parameters);
        let what = format!("deploy competitions with {} and {}", self.gas_limit, self.finality);
        let initcode = deploy_competitions(verifier, self.gas_limit, self.finality);
        create(&link, &purse, &what, contract, &initcode)?;
        Site::check(&link.rpc, link.chain, contract)?;
        folder::Deployed { competitions: Some(contract) }.keep(&context.home, link.chain)?;
        if context.json {
            return output::json(&printed::Deployed {
                verifier,
                contract,
                gas_limit: self.gas_limit,
                finality_s: self.finality,
                done: purse.done(),
            });
        }
        output::message(&format!("verifier {verifier}; competitions:"));
        output::data(&contract.to_string())
    }
}

/// Lets the factory create a contract, unless it has.
fn create(
    link: &Link<'_>,
    purse: &Purse<'_>,
    what: &str,
    at: Address,
    initcode: &Bytes,
) -> anyhow::Result<()> {
    purse.resume(what)?;
    if !link.rpc.code(at)?.is_empty() {
        return Ok(());
    }
    let data = contracts::create(initcode);
    let order = Order { what: what.to_owned(), to: Some(FACTORY), value: U256::ZERO, data };
    purse.send(&order, "this puts a contract onto the chain")?;
    Ok(())
}
