//! What the rest of Podium calls: commit, prove a model, prove a score, verify either.

use super::batch::verify_all;
use super::blinder::{Prf, secret_for_file};
use super::challenge::Transcript;
use super::keys::{ProvingKey, VerifyingKey, cut};
use super::points::{Commitment, DecodeError, Proof};
use super::prove::{CommittedValues, ProveError, Secrets, prove};
use super::verify::{Instance, VerifyError};
use crate::engine::Scalars;
use crate::model::{Bounds, ClassId, IntegerModel, Layer, ModelError, SizeClass};
use crate::statement::{Chunk, PublicInputs, Scope, ScoreClaim, TestSet};
use crate::witness;
use ark_bn254::Fr;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

const VERSION: u8 = 1;

/// The opening of a commitment: as secret as the weights. Keep its bytes in a file of mode 0600.
#[derive(Clone)]
pub struct Opening {
    model: IntegerModel,
    key: [u8; 32],
    competition: [u8; 32],
    blinder: Fr,
    salt: [u8; 32],
    commitment: Commitment,
}

impl std::fmt::Debug for Opening {
    /// Shows the commitment alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("commitment", &self.commitment).finish_non_exhaustive()
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.blinder.zeroize();
        self.salt.zeroize();
    }
}

/// Why bytes are not an opening.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OpeningError {
    /// Not an opening at all.
    #[error("not an opening: {0}")]
    Malformed(String),
    /// Another version.
    #[error("opening: expected version {VERSION}, got {got}")]
    Version {
        /// Its version.
        got: u8,
    },
    /// The commitment's point.
    #[error(transparent)]
    Point(#[from] DecodeError),
    /// The model inside.
    #[error(transparent)]
    Model(#[from] ModelError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireLayer {
    inputs: u32,
    outputs: u32,
    weights: Vec<i32>,
    biases: Vec<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireOpening {
    version: u8,
    class: ClassId,
    layers: Vec<WireLayer>,
    #[serde(with = "serde_bytes")]
    key: [u8; 32],
    #[serde(with = "serde_bytes")]
    competition: [u8; 32],
    #[serde(with = "serde_bytes")]
    blinder: [u8; 32],
    #[serde(with = "serde_bytes")]
    salt: [u8; 32],
    #[serde(with = "serde_bytes")]
    commitment: [u8; 32],
}

impl Opening {
    /// Bytes for a file of mode 0600.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut blinder = [0; 32];
        // 32 bytes always hold a field element; a failure would leave zeros, which open nothing.
        let _ = self.blinder.serialize_compressed(&mut blinder[..]);
        let layers = self.model.layers().iter().map(|layer| WireLayer {
            inputs: layer.inputs as u32,
            outputs: layer.outputs as u32,
            weights: layer.weights.clone(),
            biases: layer.biases.clone(),
        });
        let wire = WireOpening {
            version: VERSION,
            class: self.model.class().id,
            layers: layers.collect(),
            key: self.key,
            competition: self.competition,
            blinder,
            salt: self.salt,
            commitment: self.commitment.to_bytes(),
        };
        serde_ipld_dagcbor::to_vec(&wire).unwrap_or_default()
    }

    /// Reads an opening and checks the model inside.
    ///
    /// # Errors
    /// If the bytes are no opening or its model is out of range.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpeningError> {
        let wire: WireOpening =
            serde_ipld_dagcbor::from_slice(bytes).map_err(|e| OpeningError::Malformed(cut(&e)))?;
        if wire.version != VERSION {
            return Err(OpeningError::Version { got: wire.version });
        }
        let layers: Vec<Layer> = wire
            .layers
            .into_iter()
            .map(|layer| Layer {
                inputs: layer.inputs as usize,
                outputs: layer.outputs as usize,
                weights: layer.weights,
                biases: layer.biases,
            })
            .collect();
        let blinder = Fr::deserialize_compressed(&wire.blinder[..])
            .map_err(|_| OpeningError::Malformed("the blinder is no canonical field element".into()))?;
        Ok(Self {
            model: IntegerModel::new(wire.class.class(), &layers)?,
            key: wire.key,
            competition: wire.competition,
            blinder,
            salt: wire.salt,
            commitment: Commitment::from_bytes(&wire.commitment)?,
        })
    }

    /// The commitment that it opens.
    pub fn commitment(&self) -> Commitment {
        self.commitment
    }

    /// The model inside.
    pub fn model(&self) -> &IntegerModel {
        &self.model
    }

    /// The competition that it was made for.
    pub fn competition(&self) -> [u8; 32] {
        self.competition
    }

    /// Digest of the verifying key that it was made under.
    pub fn key_digest(&self) -> [u8; 32] {
        self.key
    }

    /// Salted BLAKE3 digest of the canonical weights, for an entry: unproved, an anchor for later audits.
    pub fn audit_digest(&self) -> [u8; 32] {
        let mut hash = blake3::Hasher::new_keyed(&self.salt);
        hash.update(self.model.class().id.as_str().as_bytes());
        for layer in self.model.layers() {
            for weight in &layer.weights {
                hash.update(&weight.to_le_bytes());
            }
            for bias in &layer.biases {
                hash.update(&bias.to_le_bytes());
            }
        }
        *hash.finalize().as_bytes()
    }
}

