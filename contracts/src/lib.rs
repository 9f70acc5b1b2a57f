//! Prizes that an EVM chain pays by proof, without the host's signature: the contracts' bindings, and what a competitor
//! has to prove there. Everything here is a pure function of its arguments: no network, no disk, no clock.
//!
//! ```text
//! bindings    typed calls, events and errors, out of artefacts/
//! pieces      data as contract code, in pieces
//! key         a verifying key as it is registered
//! test_set    a test set as it is sealed and revealed
//! phase       where a competition stands
//! competition terms, ids, and the statements of proofs
//! call        what is sent
//! event       what comes back
//! code        where the contracts are, and what stands there
//! refusal     why a call was refused
//! token       what is asked of a token
//! ```

pub mod bindings;
mod call;
mod code;
mod competition;
mod event;
mod key;
mod phase;
mod pieces;
mod refusal;
mod test_set;
pub mod token;

pub use alloy_primitives::{Address, B256, Bytes, Log, U256};
pub use bindings::Competitions::{Shape, Terms};
pub use bindings::Verifier::Cost;
pub use call::{
    cancel, claim, deploy_competitions, deploy_verifier, enter, finalise, post, register_key, release,
    reveal, store, submit,
};
pub use code::{
    FACTORY, Parameters, competitions_address, competitions_code, create, created_at, verifier_address,
    verifier_code,
};
pub use competition::{
    Deployment, OUTSIDE_GAS, TermsError, chunks, chunks_at_once, competition_id, entry_id, model_scope,
    score_claims,
};
pub use event::{Event, EventError, event};
pub use key::ChainKey;
pub use phase::Phase;
pub use pieces::{MAX_PIECE_BYTES, Pieces};
pub use refusal::{Refusal, refusal};
pub use test_set::{SealedTestSet, seal};

/// Most gas that a transaction may take on Ethereum (EIP-7825): what `Competitions` is deployed with there.
pub const ETHEREUM_GAS_LIMIT: u64 = 1 << 24;
/// Seconds after which a block of Ethereum is final, as a rule: three epochs of 32 slots, and a little.
pub const ETHEREUM_FINALITY_S: u64 = 1_200;
