//! A chain's node, and our contracts there.

use super::Options;
use crate::chain::ChainError;
use crate::chain::account::{Account, AccountFile};
use crate::chain::asset::Asset;
use crate::chain::endpoint::Endpoint;
use crate::chain::folder::Deployed;
use crate::chain::rpc::Rpc;
use crate::chain::site::Site;
use crate::cli::ask::confirm;
use crate::cli::context::{CliError, Context};
use crate::cli::output;
use contracts::{Address, Parameters, competitions_address, verifier_address};

/// Ethereum's chain id.
const ETHEREUM: u64 = 1;

/// A connection to a chain.
pub struct Link<'a> {
    pub context: &'a Context,
    pub options: &'a Options,
    pub rpc: Rpc,
    /// The chain's id.
    pub chain: u64,
}

impl<'a> Link<'a> {
    /// Connects, and compares the chain.
    pub fn open(context: &'a Context, options: &'a Options) -> anyhow::Result<Self> {
        let url = options.rpc.as_deref().ok_or_else(|| CliError::Usage {
            reason:
                "expected --rpc URL, a node of the chain: also as PODIUM_RPC, or `rpc` in the configuration \
                     file's table [chain]"
                    .to_owned(),
        })?;
        let endpoint = Endpoint::parse(url)?;
        if !endpoint.is_local() {
            output::message(&format!(
                "note: {} is not this machine, and nothing protects what is said on the way there",
                endpoint.shown()
            ));
        }
        let rpc = Rpc::new(endpoint)?;
        let got = rpc.chain()?;
        match options.chain_id {
            Some(expected) if expected != got => Err(ChainError::WrongChain { expected, got }.into()),
            _ => Ok(Self { context, options, rpc, chain: got }),
        }
    }

    /// The contract that was named, or deployed from here, or the one with the usual parameters.
    fn contract(&self) -> anyhow::Result<Address> {
        if let Some(contract) = self.options.contract {
            return Ok(contract);
        }
        let usual = Parameters {
            verifier: verifier_address(),
            gas_limit: contracts::ETHEREUM_GAS_LIMIT,
            finality_s: contracts::ETHEREUM_FINALITY_S,
        };
        let deployed = Deployed::read(&self.context.home, self.chain)?.competitions;
        Ok(deployed.unwrap_or_else(|| competitions_address(&usual)))
    }

    /// Our contracts, compared with our code.
    pub fn site(&self) -> anyhow::Result<Site> {
        let contract = self.contract()?;
        if self.options.contract.is_none() && self.rpc.code(contract)?.is_empty() {
            let reason = format!(
                "the chain {} has no contract of the competitions at {contract}: `node chain deploy` makes one, \
                 --contract names another",
                self.chain
            );
            return Err(CliError::Refused { reason }.into());
        }
        Ok(Site::check(&self.rpc, self.chain, contract)?)
    }

    /// Who deploys chooses what the contract takes for final: with nothing a host could reveal and win in one second, and
    /// take the bonds of all others.
    pub fn check_parameters(&self, site: &Site) -> anyhow::Result<()> {
        let (least, most) = (contracts::ETHEREUM_FINALITY_S, contracts::ETHEREUM_GAS_LIMIT);
        let Parameters { finality_s, gas_limit, .. } = site.parameters;
        if finality_s >= least && gas_limit <= most {
            return Ok(());
        }
        let said = format!(
            "the contract takes blocks for final after {finality_s} s and transactions of {gas_limit} gas; on Ethereum \
             these are {least} and {most}"
        );
        if self.chain == ETHEREUM {
            return Err(CliError::Refused { reason: said }.into());
        }
        output::message(&said);
        confirm(
            self.context,
            "a reveal counts before blocks of the last entries are final, unless this chain is faster",
        )
    }

    /// Whether an account was named.
    pub fn has_account(&self) -> bool {
        self.options.key_file.is_some() || self.options.keystore.is_some()
    }

    /// The account that was named.
    pub fn account(&self) -> anyhow::Result<Account> {
        let (options, usage) = (self.options, |reason: &str| CliError::Usage { reason: reason.to_owned() });
        let file = match (&options.keystore, &options.password_file, &options.key_file) {
            (None, _, Some(key)) => AccountFile::Key(key.clone()),
            (Some(keystore), Some(password), None) => {
                AccountFile::Keystore { keystore: keystore.clone(), password: password.clone() }
            }
            (Some(_), None, None) => {
                return Err(
                    usage("expected --password-file FILE with --keystore, - for standard input").into()
                );
            }
            (Some(_), _, Some(_)) => {
                return Err(usage("expected one account: --keystore or --key-file").into());
            }
            (None, _, None) => {
                return Err(usage(
                    "expected an account: --keystore FILE --password-file FILE, or --key-file FILE",
                )
                .into());
            }
        };
        Ok(Account::open(&file)?)
    }

    /// The asset of a token's address; zero is the chain's coin.
    pub fn asset(&self, token: Address) -> anyhow::Result<Asset> {
        Ok(Asset::of(&self.rpc, token)?)
    }

    /// The time on the chain, in seconds since 1970.
    pub fn now(&self) -> anyhow::Result<u64> {
        Ok(self.rpc.head()?.timestamp.to())
    }
}
