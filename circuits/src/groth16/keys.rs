//! Verifying and proving keys: encodings, digests, and what is refused at load.

use super::points::{self, DecodeError, eip_g1, eip_g2};
use super::relation::{Relation, RelationError};
use super::setup::setup;
use super::shape::{Shape, shape_of};
use crate::circuit::Circuit;
use crate::engine::{BasesG1, BasesG2, Quotient, Scalars, Table};
use crate::model::{BoundsError, ClassId, SizeClass};
use crate::statement::PublicInputs;
use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup, pairing::Pairing, pairing::PairingOutput};
use ark_relations::gr1cs::SynthesisError;
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use sha3::{Digest, Keccak256};
use std::sync::{Arc, OnceLock};

const VERSION: u8 = 1;
const DIGEST_DOMAIN: &[u8; 32] = b"podium verifying key v1\0\0\0\0\0\0\0\0\0";
/// Longest encoded verifying key, in bytes.
pub(super) const MAX_VERIFYING_KEY_BYTES: usize = 8 << 20;

/// Who made a key, hence who could forge with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetupTrust {
    /// One party: can forge proofs, and could have made a key that reads weights out of them.
    SingleParty,
}

impl SetupTrust {
    /// As it is hashed into a key's digest.
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::SingleParty => 0,
        }
    }
}

