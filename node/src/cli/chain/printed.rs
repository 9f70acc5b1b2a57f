//! What `node chain` prints with `--json`.

use api::Difference;
use contracts::{Address, B256};
use schemars::JsonSchema;
use serde::Serialize;

/// What every command that sends has in common.
#[derive(Serialize, JsonSchema)]
pub struct Done {
    /// The chain's id.
    pub chain_id: u64,
    /// Who sent.
    #[schemars(with = "String")]
    pub account: Address,
    /// Whether there was nothing to send: it had been done before.
    pub already: bool,
    /// What was sent, or was under way, and is deep enough in the chain now.
    pub transactions: Vec<Transaction>,
}

/// A transaction.
#[derive(Serialize, JsonSchema)]
pub struct Transaction {
    /// What it did.
    pub what: String,
    /// Its hash.
    #[schemars(with = "String")]
    pub hash: B256,
    /// Its block.
    pub block: u64,
    /// Gas that it took.
    pub gas: u64,
    /// What that cost, in the chain's coin.
    pub paid: String,
}

/// `node chain deploy`
#[derive(Serialize, JsonSchema)]
pub struct Deployed {
    /// Contract of keys, test sets and proofs.
    #[schemars(with = "String")]
    pub verifier: Address,
    /// Contract of the competitions.
    #[schemars(with = "String")]
    pub contract: Address,
    /// Most gas of a transaction that it reckons with.
    pub gas_limit: u64,
    /// Seconds after which it takes a block as final.
    pub finality_s: u64,
    /// What was sent.
    #[serde(flatten)]
    pub done: Done,
}

/// `node chain register-key`
#[derive(Serialize, JsonSchema)]
pub struct Registered {
    /// Size class.
    pub size_class: &'static str,
    /// Digest of the key.
    #[schemars(with = "String")]
    pub key: B256,
    /// What was sent.
    #[serde(flatten)]
    pub done: Done,
}

/// `node chain post`
#[derive(Serialize, JsonSchema)]
pub struct Posted {
    /// Id of the competition on the chain.
    #[schemars(with = "String")]
    pub competition: B256,
    /// Id of its record off chain.
    pub record: String,
    /// The contract.
    #[schemars(with = "String")]
    pub contract: Address,
    /// The prize.
    pub prize: String,
    /// Entries before this time on the chain, seconds since 1970.
    pub enter_until: u64,
    /// Reveal from this time on.
    pub reveal_from: u64,
    /// Reveal before this time.
    pub reveal_until: u64,
    /// Proofs before this time.
    pub submit_until: u64,
    /// What was sent.
    #[serde(flatten)]
    pub done: Done,
}

/// `node chain enter`
#[derive(Serialize, JsonSchema)]
pub struct Entered {
    /// Id of the competition on the chain.
    #[schemars(with = "String")]
    pub competition: B256,
    /// Id of the entry.
    #[schemars(with = "String")]
    pub entry: B256,
    /// File of what opens the commitment: as secret as the model.
    pub opening: String,
    /// What was sent.
    #[serde(flatten)]
    pub done: Done,
}

/// `node chain reveal`, `finalise`, `cancel`
#[derive(Serialize, JsonSchema)]
pub struct Moved {
    /// Id of the competition on the chain.
    #[schemars(with = "String")]
    pub competition: B256,
    /// Where it stands now.
    pub phase: &'static str,
    /// What was sent.
    #[serde(flatten)]
    pub done: Done,
}

/// `node chain submit`
#[derive(Serialize, JsonSchema)]
pub struct Submitted {
    /// Id of the competition on the chain.
    #[schemars(with = "String")]
    pub competition: B256,
    /// Id of the entry.
    #[schemars(with = "String")]
    pub entry: B256,
    /// Rows that are proved on the chain.
    pub correct: u64,
    /// Rows of the test set.
    pub rows: u64,
    /// Chunks that were proved now.
    pub chunks_proved: usize,
    /// Whether the threshold is reached.
    pub reaches_threshold: bool,
    /// What was sent.
    #[serde(flatten)]
    pub done: Done,
}

