//! Prizes on an EVM chain: what this node asks of a chain's node, and what it sends there.
//!
//! ```text
//! endpoint   the node's address, and plain HTTP to it;  rpc: what is asked, and the shape of answers
//! site       our contracts, compared with our code, and what they say;  find: competitions by the contract's events
//! account    keys that sign;  journal: what was signed;  send: sent once, whatever happens in between
//! folder     terms, openings and proofs on disk;  entrant: what a competitor proves
//! compare    whether the chain and a competition's record say the same
//! watch      what the chain says of prizes that records name, for boards
//! asset      coin or token;  amount: money as text
//! ```

pub mod account;
pub mod amount;
pub mod asset;
pub mod compare;
pub mod endpoint;
pub mod entrant;
mod error;
pub mod find;
pub mod folder;
pub mod journal;
pub mod rpc;
pub mod send;
pub mod site;
#[cfg(test)]
mod tests;
pub mod watch;

pub use error::ChainError;
