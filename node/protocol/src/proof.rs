//! Proof checks: expensive, so the caller runs them where they block nobody.

use crate::{BlobRef, CommitmentBytes, KeyPin, ProofBytes, RecordId, Verdict};
use circuits::{
    ClassId, TestSet,
    groth16::{
        Commitment, ModelProof, Proof, SetupTrust, Statement, VerifiedModel, VerifyingKey, verify_batch,
        verify_model, verify_score,
    },
    statement::{Scope, ScoreClaim},
};

/// Why proofs were not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The commitment's bytes are no commitment. Reject.
    #[error("the model commitment is malformed: {reason}")]
    Commitment {
        /// What the decoder says.
        reason: String,
    },
    /// A proof's bytes are no proof. Reject.
    #[error("the proof is malformed: {reason}")]
    Malformed {
        /// What the decoder says.
        reason: String,
    },
    /// A proof does not verify. Reject.
    #[error("the proof does not verify: {reason}")]
    Refuted {
        /// What the verifier says.
        reason: String,
    },
    /// One of several proofs was not accepted: the verdict is that of the source.
    #[error("chunk {chunk}: {source}")]
    Chunk {
        /// Which chunk, from 0.
        chunk: u32,
        /// Why.
        source: Box<ProofError>,
    },
    /// The bytes of a key are no key. Ignore: the sender of the proof did not choose the key.
    #[error("the verifying key cannot be read: {reason}")]
    KeyUnreadable {
        /// What the decoder says.
        reason: String,
    },
    /// The check was run with another key than the competition's. Ignore.
    #[error(
        "expected the key {} of {expected_class}, got {} of {got_class}",
        hex::encode(expected),
        hex::encode(got)
    )]
    OtherKey {
        /// Class in the competition.
        expected_class: ClassId,
        /// Digest in the competition.
        expected: [u8; 32],
        /// Class of the key.
        got_class: ClassId,
        /// Digest of the key.
        got: [u8; 32],
    },
    /// The check was run with another test set than the competition's, or with none. Ignore.
    #[error("expected the test set {}, got {}", hex::encode(expected), got.map_or("none".into(), hex::encode))]
    OtherTestSet {
        /// Digest in the competition.
        expected: [u8; 32],
        /// Digest of the test set, if there was one.
        got: Option<[u8; 32]>,
    },
    /// Evidence about another record. Ignore: a mix-up on this machine.
    #[error("expected evidence about record {expected:?}, got it about {got:?}")]
    OtherEvidence {
        /// The record.
        expected: RecordId,
        /// What the evidence is about.
        got: RecordId,
    },
    /// The check could not be run: the key or test set is gone, or the machine is too busy. Ignore.
    #[error("the proof could not be checked: {reason}")]
    NotChecked {
        /// Why.
        reason: String,
    },
}

impl ProofError {
    /// What the error means for the sender.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Commitment { .. } | Self::Malformed { .. } | Self::Refuted { .. } => Verdict::Reject,
            Self::Chunk { source, .. } => source.verdict(),
            Self::KeyUnreadable { .. }
            | Self::OtherKey { .. }
            | Self::OtherTestSet { .. }
            | Self::OtherEvidence { .. }
            | Self::NotChecked { .. } => Verdict::Ignore,
        }
    }
}

/// What identifies a verifying key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// Size class.
    pub class: ClassId,
    /// Digest over its points.
    pub digest: [u8; 32],
    /// Who made it.
    pub trust: SetupTrust,
}

/// One proof of a batch.
#[derive(Debug)]
pub enum BatchItem<'a, M> {
    /// What [`ProofChecker::check_model`] takes.
    Model {
        /// Competition and competitor.
        scope: &'a Scope,
        /// The commitment.
        commitment: &'a CommitmentBytes,
        /// The model proof.
        proof: &'a ProofBytes,
    },
    /// What [`ProofChecker::check_score`] takes.
    Score {
        /// The test set.
        set: &'a TestSet,
        /// Evidence of the model proof.
        model: &'a M,
        /// What is claimed of one chunk.
        claim: &'a ScoreClaim,
        /// The score proof.
        proof: &'a ProofBytes,
    },
}

impl<M> Clone for BatchItem<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

// Nothing but references, whatever M is: the derived implementation would ask it to be `Copy`.
impl<M> Copy for BatchItem<'_, M> {}

