//! Hostile keys: what is refused at load, and why each check is there.

use super::support::*;
use crate::circuit::Circuit;
use crate::counts::Counts;
use crate::groth16::internal::{RawKey, RawVerifyingKey, setup, synthesise};
use crate::groth16::{KeyError, ProvingKey, SetupTrust, commit};
use crate::model::{Bounds, CATALOGUE, Layer, SizeClass};
use crate::{IntegerModel, witness};
use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup, VariableBaseMSM};
use ark_ff::{Field, One, Zero};
use rand::{SeedableRng, rngs::StdRng};
use std::sync::LazyLock;

static RAW: LazyLock<RawKey> = LazyLock::new(|| {
    let circuit = Circuit::new(&CATALOGUE[0]).unwrap();
    setup(&circuit, &mut StdRng::seed_from_u64(1), &|_, _| ()).unwrap()
});

fn load(raw: RawKey) -> Result<ProvingKey, KeyError> {
    let circuit = Circuit::new(&CATALOGUE[0]).unwrap();
    let mut file = Vec::new();
    ProvingKey::new(circuit, SetupTrust::SingleParty, &raw)?.write(&mut file).unwrap();
    ProvingKey::from_pinned_bytes(&file, blake3::hash(&file).as_bytes())
}

#[test]
fn counts_are_those_of_the_synthesised_circuit() {
    for class in tiny().iter().chain(&CATALOGUE) {
        let counts = Counts::of(class, &Bounds::of(class).unwrap());
        let synthesised = synthesise(&Circuit::new(class).unwrap()).unwrap();
        let cs = &synthesised.cs;
        assert_eq!(counts.instance, cs.num_instance_variables());
        assert_eq!(counts.constraints, cs.num_constraints());
        assert_eq!(counts.model_wires, synthesised.model_wires);
        assert_eq!(counts.committed_wires, synthesised.committed_wires);
        assert_eq!(counts.variables(), cs.num_instance_variables() + cs.num_witness_variables());
    }
}

/// A host that replaces the points by which blinders enter would read weights out of commitments: `D_w` becomes
/// the bare `sum w ckw`, the verifying key and its digest stay honest, and proofs verify. First that it is real.
#[test]
fn key_files_without_blinding_are_refused() {
    let mut raw = RAW.clone();
    let zero = G1Affine::zero();
    (raw.key.beta_g1, raw.key.delta_g1, raw.eta_g1, raw.eta_w_g1) = (zero, zero, zero, zero);
    raw.key.b_g1_query.iter_mut().for_each(|p| *p = zero);
    let class = &CATALOGUE[0];
    let layer = Layer { inputs: 30, outputs: 2, weights: (0..60).collect(), biases: vec![5, -5] };
    let model = IntegerModel::new(class, &[layer]).unwrap();
    let circuit = Circuit::new(class).unwrap();
    let unchecked = ProvingKey::new(circuit, SetupTrust::SingleParty, &raw).unwrap();
    let limbs = witness::limbs(&model, &circuit.bounds);
    let bare = G1Projective::msm(&raw.ckw, &limbs).unwrap().into_affine();
    let commitment = commit(&unchecked, &model, &[1; 32], &[7; 32]).unwrap().commitment();
    assert_eq!(commitment.0, bare, "the attack: nothing is hidden");
    assert!(matches!(load(raw), Err(KeyError::Malformed { .. })));

    let honest = load(RAW.clone()).unwrap();
    assert_ne!(commit(&honest, &model, &[1; 32], &[7; 32]).unwrap().commitment().0, bare);
}

#[test]
fn each_point_that_carries_a_blinder_must_be_that_of_the_verifying_key() {
    let others = [G1Affine::zero(), G1Affine::generator()];
    for other in others {
        let changes: [fn(&mut RawKey) -> &mut G1Affine; 4] =
            [|k| &mut k.key.beta_g1, |k| &mut k.key.delta_g1, |k| &mut k.eta_g1, |k| &mut k.eta_w_g1];
        for change in changes {
            let mut raw = RAW.clone();
            *change(&mut raw) = other;
            assert!(load(raw).is_err());
        }
    }
}

