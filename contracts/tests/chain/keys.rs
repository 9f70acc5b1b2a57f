//! Keys: registered by their digests, and refused where it shows that anybody could forge with them.

use crate::evm::{Chain, Receipt, account, chain};
use crate::support::{KEY, Stage, deploy, refused_by_verifier, text};
use crate::verifier::{g2_words, modulus, outside_the_subgroup};
use alloy_primitives::keccak256;
use alloy_sol_types::SolCall;
use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{BigInteger, PrimeField};
use circuits::model::CATALOGUE;
use contracts::bindings::Verifier::{
    VerifierErrors as V, registerKeyCall, registeredKeyCall, storePieceCall,
};
use contracts::{Address, B256, ChainKey, Pieces, U256};

/// IC points of the smallest class.
const IC: usize = 39;

/// A key by its exponents: nothing is proved under it.
#[derive(Clone)]
pub struct Exponents {
    alpha: Fr,
    /// beta, gamma, delta, eta, eta_w.
    g2: [Fr; 5],
    ic: usize,
}

impl Exponents {
    fn honest() -> Self {
        Self::of(IC)
    }

    /// With so many IC points.
    pub fn of(ic: usize) -> Self {
        Self { alpha: Fr::from(1_001u64), g2: [11u64, 13, 17, 19, 23].map(Fr::from), ic }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = g1(&(G1Projective::generator() * self.alpha).into_affine());
        for exponent in self.g2 {
            out.extend(g2(&(G2Projective::generator() * exponent).into_affine()));
        }
        for i in 0..self.ic {
            out.extend(g1(&(G1Projective::generator() * Fr::from(i as u64 + 5)).into_affine()));
        }
        out
    }
}

pub fn g1(point: &G1Affine) -> Vec<u8> {
    let (x, y) = point.xy().unwrap();
    [x, y].iter().flat_map(|c| c.into_bigint().to_bytes_be()).collect()
}

pub fn g2(point: &G2Affine) -> Vec<u8> {
    g2_words(point).iter().flat_map(|word| word.to_be_bytes::<32>()).collect()
}

struct Registry(Box<dyn Chain>, Address);

impl Registry {
    fn new() -> Self {
        let mut chain = chain(1);
        let verifier = deploy(chain.as_mut(), &contracts::deploy_verifier());
        Self(chain, verifier)
    }

    fn register(&mut self, points: &[u8]) -> Receipt {
        let class = CATALOGUE[0].descriptor().into();
        let pieces = Pieces::of(points);
        assert!(pieces.stored.is_empty());
        let call = registerKeyCall { class, trust: 0, pieces: vec![], tail: pieces.tail };
        self.0.send(account(0), Some(self.1), 0, call.abi_encode().into())
    }
}

#[test]
fn digests_are_those_of_the_prover() {
    let mut stage = Stage::new();
    let key = ChainKey::of(KEY.verifying_key());
    // A second time: nothing changes.
    let receipt = stage.verifier_does(contracts::register_key(&key));
    assert!(receipt.logs.is_empty());
    let digest = registerKeyCall::abi_decode_returns(&receipt.answer.unwrap()).unwrap();
    assert_eq!(digest, B256::from(KEY.verifying_key().digest()));
    let call = registeredKeyCall { digest };
    let answer = stage.verifier_does(call.abi_encode().into()).answer.unwrap();
    let stored = registeredKeyCall::abi_decode_returns(&answer).unwrap();
    assert_eq!((stored.class, stored.pieces.len()), (key.class, 1));
    let unknown = registeredKeyCall { digest: B256::ZERO };
    let receipt = stage.verifier_does(unknown.abi_encode().into());
    assert!(matches!(refused_by_verifier(&receipt), V::UnknownKey(_)));
}

#[test]
fn the_trust_byte_and_the_class_are_in_the_digest() {
    let points = Exponents::honest().bytes();
    let mut digests = vec![];
    let other = circuits::SizeClass { rows: 531, ..CATALOGUE[0] };
    for (class, trust) in [(CATALOGUE[0], 0), (CATALOGUE[0], 1), (other, 0)] {
        let Registry(mut chain, verifier) = Registry::new();
        let class = class.descriptor().into();
        let call = registerKeyCall { class, trust, pieces: vec![], tail: points.clone().into() };
        let answer = chain.send(account(0), Some(verifier), 0, call.abi_encode().into()).answer.unwrap();
        digests.push(registerKeyCall::abi_decode_returns(&answer).unwrap());
    }
    assert!(digests[0] != digests[1] && digests[0] != digests[2] && digests[1] != digests[2]);
}