impl<M: Clone> BatchItem<'_, M> {
    /// The proof alone.
    fn check<C>(&self, checker: &C, key: &C::Key) -> Result<Option<M>, ProofError>
    where
        C: ProofChecker<Model = M> + ?Sized,
    {
        match *self {
            Self::Model { scope, commitment, proof } => {
                checker.check_model(key, scope, commitment, proof).map(Some)
            }
            Self::Score { set, model, claim, proof } => {
                checker.check_score(key, set, model, claim, proof).map(|()| None)
            }
        }
    }
}

/// The proof system, as far as records need it. [`Groth16`] is the real one.
pub trait ProofChecker {
    /// A verifying key.
    type Key;
    /// Evidence that a model proof was verified by this process.
    type Model: Clone;

    /// Reads and checks a verifying key.
    ///
    /// # Errors
    /// [`ProofError::KeyUnreadable`].
    fn load_key(&self, bytes: &[u8]) -> Result<Self::Key, ProofError>;

    /// What identifies a key.
    fn key_facts(&self, key: &Self::Key) -> KeyFacts;

    /// Verifies a model proof.
    ///
    /// # Errors
    /// [`ProofError::Commitment`], [`ProofError::Malformed`] or [`ProofError::Refuted`].
    fn check_model(
        &self,
        key: &Self::Key,
        scope: &Scope,
        commitment: &CommitmentBytes,
        proof: &ProofBytes,
    ) -> Result<Self::Model, ProofError>;

    /// Verifies the score proof of one chunk.
    ///
    /// # Errors
    /// [`ProofError::Malformed`] or [`ProofError::Refuted`].
    fn check_score(
        &self,
        key: &Self::Key,
        set: &TestSet,
        model: &Self::Model,
        claim: &ScoreClaim,
        proof: &ProofBytes,
    ) -> Result<(), ProofError>;

    /// Verifies many proofs under one key: the same results, in the same order, as one by one. `seed` must be fresh
    /// from the system's randomness.
    ///
    /// # Errors
    /// For each proof those of [`ProofChecker::check_model`] or [`ProofChecker::check_score`].
    fn check_batch(
        &self,
        key: &Self::Key,
        items: &[BatchItem<'_, Self::Model>],
        seed: &[u8; 32],
    ) -> Vec<Result<Option<Self::Model>, ProofError>> {
        let _ = seed;
        items.iter().map(|item| item.check(self, key)).collect()
    }
}

/// Groth16 with two commitments, of the `circuits` package.
#[derive(Clone, Copy, Debug, Default)]
pub struct Groth16;

impl ProofChecker for Groth16 {
    type Key = VerifyingKey;
    type Model = VerifiedModel;

    fn load_key(&self, bytes: &[u8]) -> Result<VerifyingKey, ProofError> {
        VerifyingKey::from_bytes(bytes)
            .map_err(|error| ProofError::KeyUnreadable { reason: error.to_string() })
    }

    fn key_facts(&self, key: &VerifyingKey) -> KeyFacts {
        KeyFacts { class: key.class(), digest: key.digest(), trust: key.trust() }
    }

    fn check_model(
        &self,
        key: &VerifyingKey,
        scope: &Scope,
        commitment: &CommitmentBytes,
        proof: &ProofBytes,
    ) -> Result<VerifiedModel, ProofError> {
        let commitment = decode_commitment(commitment)?;
        verify_model(key, scope, &commitment, &decode(proof)?)
            .map_err(|error| ProofError::Refuted { reason: error.to_string() })
    }

    fn check_score(
        &self,
        key: &VerifyingKey,
        set: &TestSet,
        model: &VerifiedModel,
        claim: &ScoreClaim,
        proof: &ProofBytes,
    ) -> Result<(), ProofError> {
        verify_score(key, set, model, claim, &decode(proof)?)
            .map_err(|error| ProofError::Refuted { reason: error.to_string() })
    }