#[test]
fn points_off_their_curve_are_refused_in_every_vector() {
    let vectors: [fn(&mut RawKey) -> &mut Vec<G1Affine>; 6] = [
        |k| &mut k.key.a_query,
        |k| &mut k.key.b_g1_query,
        |k| &mut k.key.h_query,
        |k| &mut k.key.l_query,
        |k| &mut k.ckw,
        |k| &mut k.ck,
    ];
    for vector in vectors {
        let mut raw = RAW.clone();
        let points = vector(&mut raw);
        let last = points.len() - 1;
        points[last] = G1Affine::new_unchecked(One::one(), One::one());
        assert!(matches!(load(raw), Err(KeyError::Malformed { .. })));
    }
    let mut raw = RAW.clone();
    raw.key.b_g2_query[1] = G2Affine::new_unchecked(One::one(), One::one());
    assert!(matches!(load(raw), Err(KeyError::Malformed { .. })));
}

/// A point of B's query exchanged in one group, or moved by one of small order in G2: a proof would fail only for
/// witnesses in which that wire is not 0 (not a multiple of the order), which would tell the key's maker about it.
#[test]
fn keys_with_another_query_for_b_are_found_by_an_audit() {
    let mut rng = StdRng::seed_from_u64(2);
    assert_eq!(load(RAW.clone()).unwrap().audit(&mut rng), Ok(()));
    let wire = RAW.key.b_g2_query.iter().position(|p| !p.is_zero()).unwrap();
    let mut raw = RAW.clone();
    raw.key.b_g2_query[wire] = (raw.key.b_g2_query[wire] + G2Affine::generator()).into_affine();
    assert!(
        matches!(load(raw).unwrap().audit(&mut rng), Err(KeyError::Degenerate(what)) if what.contains("differs"))
    );
    let mut raw = RAW.clone();
    raw.key.b_g1_query[wire] = (raw.key.b_g1_query[wire] * Fr::from(2u64)).into_affine();
    assert!(
        matches!(load(raw).unwrap().audit(&mut rng), Err(KeyError::Degenerate(what)) if what.contains("differs"))
    );
    let mut raw = RAW.clone();
    raw.key.b_g2_query[wire] = (raw.key.b_g2_query[wire] + small_order()).into_affine();
    assert!(
        matches!(load(raw).unwrap().audit(&mut rng), Err(KeyError::Degenerate(what)) if what.contains("subgroup"))
    );
}

/// A point of order 10,069 on G2's curve, whose order is r times a cofactor with that factor.
fn small_order() -> G2Affine {
    use ark_bn254::{Fq, Fq2};
    use ark_ff::{BigInteger, PrimeField};
    // The cofactor 2p - r divided by 10,069, by long division of the words.
    let mut cofactor = Fq::MODULUS;
    cofactor.mul2();
    cofactor.sub_with_borrow(&Fr::MODULUS);
    let mut words = cofactor.0;
    let mut rest = 0u128;
    for word in words.iter_mut().rev() {
        let value = rest << 64 | u128::from(*word);
        (*word, rest) = ((value / 10_069) as u64, value % 10_069);
    }
    assert_eq!(rest, 0, "10,069 divides the cofactor");
    let point = (1u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(x.into(), Fq::from(0u64)), false))
        .map(|p| (p.mul_bigint(Fr::MODULUS)).mul_bigint(words).into_affine())
        .find(|p| !p.is_zero())
        .unwrap();
    assert!(point.mul_bigint([10_069u64]).is_zero());
    point
}

/// One leaked `[K_i/delta]` of a committed wire is a forgery.
#[test]
fn a_committed_wire_over_delta_is_refused() {
    let mut raw = RAW.clone();
    raw.key.l_query[0] = G1Affine::generator();
    assert!(matches!(load(raw), Err(KeyError::Degenerate(_))));
}

