//! Ids, challenges and sums, each against a twin in Rust.

use crate::evm::{Chain, account, chain};
use crate::play::Play;
use crate::support::{Probe, deploy};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolCall;
use circuits::model::{Bounds, CATALOGUE, Family};
use contracts::bindings::Competitions::{idOfCall, sealOfCall};
use proptest::prelude::*;

fn order() -> U256 {
    "21888242871839275222246405745257275088548364400416034343698204186575808495617".parse().unwrap()
}

/// A chain with internal functions to call.
struct Probing(Box<dyn Chain>, Address);

impl Probing {
    fn new() -> Self {
        let mut chain = chain(1);
        let probe = deploy(chain.as_mut(), &Probe::BYTECODE);
        Self(chain, probe)
    }

    fn ask<C: SolCall>(&mut self, call: C) -> Option<C::Return> {
        let answer = self.0.view(self.1, call.abi_encode().into()).answer.ok()?;
        Some(C::abi_decode_returns(&answer).unwrap())
    }
}

fn element() -> impl Strategy<Value = U256> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(|bytes| U256::from_be_bytes(bytes) % order()),
        Just(U256::ZERO),
        Just(U256::from(1)),
        Just(order() - U256::from(1)),
    ]
}

/// `sum_i coefficient_i x_i`, one product a value.
fn sum(x: &[u8], mut coefficient: impl FnMut(usize) -> U256) -> U256 {
    let term = |(i, x): (usize, &u8)| coefficient(i).mul_mod(U256::from(*x), order());
    x.iter().enumerate().map(term).fold(U256::ZERO, |sum, term| sum.add_mod(term, order()))
}

fn power(base: U256, exponent: usize) -> U256 {
    base.pow_mod(U256::from(exponent), order())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn plain_sums_are_sums(x in prop::collection::vec(any::<u8>(), 1..200), rho in element()) {
        let got = Probing::new().ask(Probe::plainCall { x: x.clone().into(), rho }).unwrap();
        prop_assert_eq!(got, sum(&x, |i| power(rho, i)));
    }

    #[test]
    fn packed_sums_are_sums(
        x in prop_oneof![prop::collection::vec(any::<u8>(), 1..200), prop::collection::vec(Just(255u8), 1..60)],
        rho in element(),
        rows in 1usize..=21,
    ) {
        // The largest base of so many rows a block.
        let mut base = order().root(rows);
        while base.checked_pow(U256::from(rows)).is_none_or(|all| all > order()) {
            base -= U256::from(1);
        }
        let call = Probe::packedCall { x: x.clone().into(), rho, base, perBlock: U256::from(rows) };
        let got = Probing::new().ask(call).unwrap();
        prop_assert_eq!(got, sum(&x, |i| power(rho, i / rows).mul_mod(power(base, i % rows), order())));
    }

    #[test]
    fn geometric_sums_are_sums(base in element(), count in 0usize..2_000) {
        let got = Probing::new().ask(Probe::geometricCall { base, count: U256::from(count) }).unwrap();
        let expected = (0..count).fold((U256::ZERO, U256::from(1)), |(sum, power), _| {
            (sum.add_mod(power, order()), power.mul_mod(base, order()))
        });
        prop_assert_eq!((got._0, got._1), expected);
    }

    #[test]
    fn ids_and_seals_are_those_of_the_library(bytes in any::<[u8; 32]>(), number in any::<u64>()) {
        let mut play = Play::with(|t| {
            (t.seal, t.manifest) = (bytes.into(), bytes.into());
            (t.prize, t.submitUntil, t.shape.rows) = (number.into(), number, number as u32);
        });
        let (terms, to) = (play.terms.clone(), play.competitions);
        prop_assert_eq!(play.view(to, idOfCall { terms }), play.id());
        let (host, salt, test_set) = (account(number as u8), B256::from(bytes), play.id());
        let seal = play.view(to, sealOfCall { host, salt, testSet: test_set });
        prop_assert_eq!(seal, contracts::seal(host, salt, test_set));
    }
}