    fn check_batch(
        &self,
        key: &VerifyingKey,
        items: &[BatchItem<'_, VerifiedModel>],
        seed: &[u8; 32],
    ) -> Vec<Result<Option<VerifiedModel>, ProofError>> {
        let decoded: Vec<Result<Decoded, ProofError>> = items.iter().map(Decoded::of).collect();
        let readable =
            || items.iter().zip(&decoded).filter_map(|(item, decoded)| Some((item, decoded.as_ref().ok()?)));
        let statements: Vec<Statement<'_>> =
            readable().filter_map(|(item, decoded)| decoded.statement(item)).collect();
        let mut results = verify_batch(key, &statements, seed).into_iter();
        let result = |decoded: Result<Decoded, ProofError>| {
            decoded?;
            match results.next() {
                Some(Ok(circuits::groth16::Evidence::Model(model))) => Ok(Some(model)),
                Some(Ok(circuits::groth16::Evidence::Score)) => Ok(None),
                Some(Err(error)) => Err(ProofError::Refuted { reason: error.to_string() }),
                None => {
                    Err(ProofError::NotChecked { reason: "a proof of the batch was left out".to_owned() })
                }
            }
        };
        decoded.into_iter().map(result).collect()
    }
}

/// The points of one proof of a batch.
enum Decoded {
    Model(Commitment, Proof),
    Score(Proof),
}

impl Decoded {
    fn of(item: &BatchItem<'_, VerifiedModel>) -> Result<Self, ProofError> {
        Ok(match item {
            BatchItem::Model { commitment, proof, .. } => {
                Self::Model(decode_commitment(commitment)?, decode(proof)?)
            }
            BatchItem::Score { proof, .. } => Self::Score(decode(proof)?),
        })
    }

    /// None for a proof of the other kind, which does not happen.
    fn statement<'a>(&'a self, item: &BatchItem<'a, VerifiedModel>) -> Option<Statement<'a>> {
        match (*item, self) {
            (BatchItem::Model { scope, .. }, Self::Model(commitment, proof)) => {
                Some(Statement::Model { scope, commitment, proof })
            }
            (BatchItem::Score { set, model, claim, .. }, Self::Score(proof)) => {
                Some(Statement::Score { set, model: ModelProof::Verified(model), claim, proof })
            }
            _ => None,
        }
    }
}

fn decode_commitment(commitment: &CommitmentBytes) -> Result<Commitment, ProofError> {
    Commitment::from_bytes(&commitment.0)
        .map_err(|error| ProofError::Commitment { reason: error.to_string() })
}

fn decode(proof: &ProofBytes) -> Result<Proof, ProofError> {
    Proof::from_bytes(&proof.0).map_err(|error| ProofError::Malformed { reason: error.to_string() })
}

/// All proofs of one record, with everything but the key and the test set that it takes to check them.
#[derive(Clone, Debug)]
pub struct ProofCheck<M> {
    subject: RecordId,
    pin: KeyPin,
    task: Task<M>,
}

#[derive(Clone, Debug)]
enum Task<M> {
    Model { scope: Scope, commitment: CommitmentBytes, proof: ProofBytes },
    Score { test_set: BlobRef, model: M, claims: Vec<(ScoreClaim, ProofBytes)> },
}

/// Evidence that all proofs of one record were verified. Made only by [`ProofCheck::run`].
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence<M> {
    subject: RecordId,
    /// Present if it was a model proof.
    model: Option<M>,
}

impl<M> Evidence<M> {
    /// The record that it is about.
    pub fn subject(&self) -> RecordId {
        self.subject
    }

    pub(crate) fn into_model(self, expected: RecordId) -> Result<M, ProofError> {
        match self.model {
            Some(model) if self.subject == expected => Ok(model),
            _ => Err(ProofError::OtherEvidence { expected, got: self.subject }),
        }
    }

    pub(crate) fn into_score(self, expected: RecordId) -> Result<(), ProofError> {
        match self.model {
            None if self.subject == expected => Ok(()),
            _ => Err(ProofError::OtherEvidence { expected, got: self.subject }),
        }
    }
}

impl<M> ProofCheck<M> {
    pub(crate) fn model(
        subject: RecordId,
        pin: KeyPin,
        scope: Scope,
        commitment: CommitmentBytes,
        proof: ProofBytes,
    ) -> Self {
        Self { subject, pin, task: Task::Model { scope, commitment, proof } }
    }

    pub(crate) fn score(
        subject: RecordId,
        pin: KeyPin,
        test_set: BlobRef,
        model: M,
        claims: Vec<(ScoreClaim, ProofBytes)>,
    ) -> Self {
        Self { subject, pin, task: Task::Score { test_set, model, claims } }
    }

    /// The record.
    pub fn subject(&self) -> RecordId {
        self.subject
    }

    /// The key that it takes.
    pub fn key(&self) -> KeyPin {
        self.pin
    }

    /// The test set that it takes; none for a model proof.
    pub fn test_set(&self) -> Option<BlobRef> {
        match &self.task {
            Task::Model { .. } => None,
            Task::Score { test_set, .. } => Some(*test_set),
        }
    }

