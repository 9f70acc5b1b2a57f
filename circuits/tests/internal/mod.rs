//! Tests that need the crate's inside: twins, tampering, determinism, the prover.

mod batch;
mod carried;
mod cost;
mod determinism;
mod gadgets;
mod independent;
mod keys;
mod prover;
mod simulator;
mod support;
mod tamper;
mod twin;
