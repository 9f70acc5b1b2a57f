//! Sending for people: what it costs is shown, they are asked, and what was begun is taken up.

use super::link::Link;
use super::printed::{Done, Transaction};
use crate::chain::account::Account;
use crate::chain::asset::Asset;
use crate::chain::journal::Journal;
use crate::chain::rpc::Receipt;
use crate::chain::send::{Order, Quote, Sender};
use crate::chain::site::Site;
use crate::chain::{ChainError, amount};
use crate::cli::ask::confirm;
use crate::cli::output;
use crate::limits;
use alloy_sol_types::SolCall;
use contracts::token::Erc20;
use contracts::{Address, Bytes, U256};
use std::cell::{Cell, RefCell};

/// An account that sends on a chain.
pub struct Purse<'a> {
    link: &'a Link<'a>,
    account: Account,
    journal: Journal,
    gas_limit: Option<u64>,
    sent: RefCell<Vec<Transaction>>,
    agreed: Cell<bool>,
}

impl<'a> Purse<'a> {
    /// Opens the account and its journal.
    pub fn open(link: &'a Link<'a>, site: Option<&Site>) -> anyhow::Result<Self> {
        let account = link.account()?;
        let journal = Journal::open(&link.context.home, link.chain, account.address())?;
        let gas_limit = site.map(|site| site.parameters.gas_limit);
        let (sent, agreed) = (RefCell::default(), Cell::new(false));
        Ok(Self { link, account, journal, gas_limit, sent, agreed })
    }

    /// Who sends.
    pub fn address(&self) -> Address {
        self.account.address()
    }

    /// What was sent, for JSON.
    pub fn done(&self) -> Done {
        let transactions = self.sent.take();
        Done {
            chain_id: self.link.chain,
            account: self.address(),
            already: transactions.is_empty(),
            transactions,
        }
    }

    fn sender<'s>(&'s self, tell: &'s dyn Fn(&str)) -> Sender<'s> {
        Sender {
            rpc: &self.link.rpc,
            account: &self.account,
            chain: self.link.chain,
            journal: &self.journal,
            gas_limit: self.gas_limit,
            confirmations: self.link.options.confirmations,
            max_fee: u128::from(self.link.options.max_fee) * 1_000_000_000,
            tell,
        }
    }

    /// Takes up what the same command had begun: whether it is done by that. To be called before what there is on the
    /// chain is looked at.
    pub fn resume(&self, what: &str) -> anyhow::Result<Option<Receipt>> {
        let tell = |text: &str| output::message(&format!("{what}: {text}"));
        let sender = self.sender(&tell);
        let Some(mut signed) = sender.started(what)? else { return Ok(None) };
        tell("signed before, and taken up");
        if let Some(quote) = sender.dearer(&signed)? {
            let (base, most) = (amount::gwei(quote.price), amount::coin(quote.most()));
            tell(&format!("gas costs {base} gwei now, more than was agreed to: at most {most} in all"));
            confirm(
                self.link.context,
                "this sends the same transaction with more for gas; one of them counts",
            )?;
            signed = sender.bump(signed, &quote)?;
        }
        match sender.resume(&signed)? {
            Some(receipt) => {
                self.record(what, &receipt);
                Ok(Some(receipt))
            }
            None => {
                tell("another transaction has its number: it is made anew if need be");
                Ok(None)
            }
        }
    }

    /// Takes up all that was begun under names that begin so.
    pub fn resume_all(&self, prefix: &str) -> anyhow::Result<()> {
        for what in self.journal.begun(prefix)? {
            self.resume(&what)?;
        }
        Ok(())
    }

    /// Shows what it costs, asks, and sends.
    pub fn send(&self, order: &Order, why: &str) -> anyhow::Result<Receipt> {
        let tell = |text: &str| output::message(&format!("{}: {text}", order.what));
        let sender = self.sender(&tell);
        let mut left = limits::CHAIN_NONCE_RETRIES;
        loop {
            let quote = sender.quote(order)?;
            self.agree(order, why, &quote)?;
            match sender.send(order, &quote) {
                Err(error @ ChainError::NonceTaken { .. }) if left > 0 => {
                    left -= 1;
                    tell(&error.to_string());
                }
                sent => {
                    let receipt = sent?;
                    self.record(&order.what, &receipt);
                    return Ok(receipt);
                }
            }
        }
    }

    /// Whoever has agreed to the first transaction of a command is shown the others.
    fn agree(&self, order: &Order, why: &str, quote: &Quote) -> anyhow::Result<()> {
        let carried = match order.value.is_zero() {
            true => String::new(),
            false => format!("carries {}, and ", amount::coin(order.value)),
        };
        let (likely, most) = (amount::coin(quote.likely()), amount::coin(quote.most()));
        let cost = format!(
            "{}: {carried}takes {} gas: about {likely} now, at most {most} (of the coin of chain {})",
            order.what, quote.gas, self.link.chain
        );
        output::message(&cost);
        if !self.agreed.get() {
            let from = self.address();
            confirm(self.link.context, &format!("{why}, from the account {from}"))?;
            self.agreed.set(true);
        }
        Ok(())
    }

    fn record(&self, what: &str, receipt: &Receipt) {
        let paid = receipt.gas_used.saturating_mul(receipt.effective_gas_price);
        let gas: u64 = receipt.gas_used.saturating_to();
        let (block, hash) = (receipt.block_number.to(), receipt.transaction_hash);
        output::message(&format!("{what}: done in block {block}, for {gas} gas, {}", amount::coin(paid)));
        self.sent.borrow_mut().push(Transaction {
            what: what.to_owned(),
            hash,
            block,
            gas,
            paid: amount::coin(paid),
        });
    }

    /// Lets the contract take an amount of a token, unless it may already. Nothing for the chain's coin.
    pub fn approve(&self, site: &Site, asset: &Asset, amount: u128) -> anyhow::Result<()> {
        if asset.is_coin() || amount == 0 {
            return Ok(());
        }
        let (owner, spender) = (self.address(), site.at.contract);
        let what = format!("approve {amount} of {} for {spender}", asset.token);
        self.resume(&what)?;
        let allowance = self.link.rpc.view(asset.token, &Erc20::allowanceCall { owner, spender });
        if allowance.map_err(ChainError::from)? >= U256::from(amount) {
            return Ok(());
        }
        let data: Bytes = Erc20::approveCall { spender, value: U256::from(amount) }.abi_encode().into();
        let order = Order { what, to: Some(asset.token), value: U256::ZERO, data };
        self.send(&order, &format!("this lets the contract take {}", asset.text(U256::from(amount))))?;
        Ok(())
    }
}