/// The transcript as circuits/README.md tells it, and its challenges, written once more.
fn challenges(s: &Probe::Statement, d: [U256; 2]) -> [U256; 3] {
    let word = |value: U256| value.to_be_bytes::<32>();
    let mut transcript = b"podium challenge transcript v2\0\0".to_vec();
    transcript.extend(s.key);
    transcript.extend(s.class);
    transcript.push(s.mode);
    transcript.extend(s.testSet);
    transcript.extend(s.chunk.to_be_bytes());
    for count in [s.lo, s.hi, s.rows, s.correct] {
        transcript.extend(count.to_be_bytes());
    }
    transcript.extend(s.competition);
    transcript.push(1);
    transcript.extend([0; 12]);
    transcript.extend(s.competitor);
    transcript.extend(s.entry);
    transcript.extend([0; 32]);
    for coordinate in s.commitment.iter().chain(&d) {
        transcript.extend(word(*coordinate));
    }
    let seed = keccak256(&transcript);
    let half = |i: u8, part: u8| U256::from_be_bytes(keccak256([&seed[..], &[i, part]].concat()).0);
    let shift = U256::MAX % order() + U256::from(1);
    [0, 1, 2].map(|i| half(i, 0).mul_mod(shift, order()).add_mod(half(i, 1), order()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn challenges_are_those_of_the_transcript(words in any::<[[u8; 32]; 8]>(), counts in any::<[u64; 4]>(), mode in 0..2u8) {
        let number = |i: usize| U256::from_be_bytes(words[i]);
        let statement = Probe::Statement {
            key: words[0].into(),
            class: Address::from_slice(&words[1][..20]).0,
            mode,
            testSet: words[2].into(),
            chunk: u32::from_be_bytes([words[1][20], words[1][21], words[1][22], words[1][23]]),
            lo: counts[0],
            hi: counts[1],
            rows: counts[2],
            correct: counts[3],
            competition: words[3].into(),
            competitor: Address::from_slice(&words[4][..20]),
            entry: words[5].into(),
            commitment: [number(6), number(7)],
        };
        let d = [number(1), number(0)];
        let call = Probe::challengesCall { s: statement.clone(), dx: d[0], dy: d[1] };
        prop_assert_eq!(Probing::new().ask(call).unwrap(), challenges(&statement, d));
    }
}

#[test]
fn size_classes_have_the_bounds_of_the_prover() {
    let mut probing = Probing::new();
    let mut classes = CATALOGUE.to_vec();
    for class in CATALOGUE {
        for table_bits in 5..=16 {
            for margin_limbs in 2..=3 {
                classes.push(circuits::SizeClass { table_bits, margin_limbs, ..class });
            }
        }
    }
    // The smallest and the largest of all.
    let small = circuits::SizeClass { features: 1, feature_bits: 1, table_bits: 5, rows: 1, ..CATALOGUE[0] };
    let large = circuits::SizeClass {
        family: Family::Mlp { hidden: 65_536 },
        features: 65_536,
        classes: 256,
        table_bits: 16,
        margin_limbs: 3,
        rows: 1 << 20,
        ..CATALOGUE[0]
    };
    classes.extend([small, large]);
    for class in classes {
        let bounds = Bounds::of(&class).unwrap();
        let got = probing.ask(Probe::decodeCall { descriptor: class.descriptor().into() }).unwrap();
        assert_eq!(u128::from(got.base), bounds.row_packing.base, "{class:?}");
        assert_eq!(usize::from(got.perBlock), bounds.row_packing.terms, "{class:?}");
        assert_eq!(got.mlp, class.hidden() > 0);
        let counts = (got.rows as usize, got.features as usize, got.classes as usize, u32::from(got.bits));
        assert_eq!(counts, (class.rows, class.features, class.classes, class.feature_bits));
    }
}

#[test]
fn classes_outside_the_analysis_are_refused() {
    let mut probing = Probing::new();
    let linear = CATALOGUE[0].descriptor();
    let mlp = CATALOGUE[2].descriptor();
    let mut bad = vec![];
    let mut change = |base: [u8; 20], from: usize, value: &[u8]| {
        let mut bytes = base;
        bytes[from..from + value.len()].copy_from_slice(value);
        bad.push(bytes);
    };
    change(linear, 0, &[2]);
    change(linear, 0, &[1]);
    change(mlp, 0, &[0]);
    change(linear, 1, &0u32.to_be_bytes());
    change(linear, 1, &((1u32 << 20) + 1).to_be_bytes());
    change(linear, 5, &0u32.to_be_bytes());
    change(linear, 5, &65_537u32.to_be_bytes());
    change(linear, 9, &[0]);
    change(linear, 9, &[9]);
    change(mlp, 10, &0u32.to_be_bytes());
    change(mlp, 10, &65_537u32.to_be_bytes());
    change(linear, 14, &1u32.to_be_bytes());
    change(linear, 14, &257u32.to_be_bytes());
    change(linear, 18, &[4]);
    change(linear, 18, &[17]);
    change(linear, 19, &[1]);
    change(linear, 19, &[4]);
    for descriptor in bad {
        assert!(probing.ask(Probe::decodeCall { descriptor: descriptor.into() }).is_none(), "{descriptor:?}");
    }
    for descriptor in [linear, mlp] {
        assert!(probing.ask(Probe::decodeCall { descriptor: descriptor.into() }).is_some());
    }
}
