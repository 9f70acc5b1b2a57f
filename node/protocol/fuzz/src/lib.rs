//! What fuzzing checks, as plain functions of bytes: the fuzz targets run them on what libFuzzer thinks of, and
//! `tests/fuzz_corpus.rs` of package `protocol` on the seeds and some changes of them. They panic on a finding.
//! See `README.md`.
#![allow(clippy::unwrap_used, clippy::panic)] // a panic is a finding

// Node's own source: it depends on nothing else there.
#[path = "../../../src/bundle/archive.rs"]
pub mod archive;
mod decoders;
pub mod graph;
mod input;
mod play;
mod records;
mod scene;
mod tree;
mod wire;

pub use decoders::{csv, ids, idx, onnx, onnx_graph, opening, points, proving_key, test_set, verifying_key};
pub use play::{bundle, dossier, order, state};
pub use records::{BODIES, envelope, fields, pair, payload};
pub use wire::{exchange, socket, tar};

/// A target.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 21] = [
    ("envelope", envelope),
    ("payload", payload),
    ("fields", fields),
    ("pair", pair),
    ("ids", ids),
    ("state", state),
    ("order", order),
    ("bundle", bundle),
    ("dossier", dossier),
    ("verifying_key", verifying_key),
    ("proving_key", proving_key),
    ("points", points),
    ("opening", opening),
    ("test_set", test_set),
    ("csv", csv),
    ("idx", idx),
    ("onnx", onnx),
    ("onnx_graph", onnx_graph),
    ("exchange", exchange),
    ("socket", socket),
    ("tar", tar),
];
