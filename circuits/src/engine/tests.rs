//! Every engine against arkworks, on ordinary and extreme inputs.

use super::*;
use ark_bn254::{Fq, Fr};
use ark_ec::{CurveGroup, PrimeGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, Field, UniformRand};
use rand::{Rng, SeedableRng, rngs::StdRng};

fn extreme(rng: &mut StdRng) -> Fr {
    match rng.gen_range(0..12) {
        0 => Fr::ZERO,
        1 => Fr::ONE,
        2 => -Fr::ONE,
        3 => Fr::from(rng.gen_range(0..1u64 << 13)),
        4 => -Fr::from(rng.gen_range(0..1u64 << 13)),
        5 => -Fr::from(rng.r#gen::<u64>()),
        6 => Fr::from(2u64).inverse().unwrap(),
        7 => -Fr::from(2u64).inverse().unwrap(),
        8 => Fr::from(2u64).pow([rng.gen_range(0..254)]),
        _ => Fr::rand(rng),
    }
}

/// Points with repetitions, opposites and infinities: every exception of an affine addition.
fn points<G: CurveGroup>(rng: &mut StdRng, count: usize) -> Vec<G::Affine> {
    let few: Vec<G> = (0..6).map(|_| G::rand(rng)).collect();
    let points: Vec<G> = (0..count)
        .map(|_| match rng.gen_range(0..8) {
            0 => few[rng.gen_range(0..6)],
            1 => -few[rng.gen_range(0..6)],
            2 => G::zero(),
            _ => G::generator() * G::ScalarField::from(rng.r#gen::<u64>()),
        })
        .collect();
    G::normalize_batch(&points)
}

fn encode<F, C>(lanes: F, points: &[Affine<C>]) -> Bases<F::Elem>
where
    F: Lanes,
    C: SWCurveConfig<BaseField = F::Field>,
{
    let (scalars, finite) = finite(points);
    Bases::encode(lanes, points.len(), scalars, &finite)
}

fn check_g1<F: Lanes<Elem = ElemG1, Field = Fq>>(lanes: F) {
    let mut rng = StdRng::seed_from_u64(1);
    for count in [0, 1, 2, 7, 8, 9, 100, 3000] {
        let points = points::<G1Projective>(&mut rng, count);
        let scalars: Vec<Fr> = (0..count).map(|_| extreme(&mut rng)).collect();
        let bases = encode(lanes, &points);
        assert_eq!(bases.decode::<F, g1::Config>(lanes), points);
        let sum: G1Projective = buckets::msm(lanes, &bases, &Scalars::new(&scalars));
        assert_eq!(sum, G1Projective::msm(&points, &scalars).unwrap(), "{count}");
        let few = count.min(100);
        let sum = Table::encode(lanes, &points[..few]).sum(lanes, &Scalars::new(&scalars[..few]));
        assert_eq!(sum, G1Projective::msm(&points[..few], &scalars[..few]).unwrap(), "{few} of a table");
        // All the same point, and all the same scalar: one bucket.
        let same = vec![G1Affine::generator(); count];
        let sum: G1Projective = buckets::msm(lanes, &encode(lanes, &same), &Scalars::new(&scalars));
        assert_eq!(sum, G1Projective::generator() * scalars.iter().sum::<Fr>());
    }
}

#[test]
fn portable_sums_are_arkworks_sums() {
    check_g1(PortableFq::new());
}

#[test]
fn sums_of_eight_lanes_are_arkworks_sums() {
    #[cfg(target_arch = "x86_64")]
    match ifma::Ifma::<FqConfig>::try_new() {
        Some(token) => check_g1(token),
        None => println!("this processor has no AVX-512 IFMA"),
    }
}

#[test]
fn sums_in_g2_are_arkworks_sums() {
    let mut rng = StdRng::seed_from_u64(2);
    for count in [1, 9, 300] {
        let points = points::<G2Projective>(&mut rng, count);
        let scalars: Vec<Fr> = (0..count).map(|_| extreme(&mut rng)).collect();
        let expected = G2Projective::msm(&points, &scalars).unwrap();
        assert_eq!(BasesG2::new(&points).msm(&Scalars::new(&scalars)), expected);
        let portable = PortableFq2::new(Portable::new());
        let sum: G2Projective = buckets::msm(portable, &encode(portable, &points), &Scalars::new(&scalars));
        assert_eq!(sum, expected);
    }
}

fn check_quotient<F: Lanes<Elem = [u64; 4], Field = Fr>>(f: F, logs: &[u32]) {
    use ark_poly::{
        DenseUVPolynomial, EvaluationDomain, GeneralEvaluationDomain, univariate::DensePolynomial,
    };
    let mut rng = StdRng::seed_from_u64(6);
    for &log in logs {
        let n = 1usize << log;
        let domain = GeneralEvaluationDomain::<Fr>::new(n).unwrap();
        let values = |rng: &mut StdRng| -> Vec<Fr> { (0..n).map(|_| extreme(rng)).collect() };
        let (a, b) = (values(&mut rng), values(&mut rng));
        let polynomial = |values: &[Fr]| DensePolynomial::from_coefficients_vec(domain.ifft(values));
        let (quotient, _) = (&polynomial(&a) * &polynomial(&b)).divide_by_vanishing_poly(domain);
        let mut expected = quotient.coeffs.clone();
        expected.resize(n, Fr::ZERO);
        let tables = ntt::Tables::new(f, log).unwrap();
        let got = tables.quotient(f, a, b);
        let bytes = |scalars: &Scalars| {
            let mut out = Vec::new();
            scalars.bytes(|bytes| out.extend_from_slice(bytes));
            out
        };
        assert!(bytes(&got) == bytes(&Scalars::new(&ntt::bit_reversed(&expected))), "2^{log}");
    }
}

#[test]
fn quotients_are_those_of_polynomial_division() {
    check_quotient(Portable::<FrConfig>::new(), &[5, 6, 9, 10, 13]);
    #[cfg(target_arch = "x86_64")]
    match ifma::Ifma::<FrConfig>::try_new() {
        Some(token) => check_quotient(token, &[9, 10, 11, 12, 13, 14, 15]),
        None => println!("this processor has no AVX-512 IFMA"),
    }
}