/// Commits to a model for one competition. `secret` is the competitor's local secret: the blinder is a PRF of
/// it, the key, the competition and the weights, hence the same after a crash and another for other weights.
///
/// # Errors
/// If the model is of another size class than the key.
pub fn commit(
    pk: &ProvingKey,
    model: &IntegerModel,
    competition: &[u8; 32],
    secret: &[u8; 32],
) -> Result<Opening, ProveError> {
    let key = pk.verifying_key().digest();
    check_class(pk, model)?;
    let limbs = Scalars::new(&witness::limbs(model, &pk.circuit.bounds));
    let secret = secret_for_file(secret, &pk.file_digest());
    let prf = |context| Prf::new(context, &secret).bytes(&key).bytes(competition).scalars(&limbs);
    let [blinder] = prf("podium 2026 blinder of D_w").finish();
    let salt = prf("podium 2026 salt of the audit digest").finish_bytes();
    let commitment = Commitment(pk.bases.commit(&pk.bases.ckw, &limbs, blinder));
    Ok(Opening { model: model.clone(), key, competition: *competition, blinder, salt, commitment })
}

fn check_class(pk: &ProvingKey, model: &IntegerModel) -> Result<(), ProveError> {
    if pk.class() == model.class() {
        return Ok(());
    }
    Err(ProveError::Key { expected: pk.class().id.to_string(), got: model.class().id.to_string() })
}

fn check_opening(pk: &ProvingKey, opening: &Opening, scope: &Scope) -> Result<(), ProveError> {
    check_class(pk, &opening.model)?;
    let key = pk.verifying_key().digest();
    if key != opening.key {
        return Err(ProveError::Key { expected: hex::encode(key), got: hex::encode(opening.key) });
    }
    if scope.competition != opening.competition {
        return Err(ProveError::Competition {
            expected: hex::encode(scope.competition),
            got: hex::encode(opening.competition),
        });
    }
    Ok(())
}

/// Makes the model proof (mode 1) and verifies it: every committed limb is in range, and whoever made it knows
/// the opening and is `scope.competitor`.
///
/// # Errors
/// If opening, key and scope do not belong together, or the proof fails its own check.
pub fn prove_model(
    pk: &ProvingKey,
    opening: &Opening,
    scope: &Scope,
    secret: &[u8; 32],
    progress: &dyn Fn(&str, f64),
) -> Result<Proof, ProveError> {
    check_opening(pk, opening, scope)?;
    let (circuit, vk) = (&pk.circuit, pk.verifying_key());
    let values = witness::model(&opening.model, &circuit.bounds, &circuit.limb_shifts());
    let values = values.committed(&circuit.class, &circuit.bounds);
    let transcript = Transcript::model(&vk.digest(), &circuit.class, scope, &opening.commitment);
    let public = |ch| PublicInputs::model(&circuit.class, &circuit.bounds, ch).to_vec();
    let secret = secret_for_file(secret, &pk.file_digest());
    let secrets = Secrets { local: &secret, model_blinder: opening.blinder };
    let proof = prove(&pk.relation, &pk.bases, &values, &transcript, &secrets, public, progress)?;
    progress("checking", 0.98);
    let (proof, commitment) = reread(&proof, opening)?;
    verify_model(vk, scope, &commitment, &proof).map_err(|e| ProveError::SelfCheck(e.to_string()))?;
    progress("done", 1.0);
    Ok(proof)
}

