//! What is hashed, put together again from the tables of `circuits/README.md`: no field is left out, none moves.

use super::lab::{LINEAR, MLP, REAL, SECRET, claim, scope, toy_set};
use crate::groth16::reference::commit_wires;
use crate::groth16::{Commitment, Transcript, VerifyingKey};
use crate::model::SizeClass;
use crate::statement::{Challenges, Chunk, Competitor, Scope, ScoreClaim};
use crate::witness;
use ark_bn254::{Fq, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};
use sha3::{Digest, Keccak256};

fn coordinates(values: &[Fq]) -> Vec<u8> {
    values.iter().flat_map(|value| value.into_bigint().to_bytes_be()).collect()
}

fn g1(point: &G1Affine) -> Vec<u8> {
    let (x, y) = point.xy().unwrap();
    coordinates(&[x, y])
}

fn g2(point: &G2Affine) -> Vec<u8> {
    let (x, y) = point.xy().unwrap();
    coordinates(&[x.c1, x.c0, y.c1, y.c0])
}

fn descriptor(class: &SizeClass) -> Vec<u8> {
    let be = |value: usize| (value as u32).to_be_bytes();
    let (bits, t, l) = (class.feature_bits as u8, class.table_bits as u8, class.margin_limbs as u8);
    [
        &[u8::from(class.hidden() > 0)][..],
        &be(class.rows),
        &be(class.features),
        &[bits],
        &be(class.hidden()),
        &be(class.classes),
        &[t, l],
    ]
    .concat()
}

fn padded(text: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out[..text.len()].copy_from_slice(text.as_bytes());
    out
}

fn challenges(
    vk: &VerifyingKey,
    class: &SizeClass,
    mode: u8,
    test_set: &[u8; 32],
    claim: &ScoreClaim,
    points: [&G1Affine; 2],
) -> Challenges {
    let ScoreClaim { scope, entry, roster, chunk, rows, correct } = claim;
    let seed = Keccak256::digest(
        [
            &padded("podium challenge transcript v2")[..],
            &vk.digest(),
            &descriptor(class),
            &[mode],
            test_set,
            &chunk.index.to_be_bytes(),
            &chunk.lo.to_be_bytes(),
            &chunk.hi.to_be_bytes(),
            &rows.to_be_bytes(),
            &correct.to_be_bytes(),
            &scope.competition,
            &scope.competitor.to_bytes(),
            entry,
            roster,
            &g1(points[0]),
            &g1(points[1]),
        ]
        .concat(),
    );
    let challenge = |i: u8| {
        let half = |part| Keccak256::digest([&seed[..], &[i, part]].concat());
        Fr::from_be_bytes_mod_order(&[half(0), half(1)].concat())
    };
    Challenges { x: challenge(0), y: challenge(1), rho: challenge(2) }
}

#[test]
fn challenges_are_hashed_from_every_field_in_its_place() {
    for lab in [&*LINEAR, &*MLP] {
        let (set, d) = (toy_set(&lab.class), &lab.key.eta_g1);
        let dw = Commitment(lab.key.eta_w_g1);
        for competitor in [Competitor::Node([2; 32]), Competitor::Evm([5; 20])] {
            let scope = Scope { competitor, ..scope() };
            let chunk = Chunk { index: 1, lo: 12, hi: 23 };
            let claim = ScoreClaim { scope, chunk, ..claim(&lab.class, &set, 7) };
            let drawn =
                Transcript::score(&lab.vk.digest(), &lab.class, &set.digest(), &claim, &dw).challenges(d);
            assert_eq!(drawn, challenges(&lab.vk, &lab.class, 0, &set.digest(), &claim, [&dw.0, d]));
            let chunk = Chunk { index: 0, lo: 0, hi: 0 };
            let nothing = ScoreClaim { scope, entry: [0; 32], roster: [0; 32], chunk, rows: 0, correct: 0 };
            let drawn = Transcript::model(&lab.vk.digest(), &lab.class, &scope, &dw).challenges(d);
            assert_eq!(drawn, challenges(&lab.vk, &lab.class, 1, &[0; 32], &nothing, [&dw.0, d]));
        }
    }
}

/// A node's key is not an address, whatever its bytes are.
#[test]
fn competitors_are_tagged() {
    let mut padded = [0; 32];
    padded[12..].fill(5);
    let (node, evm) = (Competitor::Node(padded).to_bytes(), Competitor::Evm([5; 20]).to_bytes());
    assert_eq!((node[0], evm[0]), (0, 1));
    assert_eq!(node[1..], evm[1..]);
}

#[test]
fn key_digests_are_hashed_from_every_point() {
    for lab in [&*LINEAR, &*MLP] {
        let vk = lab.vk.raw();
        let mut bytes = padded("podium verifying key v1").to_vec();
        bytes.extend(descriptor(&lab.class));
        bytes.push(0);
        bytes.extend(g1(&vk.alpha_g1));
        [vk.beta_g2, vk.gamma_g2, vk.delta_g2, vk.eta_g2, vk.eta_w_g2]
            .iter()
            .for_each(|p| bytes.extend(g2(p)));
        bytes.extend((vk.ic.len() as u32).to_be_bytes());
        vk.ic.iter().for_each(|p| bytes.extend(g1(p)));
        assert_eq!(lab.vk.digest(), <[u8; 32]>::from(Keccak256::digest(&bytes)));
    }
}

/// The blinder of `D_w` and the audit digest, from the competitor's secret, the key file and what
/// they hide.
#[test]
fn commitments_are_blinded_by_a_prf_of_secret_key_competition_and_weights() {
    let (pk, opening) = (&REAL.pk, &REAL.opening);
    let limbs = witness::limbs(opening.model(), &pk.circuit.bounds);
    // The secret for this proving key file.
    let mut file = blake3::Hasher::new();
    pk.write(&mut file).unwrap();
    let mut secret =
        blake3::Hasher::new_keyed(&blake3::derive_key("podium 2026 secret for a proving key file", &SECRET));
    secret.update(&32u64.to_le_bytes()).update(file.finalize().as_bytes());
    let secret = *secret.finalize().as_bytes();
    let prf = |context| {
        let mut hash = blake3::Hasher::new_keyed(&blake3::derive_key(context, &secret));
        for bytes in [pk.verifying_key().digest(), scope().competition] {
            hash.update(&32u64.to_le_bytes());
            hash.update(&bytes);
        }
        hash.update(&(limbs.len() as u64).to_le_bytes());
        limbs.iter().for_each(|limb| _ = hash.update(&limb.into_bigint().to_bytes_le()));
        hash
    };
    let mut wide = [0; 64];
    prf("podium 2026 blinder of D_w").finalize_xof().fill(&mut wide);
    let blinder = Fr::from_le_bytes_mod_order(&wide);
    assert_eq!(opening.commitment().0, commit_wires(&pk.raw(), &pk.raw().ckw, &limbs, blinder));
    let salt = *prf("podium 2026 salt of the audit digest").finalize().as_bytes();
    let mut audit = blake3::Hasher::new_keyed(&salt);
    audit.update(b"linear-30-2");
    for layer in opening.model().layers() {
        layer.weights.iter().for_each(|w| _ = audit.update(&w.to_le_bytes()));
        layer.biases.iter().for_each(|b| _ = audit.update(&b.to_le_bytes()));
    }
    assert_eq!(opening.audit_digest(), *audit.finalize().as_bytes());
}
