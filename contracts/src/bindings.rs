//! Typed calls, events and errors of the contracts, out of the committed artefacts; and their bytecode.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)] // generated: the documentation is the NatSpec of the sources

use alloy_sol_types::sol;

sol!(
    #[derive(Debug, PartialEq, Eq)]
    Verifier,
    "artefacts/Verifier.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    Competitions,
    "artefacts/Competitions.json"
);
