//! What can go wrong between this machine and a chain.

use crate::home::HomeError;
use alloy_primitives::{Address, B256};
use contracts::{Refusal, TermsError};
use std::path::PathBuf;

/// What can go wrong between this machine and a chain.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// No address of a chain's node that can be used.
    #[error("{got}: expected {expected}")]
    Endpoint {
        /// What it should be.
        expected: &'static str,
        /// What was given, without what could be secret.
        got: String,
    },
    /// The chain's node does not answer.
    #[error("the chain's node at {endpoint} does not answer: {reason}")]
    Down {
        /// Host and port.
        endpoint: String,
        /// What was tried, and what came.
        reason: String,
    },
    /// The chain's node answers something else.
    #[error("the chain's node answered {method} with something else: expected {expected}, got {got}")]
    Answer {
        /// What was asked.
        method: &'static str,
        /// What should have come.
        expected: &'static str,
        /// What came, cut short.
        got: String,
    },
    /// The chain's node refuses the request itself.
    #[error("the chain's node refused {method}: {message} (code {code})")]
    Rpc {
        /// What was asked.
        method: &'static str,
        /// JSON-RPC's code.
        code: i64,
        /// Its words, cut short.
        message: String,
    },
    /// Another chain than the one that is meant.
    #[error("expected a node of the chain {expected}, got one of the chain {got}: is --rpc the right one?")]
    WrongChain {
        /// The chain that is meant.
        expected: u64,
        /// The chain of the node.
        got: u64,
    },
    /// No contract of ours.
    #[error(
        "{address} is not our contract `{what}`: expected code with the hash {expected}, got {got}; nothing was sent"
    )]
    Foreign {
        /// Which contract it should be.
        what: &'static str,
        /// Where.
        address: Address,
        /// Hash of our code.
        expected: B256,
        /// Hash of the code that is there, or `none`.
        got: String,
    },
    /// Code of ours that something else has put there.
    #[error(
        "{address} has the code of our contract `{what}`, but was not created by it: expected it at {expected}. Whoever \
         created it could have written into its books before; nothing was sent"
    )]
    Elsewhere {
        /// Which contract it should be.
        what: &'static str,
        /// Where.
        address: Address,
        /// Where our code creates it.
        expected: Address,
    },
    /// The contract would refuse the call, or has.
    #[error("the contract refuses it: {0}")]
    Refused(Box<Refusal>),
    /// No amount.
    #[error("expected an amount with at most {decimals} decimals, got {got:?}")]
    Amount {
        /// Decimals of the asset.
        decimals: u8,
        /// What was given.
        got: String,
    },
    /// Terms that the contract would refuse.
    #[error("the contract would refuse these terms: {0}")]
    Terms(#[from] TermsError),
    /// Not enough money.
    #[error(
        "{account} has too little: expected at least {expected}, got {got}; send it more, or lower --max-fee"
    )]
    Funds {
        /// Who pays.
        account: Address,
        /// What it takes at most.
        expected: String,
        /// What it has.
        got: String,
    },
    /// Dearer than the user admits.
    #[error(
        "gas is too dear now: expected a price of at most {expected} gwei, got {got}; wait, or raise --max-fee"
    )]
    TooDear {
        /// The most.
        expected: String,
        /// What the chain asks for.
        got: String,
    },
    /// More gas than a transaction may take.
    #[error("expected a transaction of at most {expected} gas, got one of {got}")]
    TooMuchGas {
        /// The most.
        expected: u64,
        /// What the chain's node estimates.
        got: u64,
    },
    /// Somebody else has used the account at the same time.
    #[error(
        "another transaction of {account} took the number {nonce}, so that this one ({hash}) will never count: \
         is the account in use elsewhere? The same command looks what is missing, and goes on"
    )]
    NonceTaken {
        /// The account.
        account: Address,
        /// The number of the transaction.
        nonce: u64,
        /// Its hash.
        hash: B256,
    },
    /// It was sent, but did not get deep enough into the chain in time.
    #[error(
        "{hash} was sent {seconds} s ago and is {depth} blocks deep: expected {expected}; the same command goes on waiting"
    )]
    NotDeep {
        /// The transaction.
        hash: B256,
        /// How long ago.
        seconds: u64,
        /// Its own block counts; 0 if it is in none.
        depth: u64,
        /// Confirmations that were asked for.
        expected: u64,
    },
    /// It was mined and did nothing.
    #[error("{hash} is in the chain, and was refused there: {reason}")]
    Reverted {
        /// The transaction.
        hash: B256,
        /// Why, as far as it can be told afterwards.
        reason: String,
    },
    /// No account.
    #[error("{path}: expected {expected}: {reason}")]
    Account {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What is wrong; nothing of its content.
        reason: String,
    },
    /// A file of ours that is damaged.
    #[error("{path}: expected {expected}, got {got}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
    /// Another command is sending from the same account.
    #[error("another command is sending from {account} (it holds {}): wait until it has ended", path.display())]
    InUse {
        /// The account.
        account: Address,
        /// What it holds.
        path: PathBuf,
    },
    /// A competition that is nowhere.
    #[error(
        "no competition {id} was found: expected its id, or the start of it, of one whose terms are in the data \
         folder or that was posted at {contract}"
    )]
    Unknown {
        /// What was given.
        id: String,
        /// The contract that was asked.
        contract: String,
    },
    /// More than one begins so.
    #[error("{id} is ambiguous, it could be:\n  {}", candidates.join("\n  "))]
    Ambiguous {
        /// What was given.
        id: String,
        /// Whole ids.
        candidates: Vec<String>,
    },
    /// Chain and gossip say different things.
    #[error("{what}: expected {expected}, got {got}")]
    Mismatch {
        /// Of what.
        what: &'static str,
        /// What the one says.
        expected: String,
        /// What the other says.
        got: String,
    },
    /// Signing.
    #[error("the transaction was not signed: {0}")]
    Sign(#[from] alloy_signer::Error),
    /// The system has no thread or socket.
    #[error("the network of this machine: {0}")]
    Runtime(std::io::Error),
    /// Files.
    #[error(transparent)]
    Home(#[from] HomeError),
}

impl ChainError {
    /// Whether it is worth while to ask again soon.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Down { .. })
    }
}

/// As much of a stranger's text as an error message has room for.
pub fn cut(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(200).map(clean).collect()
}