/// Makes the score proof (mode 0) of one chunk and verifies it. The claim may be below what the model reaches.
///
/// # Errors
/// If the claim is above what the model reaches, if opening, key, test set and claim do not belong together,
/// or if the proof fails its own check.
pub fn prove_score(
    pk: &ProvingKey,
    opening: &Opening,
    set: &TestSet,
    claim: &ScoreClaim,
    secret: &[u8; 32],
    progress: &dyn Fn(&str, f64),
) -> Result<Proof, ProveError> {
    let values = score_witness(pk, opening, set, claim)?;
    let (circuit, vk) = (&pk.circuit, pk.verifying_key());
    let transcript = score_transcript(vk, &circuit.class, set, claim, &opening.commitment);
    let public = |ch| {
        PublicInputs::score(&circuit.class, &circuit.bounds, ch, set, &claim.chunk, claim.correct).to_vec()
    };
    let secret = secret_for_file(secret, &pk.file_digest());
    let secrets = Secrets { local: &secret, model_blinder: opening.blinder };
    let proof = prove(&pk.relation, &pk.bases, &values, &transcript, &secrets, public, progress)?;
    progress("checking", 0.98);
    let (proof, commitment) = reread(&proof, opening)?;
    score_instance(vk, set, &commitment, claim, &proof)
        .and_then(|instance| instance.verify(vk))
        .map_err(|e| ProveError::SelfCheck(e.to_string()))?;
    progress("done", 1.0);
    Ok(proof)
}

/// The committed wires of a score, once opening, key, test set and claim are found to belong together.
pub(super) fn score_witness(
    pk: &ProvingKey,
    opening: &Opening,
    set: &TestSet,
    claim: &ScoreClaim,
) -> Result<CommittedValues, ProveError> {
    check_opening(pk, opening, &claim.scope)?;
    opening.model.check_test_set(set)?;
    let circuit = &pk.circuit;
    check_claim(&circuit.class, set, claim).map_err(|e| match e {
        VerifyError::Claim { what, expected, got } => ProveError::Statement { what, expected, got },
        other => ProveError::SelfCheck(other.to_string()),
    })?;
    let reached = right_rows(&opening.model, set, &claim.chunk);
    if claim.correct > reached {
        return Err(ProveError::Claim { expected: reached, got: claim.correct });
    }
    let values = witness::score(&opening.model, &circuit.bounds, set, &claim.chunk, claim.correct);
    Ok(values.committed(&circuit.class, &circuit.bounds))
}

/// What everybody else will read: parsing tests curve and subgroup of points that came from the key's points.
fn reread(proof: &Proof, opening: &Opening) -> Result<(Proof, Commitment), ProveError> {
    let check = |e: DecodeError| ProveError::SelfCheck(e.to_string());
    let proof = Proof::from_bytes(&proof.to_bytes()).map_err(check)?;
    Ok((proof, Commitment::from_bytes(&opening.commitment.to_bytes()).map_err(check)?))
}

/// Rows of a chunk that the model gets right.
fn right_rows(model: &IntegerModel, set: &TestSet, chunk: &Chunk) -> u64 {
    (chunk.lo..chunk.hi).filter(|&i| model.forward(set.row(i as usize)).counts(set.label(i as usize))).count()
        as u64
}

pub(super) fn score_transcript(
    vk: &VerifyingKey,
    class: &SizeClass,
    set: &TestSet,
    claim: &ScoreClaim,
    commitment: &Commitment,
) -> Transcript {
    let test_set = set.digest_for(claim.scope.competitor);
    Transcript::score(&vk.digest(), class, &test_set, claim, commitment)
}

/// Whose commitment, under which key: what a model proof is about. No evidence of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Subject {
    key: [u8; 32],
    scope: Scope,
    commitment: Commitment,
}

/// Evidence that this process has verified a model proof. Only [`verify_model`] and [`verify_batch`] make it; without
/// it no score is believed, because every packing bound rests on the weights' ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedModel(Subject);

