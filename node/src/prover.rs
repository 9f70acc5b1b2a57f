//! From a model to signed records: quantise, commit, model proof, score proofs, and the check of everything.

use crate::drafts::Drafts;
use crate::home::{Home, HomeError, Identity};
use crate::ledger::now;
use circuits::groth16::{self, Opening, ProveError, ProvingKey};
use circuits::statement::{Chunk, Scope, ScoreClaim};
use circuits::{ClassId, IntegerModel, TestSet};
use datasets::{FloatModel, QuantisationReport, QuantiseError};
use protocol::{
    Author, Body, ChunkProof, CommitmentBytes, Competition, Entry, EnvelopeError, FormError, Groth16,
    OfflineError, ProofBytes, RecordId, SealError, Signed, Submission, Verified, WellFormed, verify_offline,
};

/// Why no records were made.
#[derive(Debug, thiserror::Error)]
pub enum ProverError {
    /// The competition's record, or an entry or submission that was made here before, is not one.
    #[error("a signed record is damaged: {0}")]
    Envelope(#[from] EnvelopeError),
    /// The competition's record is not one.
    #[error("the competition's record: {0}")]
    Form(#[from] FormError),
    /// Another kind of record.
    #[error("expected a competition, got a record of kind {got}")]
    Kind {
        /// Its kind.
        got: protocol::Kind,
    },
    /// The model does not fit the competition.
    #[error("the model does not fit the competition: {0}")]
    Quantise(#[from] QuantiseError),
    /// No size class of the competition admits the model.
    #[error("the model does not fit the competition: {0}")]
    Fit(#[from] datasets::FitError),
    /// A size class that the competition does not admit.
    #[error("size class {got} is not admitted: expected one of {expected}")]
    Class {
        /// Admitted classes.
        expected: String,
        /// The class that was asked for.
        got: ClassId,
    },
    /// A claim above what the model reaches.
    #[error(
        "the model gets {expected} of {rows} rows right: expected a claim of at most {expected}, got {got}"
    )]
    Claim {
        /// What the model reaches.
        expected: u64,
        /// Rows in all.
        rows: u64,
        /// The claim.
        got: u64,
    },
    /// The prove deadline has passed.
    #[error(
        "the prove deadline was {deadline} (seconds since 1970), now it is {now}: nothing can be entered any more"
    )]
    Deadline {
        /// The deadline.
        deadline: u64,
        /// The time on this machine.
        now: u64,
    },
    /// The proof system.
    #[error("no proof was made: {0}")]
    Prove(#[from] ProveError),
    /// The integer model and the test set.
    #[error("the model does not fit the test set: {0}")]
    Model(#[from] circuits::ModelError),
    /// Signing.
    #[error("the record was not signed: {0}")]
    Seal(#[from] SealError),
    /// The check of what was made.
    #[error("the own proofs do not verify: {0}")]
    SelfCheck(#[from] OfflineError),
    /// The drafts' files.
    #[error(transparent)]
    Home(#[from] HomeError),
}

/// Whether an entry may be called so: asked before anything is proved.
///
/// # Errors
/// The rule that the name breaks.
pub fn check_name(contest: &Contest, class: ClassId, name: &str) -> Result<(), ProverError> {
    let entry = Entry {
        competition: contest.id,
        class,
        commitment: CommitmentBytes([0; groth16::COMMITMENT_BYTES]),
        model_proof: ProofBytes([0; groth16::PROOF_BYTES]),
        display_name: name.to_owned(),
        audit_digest: [0; 32],
        created: now(),
    };
    Ok(Body::Entry(Box::new(entry)).validate().map_err(FormError::Rule).map_err(SealError::Form)?)
}

/// A competition as a competitor needs it.
#[derive(Clone, Debug)]
pub struct Contest {
    /// Its id.
    pub id: RecordId,
    /// What it says.
    pub rules: Competition,
    /// The signed record.
    pub bytes: Vec<u8>,
}

impl Contest {
    /// Reads a signed record.
    ///
    /// # Errors
    /// If it is not a competition.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, ProverError> {
        let signed = Signed::open(&bytes)?;
        match WellFormed::parse(&signed)? {
            WellFormed::Competition(record) => {
                Ok(Self { id: record.id(), rules: record.body().clone(), bytes })
            }
            other => Err(ProverError::Kind { got: other.kind() }),
        }
    }

    /// The class that the model will be proved in: the one asked for, or the smallest admitted one that fits.
    ///
    /// # Errors
    /// If none fits.
    pub fn choose_class(&self, model: &FloatModel, asked: Option<ClassId>) -> Result<ClassId, ProverError> {
        let offered: Vec<ClassId> = self.rules.size_classes.iter().map(|admitted| admitted.class).collect();
        match asked {
            None => Ok(datasets::choose_class(model, &self.rules.task, &offered)?),
            Some(got) if offered.contains(&got) => Ok(got),
            Some(got) => {
                let names: Vec<&str> = offered.iter().map(ClassId::as_str).collect();
                Err(ProverError::Class { expected: names.join(", "), got })
            }
        }
    }

    /// # Errors
    /// If the prove deadline has passed.
    pub fn check_open(&self) -> Result<(), ProverError> {
        let (now, deadline) = (now(), self.rules.prove_deadline);
        if now > deadline { Err(ProverError::Deadline { deadline, now }) } else { Ok(()) }
    }
}

/// A model in integers, and what it gets right.
pub struct Scored {
    /// The model.
    pub model: IntegerModel,
    /// What the rounding cost.
    pub report: QuantisationReport,
    /// The chunks of the test set.
    pub chunks: Vec<Chunk>,
    /// Rows that the integer model gets right in every chunk.
    pub correct: Vec<u64>,
}

impl Scored {
    /// Rounds and scores a model.
    ///
    /// # Errors
    /// If the model does not fit.
    pub fn new(
        contest: &Contest,
        model: &FloatModel,
        class: ClassId,
        set: &TestSet,
    ) -> Result<Self, ProverError> {
        let (model, report) = datasets::quantise(model, &contest.rules.task, class.class(), Some(set))?;
        model.check_test_set(set)?;
        let chunks = Chunk::all(set.rows(), class.class());
        let right = |chunk: &Chunk| {
            let rows = chunk.lo as usize..chunk.hi as usize;
            rows.filter(|&i| model.forward(set.row(i)).counts(set.label(i))).count() as u64
        };
        let correct = chunks.iter().map(right).collect();
        Ok(Self { model, report, chunks, correct })
    }

    /// Rows right in all.
    pub fn total(&self) -> u64 {
        self.correct.iter().sum()
    }

    /// A claim of `wanted` rows over the chunks, spread evenly: see [`spread`].
    ///
    /// # Errors
    /// If the model does not reach it.
    pub fn claims(&self, wanted: u64) -> Result<Vec<u64>, ProverError> {
        let total = self.total();
        let lengths: Vec<u64> = self.chunks.iter().map(Chunk::len).collect();
        if wanted > total {
            return Err(ProverError::Claim { expected: total, rows: lengths.iter().sum(), got: wanted });
        }
        Ok(spread(&lengths, &self.correct, wanted))
    }
}

/// `wanted` rows over chunks of these lengths, in proportion to them: a chunk that reaches more than its part says only
/// that it does. (Taken from the first chunks on, the claim would say exactly what each of those reaches.)
fn spread(lengths: &[u64], reached: &[u64], wanted: u64) -> Vec<u64> {
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let at = |level: u64| -> Vec<u64> {
        let part = |(length, reached): (&u64, &u64)| (length * level).div_ceil(longest.max(1)).min(*reached);
        lengths.iter().zip(reached).map(part).collect()
    };
    let enough = |level: &u64| at(*level).iter().sum::<u64>() >= wanted;
    let level = (0..=longest).find(enough).unwrap_or(longest);
    // One level is at most one row a chunk: the last chunks do without, until the sum is exact.
    let (mut claims, below) = (at(level), at(level.saturating_sub(1)));
    let mut surplus = claims.iter().sum::<u64>().saturating_sub(wanted);
    for (claim, below) in claims.iter_mut().zip(&below).rev() {
        let less = surplus.min(*claim - below);
        *claim -= less;
        surplus -= less;
    }
    claims
}

/// What proving takes besides the model.
pub struct Workbench<'a> {
    /// The data folder.
    pub home: &'a Home,
    /// Who proves.
    pub identity: &'a Identity,
    /// The competition.
    pub contest: &'a Contest,
    /// Its test set.
    pub set: &'a TestSet,
    /// The class's proving key.
    pub key: &'a ProvingKey,
    /// Told the step and the fraction done.
    pub progress: &'a dyn Fn(&str, f64),
}

/// The signed records of one submission.
#[derive(Debug)]
pub struct Made {
    /// The entry.
    pub entry: Signed,
    /// The submission.
    pub submission: Signed,
    /// What was verified before they were handed out.
    pub verified: Verified,
    /// Whether the entry had been made before.
    pub entry_reused: bool,
    /// Whether the submission had been made before.
    pub submission_reused: bool,
}

impl Workbench<'_> {
    fn scope(&self) -> Result<Scope, ProverError> {
        let author = Author::from_public_key(&self.identity.keypair.public())?;
        Ok(Scope { competition: *self.contest.id.as_bytes(), competitor: author.competitor() })
    }

    /// Makes (or finds) the entry and the submission that claims `claims`, and verifies both as any node would.
    /// Nothing has been published when it returns, but everything secret is on disk.
    ///
    /// # Errors
    /// If a proof cannot be made or the drafts not be written.
    pub fn make(&self, scored: &Scored, claims: &[u64], name: &str) -> Result<Made, ProverError> {
        let competition = *self.contest.id.as_bytes();
        let opening = groth16::commit(self.key, &scored.model, &competition, &self.identity.secret)?;
        let drafts = Drafts::open(self.home, self.contest.id, &opening.commitment())?;
        drafts.write_opening(&opening.to_bytes())?;
        let (entry, entry_reused) = match drafts.entry()? {
            Some(bytes) => (Signed::open(&bytes)?, true),
            None => {
                let entry = self.make_entry(&opening, name)?;
                drafts.write_entry(entry.bytes())?;
                (entry, false)
            }
        };
        let total = claims.iter().sum();
        let (submission, submission_reused) = match drafts.submission(total)? {
            Some(bytes) => (Signed::open(&bytes)?, true),
            None => (self.make_submission(&opening, scored, claims, entry.id())?, false),
        };
        let verified = self.verify(&entry, &submission)?;
        if !submission_reused {
            drafts.write_submission(total, submission.bytes())?;
        }
        Ok(Made { entry, submission, verified, entry_reused, submission_reused })
    }

    fn make_entry(&self, opening: &Opening, name: &str) -> Result<Signed, ProverError> {
        let progress = |step: &str, part: f64| (self.progress)(&format!("model proof: {step}"), part);
        let secret = &self.identity.secret;
        let proof = groth16::prove_model(self.key, opening, &self.scope()?, secret, &progress)?;
        let entry = Entry {
            competition: self.contest.id,
            class: opening.model().class().id,
            commitment: CommitmentBytes(opening.commitment().to_bytes()),
            model_proof: ProofBytes(proof.to_bytes()),
            display_name: name.to_owned(),
            audit_digest: opening.audit_digest(),
            created: now(),
        };
        Ok(protocol::sign(&self.identity.keypair, &Body::Entry(Box::new(entry)))?)
    }

    fn make_submission(
        &self,
        opening: &Opening,
        scored: &Scored,
        claims: &[u64],
        entry: RecordId,
    ) -> Result<Signed, ProverError> {
        let (scope, all) = (self.scope()?, scored.chunks.len());
        let mut chunks = Vec::with_capacity(all);
        for (chunk, &correct) in scored.chunks.iter().zip(claims) {
            let done = chunks.len() as f64;
            let progress = |step: &str, part: f64| {
                (self.progress)(&format!("score proof: {step}"), (done + part) / all as f64);
            };
            let rows = self.set.rows() as u64;
            let claim = ScoreClaim { scope, entry: *entry.as_bytes(), chunk: *chunk, rows, correct };
            let secret = &self.identity.secret;
            let proof = groth16::prove_score(self.key, opening, self.set, &claim, secret, &progress)?;
            chunks.push(ChunkProof { correct, proof: ProofBytes(proof.to_bytes()) });
        }
        let submission = Submission { competition: self.contest.id, entry, created: now(), chunks };
        Ok(protocol::sign(&self.identity.keypair, &Body::Submission(submission))?)
    }

    fn verify(&self, entry: &Signed, submission: &Signed) -> Result<Verified, ProverError> {
        (self.progress)("checking the own proofs", 1.0);
        let key = self.key.verifying_key().to_bytes();
        // The set was decoded from these very bytes; encoding is canonical.
        let set = self.set.to_bytes().map_err(OfflineError::TestSet)?;
        let competition = &self.contest.bytes;
        Ok(verify_offline(&Groth16, competition, entry.bytes(), submission.bytes(), &key, &set)?)
    }
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn claims_are_exact_and_within_reach() {
        let (lengths, reached) = ([10, 10, 10, 4], [9, 3, 7, 4]);
        for wanted in 0..=23 {
            let claims = spread(&lengths, &reached, wanted);
            assert_eq!(claims.iter().sum::<u64>(), wanted);
            assert!(claims.iter().zip(&reached).all(|(claim, reached)| claim <= reached));
        }
        assert_eq!(spread(&lengths, &reached, 23), reached);
        assert_eq!(spread(&[5], &[4], 2), [2]);
    }

    /// A claim of the threshold does not say by how much each chunk is above it.
    #[test]
    fn a_claim_below_the_reach_hides_what_chunks_reach() {
        let lengths = [100, 100, 100];
        assert_eq!(spread(&lengths, &[97, 92, 95], 270), [90, 90, 90]);
        assert_eq!(spread(&lengths, &[93, 99, 91], 270), [90, 90, 90]);
    }
}