/// `node chain release`
#[derive(Serialize, JsonSchema)]
pub struct Released {
    /// Id of the competition on the chain.
    #[schemars(with = "String")]
    pub competition: B256,
    /// The entries whose bonds are settled.
    #[schemars(with = "Vec<String>")]
    pub entries: Vec<B256>,
    /// What was sent.
    #[serde(flatten)]
    pub done: Done,
}

/// `node chain claim`
#[derive(Serialize, JsonSchema)]
pub struct Claimed {
    /// What was paid now.
    pub amount: String,
    /// To whom.
    #[schemars(with = "String")]
    pub to: Address,
    /// What was sent.
    #[serde(flatten)]
    pub done: Done,
}

/// `node chain status`
#[derive(Serialize, JsonSchema)]
pub struct Status {
    /// The chain's id.
    pub chain_id: u64,
    /// The contract.
    #[schemars(with = "String")]
    pub contract: Address,
    /// Id of the competition on the chain.
    #[schemars(with = "String")]
    pub competition: B256,
    /// Id of its record off chain, if that is here.
    pub record: Option<String>,
    /// Where it stands: `not posted`, `open`, `revealed`, `won`, `unwon`, `abandoned` or `cancelled`.
    pub phase: &'static str,
    /// What can be done now.
    pub next: String,
    /// The time on the chain, seconds since 1970.
    pub now: u64,
    /// Its terms.
    pub terms: Terms,
    /// Entries so far.
    pub entries: u64,
    /// Entries with a score.
    pub proved: u64,
    /// Digest of the revealed test set.
    #[schemars(with = "Option<String>")]
    pub test_set: Option<B256>,
    /// Who would win, or has won, best first.
    pub ranking: Vec<Ranked>,
    /// The account, if one was named.
    #[schemars(with = "Option<String>")]
    pub account: Option<Address>,
    /// What the contract owes it, of this competition's asset and all competitions.
    pub owed: Option<String>,
    /// Own entries.
    pub own: Vec<OwnEntry>,
    /// What the chain and the record say differently.
    pub differences: Vec<Difference>,
}

/// Terms for people.
#[derive(Serialize, JsonSchema)]
pub struct Terms {
    /// Who posted it.
    #[schemars(with = "String")]
    pub host: Address,
    /// The asset; zero is the chain's coin.
    #[schemars(with = "String")]
    pub token: Address,
    /// The prize.
    pub prize: String,
    /// What the host loses by not revealing.
    pub host_bond: String,
    /// What an entry costs until it is settled.
    pub bond: String,
    /// Digest of the verifying key.
    #[schemars(with = "String")]
    pub key: B256,
    /// The seal of the test set.
    #[schemars(with = "String")]
    pub seal: B256,
    /// Digest of the record off chain.
    #[schemars(with = "String")]
    pub manifest: B256,
    /// Rows of the test set.
    pub rows: u32,
    /// Least accuracy that wins, in basis points.
    pub threshold_bps: u16,
    /// 0: the first that reaches the threshold takes all; else so many share the prize.
    pub winners: u8,
    /// Entries before this time.
    pub enter_until: u64,
    /// Reveal from this time on.
    pub reveal_from: u64,
    /// Reveal before this time.
    pub reveal_until: u64,
    /// Proofs before this time.
    pub submit_until: u64,
    /// Most entries.
    pub max_entries: u32,
    /// Most entries of one account.
    pub max_entries_each: u32,
}

/// A place.
#[derive(Serialize, JsonSchema)]
pub struct Ranked {
    /// From 1.
    pub rank: usize,
    /// Who is paid.
    #[schemars(with = "String")]
    pub account: Address,
    /// The entry's number.
    pub entry: u32,
    /// Rows that are proved.
    pub correct: u32,
    /// The same as basis points.
    pub accuracy_bps: u32,
}

/// An own entry.
#[derive(Serialize, JsonSchema)]
pub struct OwnEntry {
    /// Its id.
    #[schemars(with = "String")]
    pub entry: B256,
    /// Its number; 0 if it is not on the chain.
    pub number: u32,
    /// Rows that are proved.
    pub correct: u32,
    /// Whether anything is.
    pub proved: bool,
    /// Whether its bond is settled.
    pub released: bool,
}
