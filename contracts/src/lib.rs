//! Settlement of prizes on an EVM chain: Solidity sources, committed artefacts and Rust bindings.
//!
//! The layout only, for now: no competition can lock a prize yet.
