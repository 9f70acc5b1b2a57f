//! Tests that need the crate's inside: twins, tampering, determinism.

mod determinism;
mod gadgets;
mod independent;
mod keys;
mod prover;
mod support;
mod tamper;
mod twin;