/// Counts in a header are not believed: bitmaps of zeros would make small files large in memory.
#[test]
fn other_counts_are_refused() {
    let mut raw = RAW.clone();
    raw.key.a_query.push(G1Affine::zero());
    assert!(matches!(load(raw), Err(KeyError::Count { what: "wires", .. })));
    let mut raw = RAW.clone();
    raw.ck.push(G1Affine::zero());
    assert!(matches!(load(raw), Err(KeyError::Count { what: "other committed wires", .. })));
    let mut raw = RAW.clone();
    raw.ckw.push(G1Affine::zero());
    assert!(matches!(load(raw), Err(KeyError::Count { what: "committed weights", .. })));
    let mut raw = RAW.clone();
    let double = 2 * raw.key.h_query.len() + 1;
    raw.key.h_query.resize(double, G1Affine::generator());
    assert!(matches!(load(raw), Err(KeyError::Count { what: "domain size", .. })));
}

/// A power of tau that is missing, or a domain that is no power of two, makes no key.
#[test]
fn quotients_need_every_power_of_tau() {
    let mut raw = RAW.clone();
    raw.key.h_query[7] = G1Affine::zero();
    assert!(matches!(load(raw), Err(KeyError::Malformed { reason, .. }) if reason.contains("power of tau")));
    let mut raw = RAW.clone();
    raw.key.h_query.pop();
    assert!(load(raw).is_err());
}

/// Another file, and files that do not begin as one of this version.
#[test]
fn other_files_are_refused() {
    let circuit = Circuit::new(&CATALOGUE[0]).unwrap();
    let mut file = Vec::new();
    ProvingKey::new(circuit, SetupTrust::SingleParty, &RAW).unwrap().write(&mut file).unwrap();
    let pinned = |file: &[u8]| ProvingKey::from_pinned_bytes(file, blake3::hash(file).as_bytes());
    let other = ProvingKey::from_pinned_bytes(&file, &[0; 32]);
    assert!(matches!(other, Err(KeyError::Pinned { .. })));
    let mut magic = file.clone();
    magic[0] ^= 1;
    assert!(matches!(pinned(&magic), Err(KeyError::Malformed { .. })));
    // The header is a CBOR map; its own version comes before that of the verifying key inside, which is longer.
    let name = b"gversion";
    let at = file.windows(name.len()).position(|w| w == name).unwrap() + name.len();
    assert_eq!(file[at], 1);
    file[at] = 2;
    assert_eq!(pinned(&file).unwrap_err(), KeyError::Version { what: "proving key", got: 2 });
}

#[test]
fn truncated_and_longer_files_are_refused() {
    let circuit = Circuit::new(&CATALOGUE[0]).unwrap();
    let mut file = Vec::new();
    ProvingKey::new(circuit, SetupTrust::SingleParty, &RAW).unwrap().write(&mut file).unwrap();
    let mut changed: Vec<Vec<u8>> = [0, 1, 15, 16, 19, 20, 100, 1000, file.len() / 2, file.len() - 1]
        .map(|cut| file[..cut].to_vec())
        .to_vec();
    file.push(0);
    changed.push(file);
    for bytes in changed {
        assert!(ProvingKey::from_pinned_bytes(&bytes, blake3::hash(&bytes).as_bytes()).is_err());
    }
}

