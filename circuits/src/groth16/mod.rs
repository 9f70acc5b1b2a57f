//! Groth16 with two commitments, each under a trapdoor of its own (Mirage, KMPS20: ePrint 2020/278), over
//! `ark-groth16`'s reduction to a QAP, with a prover of our own that is tested against `ark-groth16`'s.
//!
//! `D_w` commits to the model's limbs, `D` to every other wire that is fixed before the challenges. With
//! `K_i = beta u_i(tau) + alpha v_i(tau) + w_i(tau)`:
//!
//! ```text
//! setup   IC_i = [K_i/gamma]_1, ckw_i = [K_i/eta_w]_1, ck_i = [K_i/eta]_1, L_i = [K_i/delta]_1 for the rest only
//! prove   D_w = sum w ckw + v_w [delta]_1,  D = sum w ck + v [delta]_1,  challenges = hash(..., D_w, D),
//!         C = Groth16's C over the remaining wires - v [eta]_1 - v_w [eta_w]_1
//! verify  e(A,B) = e(alpha,beta) e(IC,gamma) e(D,eta) e(D_w,eta_w) e(C,delta)
//! ```

pub(crate) mod api;
mod audit;
mod batch;
mod blinder;
mod challenge;
mod cost;
mod floor;
mod key_file;
pub(crate) mod keys;
mod points;
pub(crate) mod prove;
#[cfg(test)]
pub(crate) mod reference;
pub(crate) mod relation;
pub(crate) mod setup;
pub(crate) mod shape;
pub(crate) mod verify;

pub use api::{
    Evidence, ModelProof, Opening, OpeningError, Statement, VerifiedModel, commit, prove_model, prove_score,
    verify_batch, verify_model, verify_score,
};
pub use challenge::Transcript;
pub use cost::{COST_VERSION, Cost, Probe, cost};
pub use floor::{Arkworks, Floor, FloorPart};
pub use keys::{KeyError, ProvingKey, SetupTrust, VerifyingKey};
pub use points::{COMMITMENT_BYTES, Commitment, DecodeError, EVM_PROOF_BYTES, PROOF_BYTES, Proof};
pub use prove::ProveError;
pub use shape::{Shape, domain, shape};
pub use verify::VerifyError;

use crate::gadgets::Builder;
use ark_bn254::Fr;
use ark_relations::gr1cs::SynthesisError;

/// A circuit in two phases: wires that are committed, then (with challenges) everything else.
pub(crate) trait TwoPhaseCircuit {
    /// Values of the committed wires.
    type Assignment;
    /// What phase one leaves for phase two.
    type Committed;

    /// Phase one: the wires of `D_w`, then those of `D`. Without values in setup.
    fn commit(
        &self,
        b: &mut Builder,
        values: Option<&Self::Assignment>,
    ) -> Result<Self::Committed, SynthesisError>;

    /// Phase two: public inputs in their order, determined wires, constraints.
    fn constrain(
        &self,
        b: &mut Builder,
        committed: Self::Committed,
        public: Option<&[Fr]>,
    ) -> Result<(), SynthesisError>;
}

/// What tests need of the inside.
#[cfg(test)]
pub(crate) mod internal {
    pub(crate) use super::batch::{coefficients, verify_all};
    pub(crate) use super::keys::{RawKey, RawVerifyingKey};
    pub(crate) use super::reference::{Assigned, assign};
    pub(crate) use super::setup::{setup, synthesise};
    pub(crate) use super::shape::matrix_hash;
    pub(crate) use super::verify::Instance;
}
