//! Sending a transaction once: signed, written down, sent, followed until it is deep enough. Every step may be the last
//! one of a process; the same command takes it up where it was.

use super::account::Account;
use super::amount;
use super::error::ChainError;
use super::journal::{Attempt, Journal, Signed};
use super::rpc::{Receipt, Rpc};
use crate::ledger::now;
use crate::limits;
use alloy_consensus::TxEip1559;
use alloy_consensus::transaction::RlpEcdsaDecodableTx;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use std::time::{Duration, Instant};

/// What is to be sent.
#[derive(Clone, Debug)]
pub struct Order {
    /// A name that the same command gives it every time, with all that it depends on.
    pub what: String,
    /// To whom; none creates a contract.
    pub to: Option<Address>,
    /// The coin that it carries, in wei.
    pub value: U256,
    /// The call.
    pub data: Bytes,
}

/// What it costs.
#[derive(Clone, Copy, Debug)]
pub struct Quote {
    /// Gas that it takes, as the chain's node estimates it.
    pub gas: u64,
    /// Most gas that it may take.
    pub gas_limit: u64,
    /// Price of gas now, with what proposers get, in wei.
    pub price: u128,
    /// Most that it pays for gas, in wei.
    pub max_fee: u128,
    /// Of this for proposers.
    pub tip: u128,
}

impl Quote {
    /// What the gas costs at today's price, in wei.
    pub fn likely(&self) -> U256 {
        U256::from(self.gas) * U256::from(self.price)
    }

    /// What the gas may cost, in wei.
    pub fn most(&self) -> U256 {
        U256::from(self.gas_limit) * U256::from(self.max_fee)
    }
}

/// How transactions are sent.
pub struct Sender<'a> {
    /// The chain's node.
    pub rpc: &'a Rpc,
    /// Who sends.
    pub account: &'a Account,
    /// The chain's id.
    pub chain: u64,
    /// What was signed before.
    pub journal: &'a Journal,
    /// Most gas of a transaction on this chain, where that is known.
    pub gas_limit: Option<u64>,
    /// Blocks, its own included, that make a transaction deep enough.
    pub confirmations: u64,
    /// Most that gas may cost, in wei.
    pub max_fee: u128,
    /// Told what happens.
    pub tell: &'a dyn Fn(&str),
}

/// Where a signed transaction is.
enum Place {
    /// In a block of the chain, so deep.
    Mined(Box<Receipt>, u64),
    /// The node has it, and no block.
    Waiting,
    /// The node does not have it.
    Gone,
    /// Another one took its number.
    Overtaken,
}

/// Looks, one pause apart, after which a number is believed to be taken: a node may count blocks before it has receipts.
const LOOKS: u32 = 3;

