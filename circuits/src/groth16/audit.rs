//! What can be checked of a proving key that comes without a transcript of its making.
//!
//! Loading checks what zero-knowledge rests on. This is the rest of what its points tell: B's query is the same in G1
//! and G2, and in G2 it lies in the subgroup of prime order, so that no point of small order can make a proof fail
//! for some witnesses only. That the queries are the circuit's polynomials at one point tau cannot be seen without
//! powers of tau: only a ceremony's transcript shows it, and a prover's self-check shows it for its own witness.

use super::keys::{KeyError, ProvingKey};
use crate::engine::Scalars;
use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, pairing::Pairing};
use rand::{CryptoRng, RngCore};

/// Random sums that are looked at. The smallest factor of G2's cofactor is 10,069: a point of that order is missed by
/// all of them with a probability of `10069^-4`, about `2^-53`.
const SUMS: usize = 4;

impl ProvingKey {
    /// Checks B's query in G1 against G2, and G2's subgroup, by random linear combinations with 128-bit coefficients
    /// (Bellare, Garay and Rabin, EUROCRYPT 1998). Takes about as long as a proof; meant for keys of others, once.
    ///
    /// # Errors
    /// [`KeyError::Degenerate`] with what is wrong.
    pub fn audit(&self, rng: &mut (impl RngCore + CryptoRng)) -> Result<(), KeyError> {
        for _ in 0..SUMS {
            let coefficients = self.coefficients(rng);
            let in_g2 = self.bases.b_g2.msm(&coefficients).into_affine();
            if !in_g2.is_in_correct_subgroup_assuming_on_curve() {
                return Err(KeyError::Degenerate("B's query leaves the subgroup of G2"));
            }
            let in_g1 = self.bases.b_g1.msm(&coefficients).into_affine();
            let sides =
                [Bn254::pairing(in_g1, G2Affine::generator()), Bn254::pairing(G1Affine::generator(), in_g2)];
            if sides[0] != sides[1] {
                return Err(KeyError::Degenerate("B's query differs between G1 and G2"));
            }
        }
        Ok(())
    }

    fn coefficients(&self, rng: &mut (impl RngCore + CryptoRng)) -> Scalars {
        let mut draw = || Fr::from(u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()));
        Scalars::new(&(0..self.relation.variables).map(|_| draw()).collect::<Vec<_>>())
    }
}
