//! The quotient of Groth16: `h = (a b - c) / (X^n - 1)` from evaluations over the n-th roots of unity.

use super::Scalars;
use ark_bn254::Fr;
use ark_ff::{FftField, Field, PrimeField};
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use rayon::prelude::*;

/// The n coefficients of h, of which the last is 0, for `a` and `b` of n evaluations each and `c = a b` on the domain.
///
/// With `a b = low + X^n high` of degree below 2n: modulo `X^n - 1` it is `low + high = c`, modulo `X^n + 1` it is
/// `low - high`, so h, which is `high`, is half of the difference. Six transforms of size n.
pub(crate) fn quotient(mut a: Vec<Fr>, mut b: Vec<Fr>) -> Scalars {
    let Some(domain) = GeneralEvaluationDomain::<Fr>::new(a.len()) else { return Scalars::new(&[]) };
    // A root of X^n + 1.
    let generator = Fr::get_root_of_unity(2 * a.len() as u64).unwrap_or(Fr::ONE);
    let Some(coset) = domain.get_coset(generator) else { return Scalars::new(&[]) };
    let mut c: Vec<Fr> = a.par_iter().zip(&b).map(|(a, b)| *a * b).collect();
    domain.ifft_in_place(&mut c);
    for values in [&mut a, &mut b] {
        domain.ifft_in_place(values);
        coset.fft_in_place(values);
    }
    a.par_iter_mut().zip(&b).for_each(|(a, b)| *a *= b);
    coset.ifft_in_place(&mut a);
    let half = Fr::from(2u64).inverse().unwrap_or(Fr::ONE);
    let h = c.par_iter().zip(&a).map(|(sum, difference)| ((*sum - difference) * half).into_bigint().0);
    Scalars::from_integers(h.collect())
}
