//! Tests that need the crate's inside: twins, tampering, determinism, the prover.

mod carried;
mod determinism;
mod gadgets;
mod independent;
mod keys;
mod prover;
mod support;
mod tamper;
mod twin;