/// The relations of circuits/README.md, 6.3, with both signs.
#[test]
fn degenerate_keys_are_refused() {
    let mut registry = Registry::new();
    registry.register(&Exponents::honest().bytes()).answer.unwrap();
    let names = ["beta", "gamma", "delta", "eta", "eta_w", "generator"];
    let one = Fr::from(1u64);
    let mut refuse = |key: &Exponents, first: &str, second: &str| {
        let V::DegenerateKey(error) = refused_by_verifier(&registry.register(&key.bytes())) else { panic!() };
        assert_eq!((text(&error.one).as_str(), text(&error.other).as_str()), (first, second));
    };
    for sign in [one, -one] {
        for i in 0..5 {
            for j in i + 1..5 {
                let mut key = Exponents::honest();
                key.g2[j] = sign * key.g2[i];
                refuse(&key, names[i], names[j]);
            }
            let mut key = Exponents::honest();
            key.alpha = sign * key.g2[i];
            refuse(&key, "alpha", names[i]);
            if names[i] != "gamma" {
                let mut key = Exponents::honest();
                key.g2[i] = sign;
                refuse(&key, names[i], "generator");
            }
        }
        let mut key = Exponents::honest();
        key.alpha = sign;
        refuse(&key, "alpha", "generator");
    }
    // Keys of ceremonies have gamma so.
    let mut key = Exponents::honest();
    key.g2[1] = one;
    registry.register(&key.bytes()).answer.unwrap();
}

#[test]
fn every_point_of_a_key_is_checked() {
    let mut registry = Registry::new();
    let honest = Exponents::honest().bytes();
    let modulus = modulus().to_be_bytes::<32>();
    // Name, first byte, words.
    let mut points = vec![("alpha", 0, 2)];
    points.extend(
        ["beta", "gamma", "delta", "eta", "eta_w"].iter().enumerate().map(|(i, n)| (*n, 64 + 128 * i, 4)),
    );
    points.extend([0, 1, IC - 1].map(|i| ("IC", 704 + 64 * i, 2)));
    for (expected, start, words) in points {
        let mut with = |change: &dyn Fn(&mut [u8])| {
            let mut bytes = honest.clone();
            change(&mut bytes[start..start + 32 * words]);
            refused_by_verifier(&registry.register(&bytes))
        };
        let V::Infinity(error) = with(&|bytes| bytes.fill(0)) else { panic!("{expected}") };
        assert_eq!(text(&error.point), expected);
        for word in 0..words {
            let at = 32 * word..32 * (word + 1);
            let V::CoordinateTooLarge(error) = with(&|bytes| bytes[at.clone()].copy_from_slice(&modulus))
            else {
                panic!("{expected}")
            };
            assert_eq!(text(&error.point), expected);
            let V::NotOnCurve(error) = with(&|bytes| bytes[at.end - 1] ^= 1) else { panic!("{expected}") };
            assert_eq!(text(&error.point), expected);
        }
        if words == 4 {
            let outside = g2(&outside_the_subgroup());
            let V::PrecompileFailed(_) = with(&|bytes| bytes.copy_from_slice(&outside)) else {
                panic!("{expected}")
            };
        }
    }
    for bytes in [honest.len() - 64, honest.len() - 1, honest.len() + 1, honest.len() + 64] {
        let mut cut = honest.clone();
        cut.resize(bytes, 0);
        assert!(matches!(refused_by_verifier(&registry.register(&cut)), V::KeyLength(_)), "{bytes}");
    }
}

/// A key is registered once, for all: whoever is first must not make it dear to read.
#[test]
fn keys_are_cut_in_one_way_only() {
    let Registry(mut chain, verifier) = Registry::new();
    let points = Exponents::honest().bytes();
    let first = points[..1].to_vec();
    let store = storePieceCall { data: first.clone().into() };
    chain.send(account(0), Some(verifier), 0, store.abi_encode().into()).answer.unwrap();
    let class = CATALOGUE[0].descriptor().into();
    let (pieces, tail) = (vec![keccak256(&first)], points[1..].to_vec().into());
    let call = registerKeyCall { class, trust: 0, pieces, tail };
    let receipt = chain.send(account(0), Some(verifier), 0, call.abi_encode().into());
    let V::PieceNotFull(error) = refused_by_verifier(&receipt) else { panic!() };
    assert_eq!((error.index, error.got), (U256::ZERO, U256::from(1)));
}