    /// Number of proofs: what the check costs.
    pub fn proofs(&self) -> usize {
        match &self.task {
            Task::Model { .. } => 1,
            Task::Score { claims, .. } => claims.len(),
        }
    }
}

impl<M: Clone> ProofCheck<M> {
    /// Verifies all proofs. Takes milliseconds for each: not for a thread that others wait for.
    ///
    /// # Errors
    /// The first proof that does not verify, or [`ProofError::OtherKey`], [`ProofError::OtherTestSet`] if key or test
    /// set are not the competition's.
    pub fn run<C: ProofChecker<Model = M>>(
        &self,
        checker: &C,
        key: &C::Key,
        set: Option<&TestSet>,
    ) -> Result<Evidence<M>, ProofError> {
        let items = self.items(&checker.key_facts(key), set)?;
        // One after the other: what follows the first that does not hold is not looked at.
        self.evidence(items.iter().map(|item| item.check(checker, key)))
    }

    fn expect_key(&self, facts: &KeyFacts) -> Result<(), ProofError> {
        if (facts.class, facts.digest) == (self.pin.class, self.pin.digest) {
            return Ok(());
        }
        Err(ProofError::OtherKey {
            expected_class: self.pin.class,
            expected: self.pin.digest,
            got_class: facts.class,
            got: facts.digest,
        })
    }

    /// Verifies the proofs of many records under one key at a fraction of the cost, each with its test set as
    /// [`ProofCheck::run`] takes it: results in the same order, and the same as one by one.
    ///
    /// # Errors
    /// For each record those of [`ProofCheck::run`].
    pub fn run_batch<C: ProofChecker<Model = M>>(
        checks: &[(&Self, Option<&TestSet>)],
        checker: &C,
        key: &C::Key,
        seed: &[u8; 32],
    ) -> Vec<Result<Evidence<M>, ProofError>> {
        let facts = checker.key_facts(key);
        let ready: Vec<Result<Vec<BatchItem<'_, M>>, ProofError>> =
            checks.iter().map(|(check, set)| check.items(&facts, *set)).collect();
        let all: Vec<BatchItem<'_, M>> = ready.iter().flatten().flatten().copied().collect();
        let mut results = checker.check_batch(key, &all, seed).into_iter();
        let evidence = |((check, _), items): (&(&Self, Option<&TestSet>), Result<Vec<_>, ProofError>)| {
            // All of them, also where the first decides: those that follow are of the next record.
            let own: Vec<_> = results.by_ref().take(items?.len()).collect();
            check.evidence(own.into_iter())
        };
        checks.iter().zip(ready).map(evidence).collect()
    }

    /// Its proofs as a batch takes them.
    fn items<'a>(
        &'a self,
        facts: &KeyFacts,
        set: Option<&'a TestSet>,
    ) -> Result<Vec<BatchItem<'a, M>>, ProofError> {
        self.expect_key(facts)?;
        match &self.task {
            Task::Model { scope, commitment, proof } => {
                Ok(vec![BatchItem::Model { scope, commitment, proof }])
            }
            Task::Score { test_set, model, claims } => {
                let set = expect_test_set(test_set, set)?;
                let item = |(claim, proof)| BatchItem::Score { set, model, claim, proof };
                Ok(claims.iter().map(|(claim, proof)| item((claim, proof))).collect())
            }
        }
    }

    /// What the results of its proofs, in order, are worth together.
    fn evidence(
        &self,
        mut results: impl Iterator<Item = Result<Option<M>, ProofError>>,
    ) -> Result<Evidence<M>, ProofError> {
        let left_out = || ProofError::NotChecked { reason: "a proof was left out".to_owned() };
        let subject = self.subject;
        let Task::Score { claims, .. } = &self.task else {
            let model = results.next().ok_or_else(left_out)??;
            return Ok(Evidence { subject, model: Some(model.ok_or_else(left_out)?) });
        };
        for (claim, _) in claims {
            let chunk = claim.chunk.index;
            let result = results.next().ok_or_else(left_out)?;
            let model = result.map_err(|source| ProofError::Chunk { chunk, source: Box::new(source) })?;
            if model.is_some() {
                return Err(left_out());
            }
        }
        Ok(Evidence { subject, model: None })
    }
}

fn expect_test_set<'a>(expected: &BlobRef, got: Option<&'a TestSet>) -> Result<&'a TestSet, ProofError> {
    let expected = *expected.id.as_bytes();
    match got {
        Some(set) if set.digest() == expected => Ok(set),
        other => Err(ProofError::OtherTestSet { expected, got: other.map(TestSet::digest) }),
    }
}
