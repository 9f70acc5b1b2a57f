//! Cheating witnesses and malformed proofs, carried through real proof creation to the verifier's equation.
//!
//! Each test builds what a weaker design would accept (a circuit with one flawed gadget, a verifier with one
//! rule left out, a key with a flawed trapdoor), shows that the forgery verifies there, and then carries the same
//! witness or proof to the production circuit and verifier, which must refuse it and name what is violated.
//!
//! Which of these tests turn red when a guard is taken out of the production code: `../guards/results.md`.
//!
//! Not here: a remainder (no family rescales), and a second test set found by lattice reduction (the same hole is
//! shown by test sets whose integers agree).

mod alpha;
mod challenges;
mod encoding;
mod hiding;
mod keys;
mod lab;
mod layout;
mod logits;
mod malleation;
mod reading;
mod script;
mod selection;
mod statement;
mod variant;
mod weights;