/// Why a key is not made or not loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a key file of ours.
    #[error("not a {what} file: {reason}")]
    Malformed {
        /// `verifying key` or `proving key`.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Another version.
    #[error("{what}: expected version {VERSION}, got {got}")]
    Version {
        /// `verifying key` or `proving key`.
        what: &'static str,
        /// Its version.
        got: u8,
    },
    /// Another number of points than the size class has.
    #[error("{what}: expected {expected}, got {got}")]
    Count {
        /// What was counted.
        what: &'static str,
        /// What the class has.
        expected: usize,
        /// What the file has.
        got: usize,
    },
    /// A point that is not one.
    #[error(transparent)]
    Point(#[from] DecodeError),
    /// A key with which anybody could forge.
    #[error("degenerate key: {0}")]
    Degenerate(&'static str),
    /// Another file than the one that was pinned.
    #[error("expected a file with BLAKE3 digest {expected}, got {got}")]
    Pinned {
        /// The pinned digest, in hex.
        expected: String,
        /// The file's, in hex.
        got: String,
    },
    /// A trapdoor of 0 was drawn: try again.
    #[error("a trapdoor of zero was drawn")]
    ZeroTrapdoor,
    /// The size class is unsound.
    #[error(transparent)]
    Bounds(#[from] BoundsError),
    /// The circuit could not be synthesised.
    #[error("the circuit could not be synthesised: {0}")]
    Synthesis(String),
}

impl From<SynthesisError> for KeyError {
    fn from(error: SynthesisError) -> Self {
        Self::Synthesis(error.to_string())
    }
}

impl From<RelationError> for KeyError {
    fn from(error: RelationError) -> Self {
        Self::Synthesis(error.to_string())
    }
}

/// A decoder's message may repeat what it read, which may be megabytes: it is cut.
pub(super) fn cut(error: &dyn std::fmt::Display) -> String {
    error.to_string().chars().take(200).collect()
}

/// The points of a verifying key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawVerifyingKey {
    pub alpha_g1: G1Affine,
    pub beta_g2: G2Affine,
    pub gamma_g2: G2Affine,
    pub delta_g2: G2Affine,
    pub eta_g2: G2Affine,
    pub eta_w_g2: G2Affine,
    pub ic: Vec<G1Affine>,
}

/// The points of a proving key as setup makes them.
#[derive(Clone)]
pub(crate) struct RawKey {
    pub vk: RawVerifyingKey,
    pub eta_g1: G1Affine,
    pub eta_w_g1: G1Affine,
    pub ckw: Vec<G1Affine>,
    pub ck: Vec<G1Affine>,
    /// As `ark-groth16` takes it; committed wires have no entry in `l_query`.
    pub key: ark_groth16::ProvingKey<Bn254>,
}

/// Prepared for pairings.
#[derive(Debug)]
pub(super) struct Prepared {
    pub alpha_beta: PairingOutput<Bn254>,
    pub gamma: <Bn254 as Pairing>::G2Prepared,
    pub delta: <Bn254 as Pairing>::G2Prepared,
    pub eta: <Bn254 as Pairing>::G2Prepared,
    pub eta_w: <Bn254 as Pairing>::G2Prepared,
}

#[derive(Debug)]
struct Inner {
    /// Made when the first proof is verified: for 784 features 1.3 MB in some 50 ms.
    inputs: OnceLock<Table>,
    class: ClassId,
    trust: SetupTrust,
    raw: RawVerifyingKey,
    prepared: Prepared,
    digest: [u8; 32],
}

/// A verifying key: checked and prepared for pairings. Cheap to clone.
#[derive(Clone, Debug)]
pub struct VerifyingKey(Arc<Inner>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireVerifyingKey {
    version: u8,
    class: String,
    trust: SetupTrust,
    #[serde(with = "serde_bytes")]
    points: Vec<u8>,
}

impl RawVerifyingKey {
    fn g2(&self) -> [(&'static str, &G2Affine); 5] {
        [
            ("beta", &self.beta_g2),
            ("gamma", &self.gamma_g2),
            ("delta", &self.delta_g2),
            ("eta", &self.eta_g2),
            ("eta_w", &self.eta_w_g2),
        ]
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = points::encode(&self.alpha_g1);
        self.g2().iter().for_each(|(_, p)| out.extend(points::encode(*p)));
        self.ic.iter().for_each(|p| out.extend(points::encode(p)));
        out
    }

    fn decode(bytes: &[u8], inputs: usize) -> Result<Self, KeyError> {
        let expected = 32 + 5 * 64 + 32 * (inputs + 1);
        if bytes.len() != expected {
            return Err(KeyError::Count { what: "bytes of a verifying key", expected, got: bytes.len() });
        }
        let (g2, ic) = bytes[32..].split_at(5 * 64);
        let g2 = |i: usize, what| points::parse::<G2Affine>(what, &g2[64 * i..64 * (i + 1)]);
        Ok(Self {
            alpha_g1: points::parse("alpha", &bytes[..32])?,
            beta_g2: g2(0, "beta")?,
            gamma_g2: g2(1, "gamma")?,
            delta_g2: g2(2, "delta")?,
            eta_g2: g2(3, "eta")?,
            eta_w_g2: g2(4, "eta_w")?,
            ic: ic.chunks(32).map(|p| points::parse("IC", p)).collect::<Result<_, _>>()?,
        })
    }

    /// Refuses keys with which anybody could forge: two of beta, gamma, delta, eta, eta_w equal (or opposite), one
    /// of beta, delta, eta, eta_w a generator (or its negative), any point infinite. Gamma alone may be the
    /// generator: ceremony keys have it so. (With beta = gamma, `A = alpha + IC(x)`, `B = beta` proves anything.)
    /// Other known relations, such as gamma = 2 delta, forge too: no check at load replaces an honest setup.
    pub(crate) fn check(&self) -> Result<(), KeyError> {
        let finite = self.g2().iter().all(|(_, p)| !p.is_zero())
            && !self.alpha_g1.is_zero()
            && self.ic.iter().all(|p| !p.is_zero());
        if !finite {
            return Err(KeyError::Degenerate("a point is infinity"));
        }
        let same = |p: &G2Affine, q: &G2Affine| p == q || *p == -*q;
        let bases = self.g2().map(|(_, p)| p);
        for (i, p) in bases.iter().enumerate() {
            if bases[i + 1..].iter().any(|q| same(p, q)) {
                return Err(KeyError::Degenerate(
                    "two of beta, gamma, delta, eta, eta_w are equal or opposite",
                ));
            }
        }
        let generator = G2Affine::from(G2Projective::generator());
        if self.g2().iter().any(|(name, p)| *name != "gamma" && same(p, &generator)) {
            return Err(KeyError::Degenerate("beta, delta, eta or eta_w is the generator"));
        }
        self.check_alpha(&generator)
    }

    /// Alpha stands in G1 alone, so a pairing compares it: with alpha = gamma, `A = beta + IC(x)` and `B = gamma` prove
    /// anything; with delta, eta or eta_w, `-beta` goes into C, D or `D_w`. Where alpha is a generator or beta, a wire
    /// that stands in one constraint's B side alone is free there.
    fn check_alpha(&self, generator: &G2Affine) -> Result<(), KeyError> {
        let alpha = Bn254::pairing(self.alpha_g1, *generator);
        let others = self.g2().map(|(_, p)| *p).into_iter().chain(std::iter::once(*generator));
        let same = |p: G2Affine| {
            let other = Bn254::pairing(G1Affine::generator(), p);
            alpha == other || alpha == -other
        };
        if others.into_iter().any(same) {
            return Err(KeyError::Degenerate(
                "alpha is a generator or one of beta, gamma, delta, eta, eta_w",
            ));
        }
        Ok(())
    }

    fn digest(&self, class: &SizeClass, trust: SetupTrust) -> [u8; 32] {
        let mut bytes = DIGEST_DOMAIN.to_vec();
        bytes.extend_from_slice(&class.descriptor());
        bytes.push(trust.to_byte());
        let (fixed, ic) = self.to_evm();
        bytes.extend(fixed);
        bytes.extend_from_slice(&(self.ic.len() as u32).to_be_bytes());
        bytes.extend(ic);
        Keccak256::digest(&bytes).into()
    }

    /// EIP-196/197 coordinates of alpha, beta, gamma, delta, eta, eta_w, and those of the IC points.
    fn to_evm(&self) -> (Vec<u8>, Vec<u8>) {
        let mut bytes = Vec::new();
        eip_g1(&mut bytes, &self.alpha_g1);
        self.g2().iter().for_each(|(_, p)| eip_g2(&mut bytes, p));
        let fixed = std::mem::take(&mut bytes);
        self.ic.iter().for_each(|p| eip_g1(&mut bytes, p));
        (fixed, bytes)
    }
}

impl VerifyingKey {
    pub(crate) fn new(class: &SizeClass, trust: SetupTrust, raw: RawVerifyingKey) -> Result<Self, KeyError> {
        let expected = PublicInputs::count(class) + 1;
        if raw.ic.len() != expected {
            return Err(KeyError::Count { what: "IC points", expected, got: raw.ic.len() });
        }
        raw.check()?;
        let prepared = Prepared {
            alpha_beta: Bn254::pairing(raw.alpha_g1, raw.beta_g2),
            gamma: raw.gamma_g2.into(),
            delta: raw.delta_g2.into(),
            eta: raw.eta_g2.into(),
            eta_w: raw.eta_w_g2.into(),
        };
        let digest = raw.digest(class, trust);
        Ok(Self(Arc::new(Inner { inputs: OnceLock::new(), class: class.id, trust, raw, prepared, digest })))
    }

    /// Parses and checks: canonical points in their subgroups, as many as the class has, nothing degenerate.
    ///
    /// # Errors
    /// The first thing that is wrong, with *expected and got*.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let what = "verifying key";
        let malformed = |reason: String| KeyError::Malformed { what, reason };
        if bytes.len() > MAX_VERIFYING_KEY_BYTES {
            return Err(malformed(format!(
                "expected at most {MAX_VERIFYING_KEY_BYTES} bytes, got {}",
                bytes.len()
            )));
        }
        let wire: WireVerifyingKey = serde_ipld_dagcbor::from_slice(bytes).map_err(|e| malformed(cut(&e)))?;
        if wire.version != VERSION {
            return Err(KeyError::Version { what, got: wire.version });
        }
        let class: ClassId =
            wire.class.parse().map_err(|e: crate::model::UnknownClass| malformed(e.to_string()))?;
        let class = class.class();
        let raw = RawVerifyingKey::decode(&wire.points, PublicInputs::count(class))?;
        let key = Self::new(class, wire.trust, raw)?;
        if key.to_bytes() != bytes {
            return Err(malformed("expected the canonical encoding".into()));
        }
        Ok(key)
    }

    /// Canonical bytes: what is stored and sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        let wire = WireVerifyingKey {
            version: VERSION,
            class: self.0.class.as_str().to_owned(),
            trust: self.0.trust,
            points: self.0.raw.encode(),
        };
        // A struct of strings and bytes always encodes; an empty encoding would be refused by every reader.
        serde_ipld_dagcbor::to_vec(&wire).unwrap_or_default()
    }

    /// Keccak-256 of size class, trust and points (as EIP-196/197 coordinates): what a competition pins and
    /// what the challenges bind. A contract recomputes it.
    pub fn digest(&self) -> [u8; 32] {
        self.0.digest
    }

    /// EIP-196/197 coordinates of alpha, beta, gamma, delta, eta, eta_w and the IC points: what a contract keeps, and
    /// hashes into [`Self::digest`].
    pub fn to_evm(&self) -> Vec<u8> {
        let (fixed, ic) = self.0.raw.to_evm();
        [fixed, ic].concat()
    }

    /// The size class.
    pub fn class(&self) -> ClassId {
        self.0.class
    }

    /// Who made it.
    pub fn trust(&self) -> SetupTrust {
        self.0.trust
    }

    /// Public inputs of its statements, the constant 1 not counted.
    pub(super) fn inputs(&self) -> usize {
        self.0.raw.ic.len().saturating_sub(1)
    }

    /// `constant IC_0 + sum_j public_j IC_(j+1)`.
    pub(crate) fn input_sum(&self, constant: Fr, public: &[Fr]) -> G1Projective {
        let scalars = Scalars::new(&[&[constant], public].concat());
        if let Some(table) = self.0.inputs.get() {
            return table.msm(&scalars);
        }
        // Not `get_or_init`, which locks: a worker of rayon that waits for a part of the table takes up other work,
        // and where that is another verification, it would wait for itself. At worst several threads make the table.
        let table = Table::new(&self.0.raw.ic);
        self.0.inputs.get_or_init(|| table).msm(&scalars)
    }

    pub(super) fn prepared(&self) -> &Prepared {
        &self.0.prepared
    }

    pub(crate) fn raw(&self) -> &RawVerifyingKey {
        &self.0.raw
    }
}

/// The points of a proving key as the prover multiplies them. Indices of the first four are those of variables.
#[derive(Clone)]
pub(crate) struct KeyBases {
    pub alpha_g1: G1Affine,
    pub beta_g1: G1Affine,
    pub beta_g2: G2Affine,
    pub delta_g1: G1Affine,
    pub delta_g2: G2Affine,
    pub eta_g1: G1Affine,
    pub eta_w_g1: G1Affine,
    pub a: BasesG1,
    pub b_g1: BasesG1,
    pub b_g2: BasesG2,
    /// Wires that are not committed, over delta.
    pub l: BasesG1,
    /// `[tau^i Z(tau) / delta]_1`.
    pub h: Quotient,
    pub ckw: BasesG1,
    pub ck: BasesG1,
}

impl KeyBases {
    pub fn new(raw: &RawKey) -> Result<Self, KeyError> {
        let (vk, key) = (&raw.vk, &raw.key);
        Ok(Self {
            alpha_g1: vk.alpha_g1,
            beta_g1: key.beta_g1,
            beta_g2: vk.beta_g2,
            delta_g1: key.delta_g1,
            delta_g2: vk.delta_g2,
            eta_g1: raw.eta_g1,
            eta_w_g1: raw.eta_w_g1,
            a: BasesG1::new(&key.a_query),
            b_g1: BasesG1::new(&key.b_g1_query),
            b_g2: BasesG2::new(&key.b_g2_query),
            l: BasesG1::new(&key.l_query).shifted(vk.ic.len()),
            h: Quotient::new(&key.h_query).ok_or(SynthesisError::PolynomialDegreeTooLarge)?,
            ckw: BasesG1::new(&raw.ckw),
            ck: BasesG1::new(&raw.ck),
        })
    }

    /// The five sums of a proof, of `A z` and `B z` over the domain and the full assignment.
    pub fn sums(&self, a: Vec<Fr>, b: Vec<Fr>, assignment: &Scalars) -> Sums {
        let ((h, l), (a, (b_g1, b_g2))) = rayon::join(
            || rayon::join(|| self.h.msm(a, b), || self.l.msm(assignment)),
            || {
                let b = || rayon::join(|| self.b_g1.msm(assignment), || self.b_g2.msm(assignment));
                rayon::join(|| self.a.msm(assignment), b)
            },
        );
        Sums { h, l, a, b_g1, b_g2 }
    }

    /// `sum w_i bases_i + blinder [delta]_1`.
    pub fn commit(&self, bases: &BasesG1, wires: &Scalars, blinder: Fr) -> G1Affine {
        (bases.msm(wires) + self.delta_g1 * blinder).into_affine()
    }
}

/// What the multi-exponentiations of a proof give.
pub(crate) struct Sums {
    pub h: G1Projective,
    pub l: G1Projective,
    pub a: G1Projective,
    pub b_g1: G1Projective,
    pub b_g2: G2Projective,
}

/// A proving key with its verifying key, and its circuit's matrices.
pub struct ProvingKey {
    pub(crate) circuit: Circuit,
    pub(crate) relation: Relation,
    pub(crate) bases: KeyBases,
    vk: VerifyingKey,
    /// BLAKE3 of the key file: given at load, else computed when it is first asked for.
    file: OnceLock<[u8; 32]>,
}

impl std::fmt::Debug for ProvingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProvingKey").field("class", &self.vk.class()).finish_non_exhaustive()
    }
}

