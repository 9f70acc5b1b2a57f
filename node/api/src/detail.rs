//! All of one submission, and a competition's prize.

use crate::Standing;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All that is known of one verified submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubmissionDetail {
    /// Whole id in hex.
    pub id: String,
    /// What it states, whole, in hex: its identity.
    pub statement: String,
    /// Competition id in hex.
    pub competition: String,
    /// Entry id in hex.
    pub entry: String,
    /// Id in hex of the reveal that it refers to; none in an open competition.
    pub reveal: Option<String>,
    /// Display name of the entry; not unique.
    pub display_name: String,
    /// Competitor's peer id.
    pub competitor: String,
    /// Size class.
    pub size_class: String,
    /// The model commitment in hex.
    pub commitment: String,
    /// BLAKE3 of the verifying key that its proofs were checked with, in hex: the competition pins it.
    pub verifying_key: String,
    /// BLAKE3 of the proving key, in hex.
    pub proving_key: String,
    /// BLAKE3 of the test set, in hex.
    pub test_set: Option<String>,
    /// Proved count.
    pub correct: u64,
    /// Of so many rows.
    pub rows: u64,
    /// Proved counts of its chunks, in order.
    pub chunks: Vec<u64>,
    /// Bytes of its proofs.
    pub proof_bytes: u64,
    /// Bytes of the signed record.
    pub record_bytes: u64,
    /// Where it stands.
    pub standing: Standing,
    /// The competitor's claim of when it was made, seconds since 1970.
    pub created: u64,
    /// When this node saw it first, seconds since 1970.
    pub first_seen: u64,
    /// Verification time in microseconds, 0 if not measured.
    pub verify_us: u64,
}

/// A prize that a contract is said to hold: look there whether it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Prize {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The contract's address, `0x` and hex.
    pub contract: String,
    /// The competition's id in the contract, in hex.
    pub id: String,
    /// What the chain says.
    pub status: PrizeStatus,
}

/// What the chain says of a prize, as this node's own node of the chain tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum PrizeStatus {
    /// This node looks at no chain, or has not looked yet.
    #[default]
    Unwatched,
    /// The chain could not be asked, or there is no such competition in a contract of ours.
    Unknown {
        /// Why, for people.
        reason: String,
        /// When that was found, seconds since 1970.
        looked: u64,
    },
    /// The contract has it.
    Held {
        /// The prize, in whole coins or tokens.
        amount: String,
        /// The token's address if it is not the chain's own coin.
        token: Option<String>,
        /// `open`, `revealed`, `won`, `unwon`, `abandoned` or `cancelled`.
        phase: String,
        /// Models that are entered on the chain.
        entries: u64,
        /// Those with a proved score.
        proved: u64,
        /// Most rows proved right, if any are.
        best: Option<u64>,
        /// What the record says otherwise: if anything, the chain is what counts for the prize.
        differences: Vec<Difference>,
        /// When it was looked at, seconds since 1970.
        looked: u64,
    },
}

/// What a chain and a competition's record say differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Of what.
    pub what: String,
    /// What the chain says.
    pub chain: String,
    /// What the record says.
    pub record: String,
}

impl Prize {
    /// For a column: how much it is as far as the chain says so, with a mark where chain and record differ.
    pub fn short(&self) -> String {
        match &self.status {
            PrizeStatus::Held { amount, differences, .. } if differences.is_empty() => amount.clone(),
            PrizeStatus::Held { amount, .. } => format!("!{amount}"),
            PrizeStatus::Unknown { .. } => "?".to_owned(),
            PrizeStatus::Unwatched => "named".to_owned(),
        }
    }

    /// Where it is, for people.
    pub fn place(&self) -> String {
        format!("{} on chain {}, competition 0x{}", self.contract, self.chain_id, self.id)
    }

    /// One line for people: how much, where it stands, and what differs.
    pub fn said(&self) -> String {
        match &self.status {
            PrizeStatus::Unwatched => "says the host; this node does not look at the chain".to_owned(),
            PrizeStatus::Unknown { reason, .. } => format!("says the host; {reason}"),
            PrizeStatus::Held { amount, token, phase, entries, proved, best, differences, .. } => {
                let token = token.as_ref().map(|token| format!(" of the token {token}")).unwrap_or_default();
                let best = best.map(|rows| format!(", best {rows} rows")).unwrap_or_default();
                let differ = match differences.len() {
                    0 => String::new(),
                    n => format!("; MISMATCH between chain and record in {n}"),
                };
                format!(
                    "{amount}{token}, {phase} on the chain, {entries} entered, {proved} proved{best}{differ}"
                )
            }
        }
    }

    /// What differs, one line each.
    pub fn differences(&self) -> Vec<String> {
        let PrizeStatus::Held { differences, .. } = &self.status else { return Vec::new() };
        differences
            .iter()
            .map(|d| format!("MISMATCH: {}: the chain says {}, the record {}", d.what, d.chain, d.record))
            .collect()
    }
}