impl VerifiedModel {
    /// The commitment whose model proof holds.
    pub fn commitment(&self) -> Commitment {
        self.0.commitment
    }
}

/// Verifies a model proof.
///
/// # Errors
/// [`VerifyError::Invalid`] if it does not hold for this key, scope and commitment.
pub fn verify_model(
    vk: &VerifyingKey,
    scope: &Scope,
    commitment: &Commitment,
    proof: &Proof,
) -> Result<VerifiedModel, VerifyError> {
    model_instance(vk, scope, commitment, proof)?.verify(vk)?;
    Ok(VerifiedModel(Subject { key: vk.digest(), scope: *scope, commitment: *commitment }))
}

/// Verifies the score proof of one chunk, for the commitment whose model proof has been verified.
///
/// # Errors
/// [`VerifyError::Model`] if the evidence is of another key or scope, [`VerifyError::TestSet`] and
/// [`VerifyError::Claim`] if the statement is impossible, [`VerifyError::Invalid`] if the proof does not hold.
pub fn verify_score(
    vk: &VerifyingKey,
    set: &TestSet,
    model: &VerifiedModel,
    claim: &ScoreClaim,
    proof: &Proof,
) -> Result<(), VerifyError> {
    check_subject(vk, &model.0, claim)?;
    score_instance(vk, set, &model.0.commitment, claim, proof)?.verify(vk)
}

/// One statement of a batch, with its proof.
#[derive(Clone, Copy, Debug)]
pub enum Statement<'a> {
    /// What [`verify_model`] takes.
    Model {
        /// Competition and competitor.
        scope: &'a Scope,
        /// `D_w`.
        commitment: &'a Commitment,
        /// The model proof.
        proof: &'a Proof,
    },
    /// What [`verify_score`] takes.
    Score {
        /// The whole test set.
        set: &'a TestSet,
        /// The model proof of the same commitment.
        model: ModelProof<'a>,
        /// What is claimed of one chunk.
        claim: &'a ScoreClaim,
        /// The score proof.
        proof: &'a Proof,
    },
}

/// Where the model proof is that a score is built on.
#[derive(Clone, Copy, Debug)]
pub enum ModelProof<'a> {
    /// It has been verified.
    Verified(&'a VerifiedModel),
    /// It is the statement at this index (from 0) of the same batch, before or after: the score holds only if it does.
    InBatch(usize),
}

impl ModelProof<'_> {
    fn subject(&self, vk: &VerifyingKey, batch: &[Statement<'_>]) -> Result<Subject, VerifyError> {
        match *self {
            Self::Verified(model) => Ok(model.0),
            Self::InBatch(index) => match batch.get(index) {
                Some(Statement::Model { scope, commitment, .. }) => {
                    Ok(Subject { key: vk.digest(), scope: **scope, commitment: **commitment })
                }
                _ => Err(VerifyError::Unverified { index }),
            },
        }
    }
}

/// What a statement that holds is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Of a model proof.
    Model(VerifiedModel),
    /// Of a score proof.
    Score,
}

/// Verifies many proofs under one key at a fraction of the cost: results in the order of the statements, each as
/// [`verify_model`] or [`verify_score`] would give it but for an error of at most `n / 2^128` for n proofs.
/// `seed` must be fresh from the system's randomness: nobody who makes proofs may foresee it.
///
/// Memory: 32 bytes a public input and proof, and a few hundred a proof.
///
/// # Errors
/// For each statement those of [`verify_model`] or [`verify_score`], and [`VerifyError::Unverified`] for a score whose model
/// proof in the batch does not hold.
pub fn verify_batch(
    vk: &VerifyingKey,
    statements: &[Statement<'_>],
    seed: &[u8; 32],
) -> Vec<Result<Evidence, VerifyError>> {
    let instance = |statement: &Statement<'_>| match *statement {
        Statement::Model { scope, commitment, proof } => model_instance(vk, scope, commitment, proof),
        Statement::Score { set, model, claim, proof } => {
            let subject = model.subject(vk, statements)?;
            check_subject(vk, &subject, claim)?;
            score_instance(vk, set, &subject.commitment, claim, proof)
        }
    };
    let instances: Vec<Result<Instance, VerifyError>> = statements.par_iter().map(instance).collect();
    let results = verify_all(vk, &instances, seed);
    let evidence = |(statement, result): (&Statement<'_>, &Result<(), VerifyError>)| {
        result.clone()?;
        match *statement {
            Statement::Model { scope, commitment, .. } => {
                let subject = Subject { key: vk.digest(), scope: *scope, commitment: *commitment };
                Ok(Evidence::Model(VerifiedModel(subject)))
            }
            Statement::Score { model: ModelProof::InBatch(index), .. } if results[index].is_err() => {
                Err(VerifyError::Unverified { index })
            }
            Statement::Score { .. } => Ok(Evidence::Score),
        }
    };
    statements.iter().zip(&results).map(evidence).collect()
}