impl ProvingKey {
    /// Makes a single-party key: whoever runs this could keep the trapdoors. `progress` is told the step and
    /// the fraction done, 0 to 1.
    ///
    /// # Errors
    /// If the class is unsound, or with negligible probability a trapdoor is 0.
    pub fn generate(
        class: &SizeClass,
        rng: &mut (impl RngCore + CryptoRng),
        progress: &dyn Fn(&str, f64),
    ) -> Result<Self, KeyError> {
        let circuit = Circuit::new(class)?;
        Self::new(circuit, SetupTrust::SingleParty, &setup(&circuit, rng, progress)?)
    }

    pub(crate) fn new(circuit: Circuit, trust: SetupTrust, raw: &RawKey) -> Result<Self, KeyError> {
        let vk = VerifyingKey::new(&circuit.class, trust, raw.vk.clone())?;
        Ok(Self::from_parts(circuit, Relation::of(&circuit)?, KeyBases::new(raw)?, vk))
    }

    pub(super) fn from_parts(
        circuit: Circuit,
        relation: Relation,
        bases: KeyBases,
        vk: VerifyingKey,
    ) -> Self {
        Self { circuit, relation, bases, vk, file: OnceLock::new() }
    }

    /// BLAKE3 of the key file. Blinders depend on it: one verifying key has as many proving key files as its maker
    /// likes, and under one blinder two of them would tell wires apart.
    pub(super) fn file_digest(&self) -> [u8; 32] {
        *self.file.get_or_init(|| {
            let mut hasher = blake3::Hasher::new();
            // A hasher takes everything that is written to it.
            let _ = self.write(&mut hasher);
            *hasher.finalize().as_bytes()
        })
    }

