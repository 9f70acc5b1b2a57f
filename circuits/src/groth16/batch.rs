//! Many proofs under one key by one equation: the small exponents test of Bellare, Garay and Rabin (EUROCRYPT 1998)
//! over the verifier's equation. With coefficients `r_i` in `1 .. 2^128` and public inputs `x_ij`:
//!
//! ```text
//! prod e(r_i A_i, B_i) = e(alpha,beta)^S e(IC,gamma) e(sum r_i D_i,eta) e(sum r_i D_w_i,eta_w) e(sum r_i C_i,delta)
//! S = sum r_i,  IC = S IC_0 + sum_j (sum_i r_i x_ij) IC_j
//! ```
//!
//! One Miller loop a proof remains, and one final exponentiation and one sum over IC for all.
//!
//! **Error.** Divide both sides: proof i contributes `g^(r_i s_i)` with `s_i = 0` only if it holds. If some `s_i` is not 0,
//! at most one value of `r_i` mod r lets the sum vanish, whatever the others are: probability at most `1 / (2^128 - 1)`
//! for coefficients that do not depend on the proofs. That coefficients move through the pairing, and that errors lie in a
//! group of prime order r, is what the subgroup checks of `Proof::from_bytes` give: the twist's order has small factors, and
//! an error of order q vanishes under one coefficient in q.
//!
//! **Coefficients** are BLAKE3 of the caller's seed and of everything that enters the equation. A seed that nobody could
//! know when the proofs were made (the system's randomness) suffices: then a prover has one try a batch. The hash is there for
//! a seed that is reused or known: then each try costs an evaluation, and `2^k` of them succeed with `2^(k - 128)`. A
//! hash without a seed would leave it at that, and a seed without the hash at nothing once it is known.

use super::keys::VerifyingKey;
use super::verify::{Instance, VerifyError, check_inputs};
use crate::engine::{BasesG1, Scalars};
use crate::statement::be_bytes;
use ark_bn254::{Bn254, Fr, G1Affine, G1Projective};
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::AdditiveGroup;
use rayon::prelude::*;

/// Proofs whose Miller loops share their squarings (arkworks takes four at a time). The smallest part of a batch that
/// is combined.
const GROUP: usize = 4;
/// Columns of public inputs that one task sums up.
const COLUMNS: usize = 64;

/// A proof with its coefficient.
struct Member<'a> {
    index: usize,
    instance: &'a Instance,
    r: u128,
}

/// Up to [`GROUP`] proofs, with the product of the Miller loops of `(r_i A_i, B_i)`.
struct Group<'a> {
    members: &'a [Member<'a>],
    miller: MillerLoopOutput<Bn254>,
}

impl<'a> Group<'a> {
    fn new(members: &'a [Member<'a>]) -> Self {
        let scaled: Vec<G1Projective> = members.iter().map(|m| times(m.instance.proof.a, m.r)).collect();
        let b = members.iter().map(|m| m.instance.proof.b);
        let miller = Bn254::multi_miller_loop(G1Projective::normalize_batch(&scaled), b);
        Self { members, miller }
    }
}

fn times(point: G1Affine, r: u128) -> G1Projective {
    G1Projective::from(point).mul_bigint([r as u64, (r >> 64) as u64])
}

/// The result of every statement, in their order; what is an error already, or has another number of public inputs
/// than the key, does not enter the equation.
///
/// If all hold, the cost is that of one combined equation. Otherwise halves are tried, down to groups of four, whose
/// proofs are verified one by one: k invalid proofs among n cost at most `2 k log2(n / 4)` combined equations more (with
/// no Miller loops of their own but four) and 4k single ones, and never more than `n / 2` and n of them. A refusal is
/// always that of a proof's own equation, hence exact; that an invalid proof is accepted has probability at most
/// `n / 2^128`, one `2^-128` for each equation that was tried.
pub(crate) fn verify_all(
    vk: &VerifyingKey,
    statements: &[Result<Instance, VerifyError>],
    seed: &[u8; 32],
) -> Vec<Result<(), VerifyError>> {
    let mut results: Vec<Result<(), VerifyError>> =
        statements.iter().map(|s| check_inputs(vk, &s.as_ref().map_err(Clone::clone)?.public)).collect();
    let mut members: Vec<Member<'_>> = Vec::with_capacity(statements.len());
    for (index, statement) in statements.iter().enumerate() {
        if let (Ok(instance), Ok(())) = (statement, &results[index]) {
            members.push(Member { index, instance, r: 0 });
        }
    }
    draw(vk, &mut members, seed);
    let groups: Vec<Group<'_>> = members.par_chunks(GROUP).map(Group::new).collect();
    for index in invalid(vk, &groups, false) {
        results[index] = Err(VerifyError::Invalid);
    }
    results
}

