//! The contracts in a real EVM: revm, with pairings of `substrate-bn`, which shares no code with the prover.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may fail loudly

mod anvil;
mod attacks;
mod code;
mod evm;
mod gas;
mod keys;
mod life;
mod money;
mod payout;
mod play;
mod snarkjs;
mod statements;
mod support;
mod test_sets;
mod verifier;
