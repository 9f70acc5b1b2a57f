//! The proof: *a model inside this commitment classifies at least K of these N rows correctly.*
//!
//! Everything here is a pure function of its arguments: no network, no disk, no clock. The statement in
//! maths, the public inputs in order and every constraint with its id are in `circuits/README.md`.
//!
//! ```text
//! model/      the integer model, its size classes and bounds: the native twin, without arkworks
//! statement   what is public, what is hashed, the one order of public inputs
//! gadgets/    one file a gadget, named like the native function that it mirrors
//! circuit     the composition of the gadgets
//! groth16/    setup, prove, verify and keys of Groth16 with two commitments
//! engine/     multi-exponentiations and transforms, several field elements at a time
//! ```

mod circuit;
mod counts;
mod engine;
mod gadgets;
pub mod groth16;
pub mod model;
pub mod statement;
mod witness;

pub use model::{ClassId, Family, IntegerModel, ModelError, SizeClass};
pub use statement::{Task, TestSet, TestSetError};

#[cfg(test)]
#[path = "../tests/internal/mod.rs"]
mod internal;

#[cfg(test)]
#[path = "../tests/forgeries/mod.rs"]
mod forgeries;