impl Sender<'_> {
    fn from(&self) -> Address {
        self.account.address()
    }

    /// What was signed under this name before and is not known to be deep in the chain.
    ///
    /// # Errors
    /// If the journal is damaged.
    pub fn started(&self, what: &str) -> Result<Option<Signed>, ChainError> {
        self.journal.find(what)
    }

    /// Takes up what was signed before: sends it again if the chain's node has lost it, and waits until it is deep enough.
    /// None if it will never count, as another transaction has its number: then it may be made anew.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub fn resume(&self, signed: &Signed) -> Result<Option<Receipt>, ChainError> {
        match self.follow(signed) {
            Ok(receipt) => Ok(Some(receipt)),
            Err(ChainError::NonceTaken { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a transaction that waits pays too little for what gas costs now: then what it would have to pay.
    ///
    /// # Errors
    /// If the chain's node does not answer.
    pub fn dearer(&self, signed: &Signed) -> Result<Option<Quote>, ChainError> {
        let Some(last) = signed.attempts.last() else { return Ok(None) };
        let waits = matches!(self.look(signed)?, Place::Waiting | Place::Gone);
        let (base, tip) = self.prices()?;
        if !waits || last.max_fee >= base {
            return Ok(None);
        }
        let transaction = decoded(signed)?;
        let quote = self.quoted(transaction.gas_limit, transaction.gas_limit, base, tip)?;
        // Nodes take another transaction of the same number if it pays a tenth more, for gas and to proposers.
        let more = |fee: u128| fee.saturating_add(fee / 8).saturating_add(1);
        let tip = quote.tip.max(more(transaction.max_priority_fee_per_gas));
        Ok(Some(Quote { max_fee: quote.max_fee.max(more(transaction.max_fee_per_gas)), tip, ..quote }))
    }

    /// Signs it once more with the same number and higher fees: at most one of them counts.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn bump(&self, mut signed: Signed, quote: &Quote) -> Result<Signed, ChainError> {
        let transaction = TxEip1559 {
            max_fee_per_gas: quote.max_fee,
            max_priority_fee_per_gas: quote.tip,
            ..decoded(&signed)?
        };
        let (raw, hash) = self.account.sign(&transaction)?;
        signed.add(Attempt { hash, raw, max_fee: quote.max_fee });
        self.journal.keep(&signed)?;
        self.broadcast(&signed)?;
        Ok(signed)
    }

    /// What a transaction will cost. Asks the chain's node to try it, so that a refusal is known before anything is sent.
    ///
    /// # Errors
    /// If a contract would refuse it, it is too dear, or the account has too little.
    pub fn quote(&self, order: &Order) -> Result<Quote, ChainError> {
        let balance = self.rpc.balance(self.from())?;
        self.check_funds(order.value, balance)?;
        let gas = self.rpc.estimate(self.from(), order.to, order.value, &order.data)?;
        let most = self.gas_limit.unwrap_or(u64::MAX).min(self.rpc.head()?.gas_limit.to());
        if gas > most {
            return Err(ChainError::TooMuchGas { expected: most, got: gas });
        }
        // A fifth more: what it takes depends on what others do before it.
        let gas_limit = gas.saturating_add(gas / 5).min(most);
        let (base, tip) = self.prices()?;
        let quote = self.quoted(gas, gas_limit, base, tip)?;
        self.check_funds(order.value.saturating_add(quote.most()), balance)?;
        Ok(quote)
    }

    fn check_funds(&self, expected: U256, got: U256) -> Result<(), ChainError> {
        if got >= expected {
            return Ok(());
        }
        let (expected, got) = (amount::coin(expected), amount::coin(got));
        Err(ChainError::Funds { account: self.from(), expected, got })
    }

    /// What a block asks for gas, and proposers on top.
    fn prices(&self) -> Result<(u128, u128), ChainError> {
        let base = self.rpc.head()?.base_fee_per_gas.ok_or(ChainError::Answer {
            method: "eth_getBlockByNumber",
            expected: "a chain with EIP-1559, whose blocks have a price of gas",
            got: "a block without one".into(),
        })?;
        Ok((base.saturating_to(), self.rpc.tip().unwrap_or(limits::CHAIN_TIP_WEI)))
    }

    fn quoted(&self, gas: u64, gas_limit: u64, base: u128, tip: u128) -> Result<Quote, ChainError> {
        let price = base.saturating_add(tip);
        if price > self.max_fee {
            let (expected, got) = (amount::gwei(self.max_fee), amount::gwei(price));
            return Err(ChainError::TooDear { expected, got });
        }
        // Twice today's price: six blocks of the steepest rise.
        let max_fee = base.saturating_mul(2).saturating_add(tip).min(self.max_fee);
        Ok(Quote { gas, gas_limit, price, max_fee, tip })
    }

    /// Signs, writes down, sends, and waits until it is deep enough.
    ///
    /// # Errors
    /// If the chain's node is down or refuses it, another transaction took its number, it was refused by the contract in
    /// the end, or it is not deep enough in time. In all of these but the second and third the same name resumes it.
    pub fn send(&self, order: &Order, quote: &Quote) -> Result<Receipt, ChainError> {
        let nonce = self.rpc.transactions(self.from(), "pending")?;
        let transaction = TxEip1559 {
            chain_id: self.chain,
            nonce,
            gas_limit: quote.gas_limit,
            max_fee_per_gas: quote.max_fee,
            max_priority_fee_per_gas: quote.tip,
            to: order.to.map_or(TxKind::Create, TxKind::Call),
            value: order.value,
            access_list: Default::default(),
            input: order.data.clone(),
        };
        let (raw, hash) = self.account.sign(&transaction)?;
        let signed = Signed {
            what: order.what.clone(),
            chain: self.chain,
            from: self.from(),
            to: order.to,
            value: order.value,
            nonce,
            signed: now(),
            attempts: vec![Attempt { hash, raw, max_fee: quote.max_fee }],
        };
        self.journal.keep(&signed)?;
        self.broadcast(&signed)?;
        self.follow(&signed)
    }

    /// Hands the last attempt to the node. Whatever the node says: if it has it afterwards, all is well.
    fn broadcast(&self, signed: &Signed) -> Result<(), ChainError> {
        let Some(last) = signed.attempts.last() else { return Ok(()) };
        let refused = match self.rpc.send(&last.raw) {
            Ok(_) => return Ok(()),
            Err(error @ ChainError::Rpc { .. }) => error,
            Err(error) => return Err(error),
        };
        if self.rpc.knows(last.hash)? {
            return Ok(());
        }
        // Somebody else's transaction has the number, in a block or waiting.
        if signed.attempts.len() == 1 && self.rpc.transactions(signed.from, "pending")? > signed.nonce {
            return Err(self.taken(signed)?);
        }
        Err(refused)
    }

    fn taken(&self, signed: &Signed) -> Result<ChainError, ChainError> {
        self.journal.forget(&signed.what)?;
        let hash = signed.attempts.last().map(|attempt| attempt.hash).unwrap_or_default();
        Ok(ChainError::NonceTaken { account: signed.from, nonce: signed.nonce, hash })
    }

    fn look(&self, signed: &Signed) -> Result<Place, ChainError> {
        for attempt in signed.attempts.iter().rev() {
            let Some(receipt) = self.rpc.receipt(attempt.hash)? else { continue };
            // A receipt of a block that has been replaced is none.
            if self.rpc.block_hash(receipt.block_number)? == Some(receipt.block_hash) {
                let head: u64 = self.rpc.head()?.number.to();
                let depth = (head + 1).saturating_sub(receipt.block_number.to());
                return Ok(Place::Mined(Box::new(receipt), depth));
            }
        }
        if self.rpc.transactions(signed.from, "latest")? > signed.nonce {
            return Ok(Place::Overtaken);
        }
        for attempt in signed.attempts.iter().rev() {
            if self.rpc.knows(attempt.hash)? {
                return Ok(Place::Waiting);
            }
        }
        Ok(Place::Gone)
    }

    /// Follows a transaction until it is deep enough.
    fn follow(&self, signed: &Signed) -> Result<Receipt, ChainError> {
        let start = Instant::now();
        let (mut block, mut depth, mut overtaken) = (None, 0, 0);
        let mut down: Option<Instant> = None;
        loop {
            let place = match self.look(signed) {
                Err(error)
                    if error.is_passing()
                        && down.is_none_or(|since| since.elapsed() < limits::CHAIN_DOWN_PATIENCE) =>
                {
                    if down.is_none() {
                        (self.tell)(&format!("{error}; trying again"));
                        down = Some(Instant::now());
                    }
                    self.pause();
                    continue;
                }
                place => place?,
            };
            down = None;
            if !matches!(place, Place::Mined(..)) && block.take().is_some() {
                depth = 0;
                (self.tell)("the chain has replaced the block with the transaction: waiting for it again");
            }
            match place {
                Place::Mined(receipt, deep) => {
                    depth = deep;
                    if receipt.status.is_zero() {
                        return Err(self.reverted(signed, &receipt)?);
                    }
                    if depth >= self.confirmations {
                        self.journal.done(signed)?;
                        return Ok(*receipt);
                    }
                    if block.replace(receipt.block_hash) != Some(receipt.block_hash) {
                        let (number, more) = (receipt.block_number, self.confirmations.saturating_sub(depth));
                        (self.tell)(&format!("in block {number}; waiting for {more} more on top of it"));
                    }
                }
                Place::Waiting => overtaken = 0,
                Place::Gone => {
                    overtaken = 0;
                    self.broadcast(signed)?;
                }
                Place::Overtaken => {
                    overtaken += 1;
                    if overtaken >= LOOKS {
                        return Err(self.taken(signed)?);
                    }
                }
            }
            if start.elapsed() > limits::CHAIN_PATIENCE {
                let hash = signed.attempts.last().map(|attempt| attempt.hash).unwrap_or_default();
                let (seconds, expected) = (now().saturating_sub(signed.signed), self.confirmations);
                return Err(ChainError::NotDeep { hash, seconds, depth, expected });
            }
            self.pause();
        }
    }

    /// Why a transaction that is in the chain did nothing: asked now, as chains do not keep it.
    fn reverted(&self, signed: &Signed, receipt: &Receipt) -> Result<ChainError, ChainError> {
        let transaction = decoded(signed)?;
        let asked = self.rpc.estimate(signed.from, signed.to, signed.value, &transaction.input);
        let reason = match asked.map_err(ChainError::from) {
            Err(ChainError::Refused(refusal)) => refusal.to_string(),
            _ if receipt.gas_used >= U256::from(transaction.gas_limit) => "gas ran out".to_owned(),
            _ => "for a reason that does not hold any more: try again".to_owned(),
        };
        self.journal.forget(&signed.what)?;
        Ok(ChainError::Reverted { hash: receipt.transaction_hash, reason })
    }

    fn pause(&self) {
        let local = self.rpc.endpoint().is_local();
        let pause: Duration = if local { limits::CHAIN_POLL_LOCAL } else { limits::CHAIN_POLL };
        std::thread::sleep(pause);
    }
}

/// The transaction that was signed last.
fn decoded(signed: &Signed) -> Result<TxEip1559, ChainError> {
    let raw = signed.attempts.last().map(|attempt| attempt.raw.clone()).unwrap_or_default();
    let transaction = TxEip1559::eip2718_decode(&mut raw.as_ref());
    transaction.map(|signed| signed.strip_signature()).map_err(|error| ChainError::Malformed {
        path: signed.what.clone().into(),
        expected: "a signed transaction",
        got: error.to_string(),
    })
}