    pub(super) fn with_file_digest(self, digest: [u8; 32]) -> Self {
        Self { file: digest.into(), ..self }
    }

    /// Its verifying key.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.vk
    }

    /// The size class.
    pub fn class(&self) -> &SizeClass {
        &self.circuit.class
    }

    /// Counts of its circuit.
    ///
    /// # Errors
    /// If the circuit cannot be synthesised.
    pub fn shape(&self) -> Result<Shape, KeyError> {
        Ok(shape_of(&self.circuit)?)
    }

    /// The points as setup made them.
    #[cfg(test)]
    pub(crate) fn raw(&self) -> RawKey {
        let (bases, vk) = (&self.bases, self.vk.raw());
        RawKey {
            vk: vk.clone(),
            eta_g1: bases.eta_g1,
            eta_w_g1: bases.eta_w_g1,
            ckw: bases.ckw.to_points(),
            ck: bases.ck.to_points(),
            key: ark_groth16::ProvingKey {
                vk: ark_groth16::VerifyingKey {
                    alpha_g1: vk.alpha_g1,
                    beta_g2: vk.beta_g2,
                    gamma_g2: vk.gamma_g2,
                    delta_g2: vk.delta_g2,
                    gamma_abc_g1: vk.ic.clone(),
                },
                beta_g1: bases.beta_g1,
                delta_g1: bases.delta_g1,
                a_query: bases.a.to_points(),
                b_g1_query: bases.b_g1.to_points(),
                b_g2_query: bases.b_g2.to_points(),
                h_query: bases.h.to_points(),
                l_query: bases.l.to_points().split_off(vk.ic.len()),
            },
        }
    }
}
