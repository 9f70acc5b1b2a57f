//! The daemon and the command line of Podium.
//!
//! ```text
//! cli/         one command a file; anyhow ends here
//! daemon/      the loop over network, clients, finished work and timers
//! net/         libp2p: transports, gossip, exchange protocol
//! metrics/     what the node measures of itself, for Prometheus
//! api_server   the local socket;  client: its other end
//! ledger       records of this node: validation core, store and blobs together
//! store/       where records lie;  space: whether the disk has room;  blobs/: where files lie;  needed: which of them;  bundle: all of a competition in a file;  home: the data folder
//! prover/      from a model to signed records;  keys: proving keys;  drafts, openings: what opens entries;  hosted: seals
//! chain/       prizes on an EVM chain: contracts, accounts, transactions that are sent once
//! scratch      temporary files, of which an interrupt leaves none
//! limits       every bound
//! ```

mod api_server;
mod blobs;
mod bundle;
mod cache;
mod chain;
mod cli;
mod client;
mod daemon;
mod drafts;
mod home;
mod hosted;
mod keys;
mod ledger;
pub mod limits;
mod materials;
mod metrics;
mod needed;
#[allow(missing_docs, reason = "what the derive of NetworkBehaviour makes has none")]
pub mod net;
mod openings;
mod prover;
mod scratch;
mod space;
mod store;
mod views;

/// The whole program, for both names under which it is installed.
pub fn main() -> std::process::ExitCode {
    cli::main()
}