/// Coefficients from 1 to `2^128 - 1`.
fn draw(vk: &VerifyingKey, members: &mut [Member<'_>], seed: &[u8; 32]) {
    let digests: Vec<blake3::Hash> = members.par_iter().map(|m| digest(m.instance)).collect();
    let mut hash = blake3::Hasher::new_derive_key("podium 2026 coefficients of a batch");
    hash.update(seed);
    hash.update(&vk.digest());
    digests.iter().for_each(|digest| {
        hash.update(digest.as_bytes());
    });
    let mut stream = hash.finalize_xof();
    for member in members {
        // With 0, whatever proof it is would not count.
        while member.r == 0 {
            let mut bytes = [0; 16];
            stream.fill(&mut bytes);
            member.r = u128::from_le_bytes(bytes);
        }
    }
}

/// The coefficients of a batch.
#[cfg(test)]
pub(crate) fn coefficients(vk: &VerifyingKey, instances: &[Instance], seed: &[u8; 32]) -> Vec<u128> {
    let member = |(index, instance)| Member { index, instance, r: 0 };
    let mut members: Vec<Member<'_>> = instances.iter().enumerate().map(member).collect();
    draw(vk, &mut members, seed);
    members.iter().map(|m| m.r).collect()
}

/// Everything of a statement that enters the equation. Fixed length under one key.
fn digest(instance: &Instance) -> blake3::Hash {
    let mut hash = blake3::Hasher::new();
    hash.update(&instance.commitment.to_bytes());
    hash.update(&instance.proof.to_bytes());
    instance.public.iter().for_each(|x| {
        hash.update(&be_bytes(x));
    });
    hash.finalize()
}

/// Indices of the proofs that do not hold. `known`: the groups' equation is known to fail.
fn invalid(vk: &VerifyingKey, groups: &[Group<'_>], known: bool) -> Vec<usize> {
    if groups.is_empty() || !known && hold(vk, groups) {
        return Vec::new();
    }
    if let [group] = groups {
        let wrong = group.members.iter().filter(|m| m.instance.verify(vk).is_err());
        return wrong.map(|m| m.index).collect();
    }
    let (left, right) = groups.split_at(groups.len() / 2);
    let mut found = invalid(vk, left, false);
    // Where the left half holds, the right one is what fails.
    let known = found.is_empty();
    found.extend(invalid(vk, right, known));
    found
}

/// The equation of these groups.
fn hold(vk: &VerifyingKey, groups: &[Group<'_>]) -> bool {
    let members: Vec<&Member<'_>> = groups.iter().flat_map(|group| group.members).collect();
    let weights: Vec<Fr> = members.iter().map(|m| Fr::from(m.r)).collect();
    let scalars = Scalars::new(&weights);
    let sum = |point: fn(&Instance) -> G1Affine| {
        let points: Vec<G1Affine> = members.iter().map(|m| point(m.instance)).collect();
        BasesG1::new(&points).msm(&scalars)
    };
    let total: Fr = weights.iter().sum();
    let inputs = || vk.input_sum(total, &input_sums(&members, &weights, vk.inputs()));
    let ((ic, d), (dw, c)) =
        rayon::join(|| (inputs(), sum(|i| i.proof.d)), || (sum(|i| i.commitment.0), sum(|i| i.proof.c)));
    let key = vk.prepared();
    let fixed = Bn254::multi_miller_loop(
        G1Projective::normalize_batch(&[-ic, -d, -dw, -c]),
        [&key.gamma, &key.eta, &key.eta_w, &key.delta].map(Clone::clone),
    );
    let product = groups.iter().fold(fixed.0, |product, group| product * group.miller.0);
    Bn254::final_exponentiation(MillerLoopOutput(product)) == Some(key.alpha_beta * total)
}

/// `sum_i r_i x_ij` of every column j.
fn input_sums(members: &[&Member<'_>], weights: &[Fr], columns: usize) -> Vec<Fr> {
    let mut sums = vec![Fr::ZERO; columns];
    sums.par_chunks_mut(COLUMNS).enumerate().for_each(|(part, sums)| {
        for (member, r) in members.iter().zip(weights) {
            for (sum, x) in sums.iter_mut().zip(&member.instance.public[part * COLUMNS..]) {
                *sum += *x * r;
            }
        }
    });
    sums
}