/// With two of beta, gamma, delta, eta, eta_w equal or opposite, or one of them a generator, anybody forges.
#[test]
fn degenerate_verifying_keys_are_refused() {
    type Point = fn(&mut RawVerifyingKey) -> &mut G2Affine;
    let points: [Point; 5] = [
        |k| &mut k.beta_g2,
        |k| &mut k.gamma_g2,
        |k| &mut k.delta_g2,
        |k| &mut k.eta_g2,
        |k| &mut k.eta_w_g2,
    ];
    assert!(RAW.vk.check().is_ok());
    let check = |to: Point, value: G2Affine| {
        let mut vk = RAW.vk.clone();
        *to(&mut vk) = value;
        vk.check()
    };
    for (i, to) in points.into_iter().enumerate() {
        assert!(check(to, G2Affine::zero()).is_err());
        for from in points.iter().skip(i + 1) {
            let value = *from(&mut RAW.vk.clone());
            assert!(check(to, value).is_err());
            assert!(check(to, -value).is_err());
        }
        // Gamma alone may be the generator.
        assert_eq!(check(to, G2Affine::generator()).is_ok(), i == 1);
    }
    let mut vk = RAW.vk.clone();
    vk.alpha_g1 = G1Affine::zero();
    assert!(vk.check().is_err());
    let mut vk = RAW.vk.clone();
    vk.ic[3] = G1Affine::zero();
    assert!(vk.check().is_err());
}

/// The forgery behind `beta = gamma`: `A = alpha + IC(x)`, `B = beta`, the blinders' points in C. It verifies for
/// any statement, so the key must not load.
#[test]
fn a_key_with_beta_equal_to_gamma_proves_anything() {
    use ark_bn254::Bn254;
    use ark_ec::pairing::Pairing;
    let mut vk = RAW.vk.clone();
    vk.gamma_g2 = vk.beta_g2;
    let public: Vec<Fr> = (0..vk.ic.len() as u64 - 1).map(|i| Fr::from(i).pow([7])).collect();
    let ic = vk.ic[0] + G1Projective::msm(&vk.ic[1..], &public).unwrap();
    let (t, u) = (Fr::from(11u64), Fr::from(13u64));
    let (d, d_w) = (RAW.key.delta_g1 * t, RAW.key.delta_g1 * u);
    let c = -(RAW.eta_g1 * t) - RAW.eta_w_g1 * u;
    let left = Bn254::pairing(vk.alpha_g1 + ic, vk.beta_g2);
    let right = Bn254::multi_pairing(
        [vk.alpha_g1.into_group(), ic, d, d_w, c],
        [vk.beta_g2, vk.gamma_g2, vk.eta_g2, vk.eta_w_g2, vk.delta_g2],
    );
    assert_eq!(left, right, "the forgery is real");
    assert!(matches!(vk.check(), Err(KeyError::Degenerate(_))));
}

/// Padded classes are copies of class 0, so a model of fewer classes has the same room as one of all.
#[test]
fn padded_classes_need_no_room_and_are_never_predicted() {
    for class in &CATALOGUE[1..] {
        let full = CATALOGUE.iter().find(|c| c.id == class.id).unwrap();
        let real = class.classes - 1;
        let model = wide_model(full, real);
        let outcomes = [0, 1, class.x_max()].map(|x| model.forward(&vec![x; class.features]));
        for outcome in outcomes {
            assert!(outcome.prediction() < real);
            assert_eq!(outcome.logits[real], outcome.logits[0]);
        }
    }
}

/// The largest weights that the margins admit.
fn wide_model(class: &SizeClass, classes: usize) -> IntegerModel {
    let shapes = class.layer_shapes();
    for bits in (2..class.table_bits).rev() {
        let layers: Vec<Layer> = shapes
            .iter()
            .enumerate()
            .map(|(index, &(inputs, outputs))| {
                let last = index + 1 == shapes.len();
                let outputs = if last { classes } else { outputs };
                let top = if last { (1 << (bits - 1)) - 1 } else { 1 };
                let weights = (0..inputs * outputs).map(|i| if i % 3 == 0 { top } else { -top }).collect();
                Layer { inputs, outputs, weights, biases: vec![1; outputs] }
            })
            .collect();
        if let Ok(model) = IntegerModel::new(class, &layers) {
            return model;
        }
    }
    panic!("no weights fit");
}