/// The model proof that a claim is built on is about the claim's scope, under the same key.
fn check_subject(vk: &VerifyingKey, model: &Subject, claim: &ScoreClaim) -> Result<(), VerifyError> {
    if model.key != vk.digest() {
        return Err(VerifyError::Model {
            what: "key digest",
            expected: hex::encode(model.key),
            got: hex::encode(vk.digest()),
        });
    }
    if model.scope != claim.scope {
        let show = |scope: &Scope| {
            format!("{}/{}", hex::encode(scope.competition), hex::encode(scope.competitor.to_bytes()))
        };
        return Err(VerifyError::Model {
            what: "competition/competitor",
            expected: show(&model.scope),
            got: show(&claim.scope),
        });
    }
    Ok(())
}

fn model_instance(
    vk: &VerifyingKey,
    scope: &Scope,
    commitment: &Commitment,
    proof: &Proof,
) -> Result<Instance, VerifyError> {
    let class = vk.class().class();
    let transcript = Transcript::model(&vk.digest(), class, scope, commitment);
    let public = PublicInputs::model(class, &bounds(class)?, transcript.challenges(&proof.d)).to_vec();
    Ok(Instance { commitment: *commitment, proof: *proof, public })
}

/// Checks the claim and computes the public inputs.
fn score_instance(
    vk: &VerifyingKey,
    set: &TestSet,
    commitment: &Commitment,
    claim: &ScoreClaim,
    proof: &Proof,
) -> Result<Instance, VerifyError> {
    let class = vk.class().class();
    if !class.fits(set.features(), set.x_max(), set.classes()) {
        return Err(VerifyError::TestSet {
            class: class.id.as_str(),
            features: set.features(),
            x_max: set.x_max(),
            classes: set.classes(),
        });
    }
    check_claim(class, set, claim)?;
    let challenges = score_transcript(vk, class, set, claim, commitment).challenges(&proof.d);
    let public = PublicInputs::score(class, &bounds(class)?, challenges, set, &claim.chunk, claim.correct);
    Ok(Instance { commitment: *commitment, proof: *proof, public: public.to_vec() })
}

/// N, the chunk and K, as integers before any of them becomes a field element.
pub(crate) fn check_claim(class: &SizeClass, set: &TestSet, claim: &ScoreClaim) -> Result<(), VerifyError> {
    let equal = |what, expected: u64, got: u64| {
        if expected == got { Ok(()) } else { Err(VerifyError::Claim { what, expected, got }) }
    };
    equal("rows of the test set", set.rows() as u64, claim.rows)?;
    let chunks = Chunk::all(set.rows(), class);
    let Some(chunk) = chunks.get(claim.chunk.index as usize) else {
        let (expected, got) = (chunks.len().saturating_sub(1) as u64, u64::from(claim.chunk.index));
        return Err(VerifyError::Claim { what: "last chunk", expected, got });
    };
    equal("first row of the chunk", chunk.lo, claim.chunk.lo)?;
    equal("one past the last row of the chunk", chunk.hi, claim.chunk.hi)?;
    if claim.correct > chunk.len() {
        return Err(VerifyError::Claim {
            what: "most right rows of the chunk",
            expected: chunk.len(),
            got: claim.correct,
        });
    }
    Ok(())
}

fn bounds(class: &SizeClass) -> Result<Bounds, VerifyError> {
    // Every class of the catalogue has bounds (tested); an unsound class verifies nothing.
    Bounds::of(class).map_err(|_| VerifyError::Invalid)
}
