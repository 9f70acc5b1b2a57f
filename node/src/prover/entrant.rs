//! Entering a model: commitment, model proof, signed entry. It takes no test set.

use super::{Contest, Job, ProverError};
use crate::drafts::Drafts;
use crate::home::{Home, Identity};
use crate::ledger::now;
use circuits::IntegerModel;
use circuits::groth16::{self, Opening, ProvingKey};
use circuits::statement::Scope;
use protocol::{Author, Body, CommitmentBytes, Entry, ProofBytes, Signed};

/// Who enters which competition, with which key.
#[derive(Clone, Copy)]
pub struct Entrant<'a> {
    /// The data folder.
    pub home: &'a Home,
    /// Who proves.
    pub identity: &'a Identity,
    /// The competition.
    pub contest: &'a Contest,
    /// The class's proving key.
    pub key: &'a ProvingKey,
    /// Told the step and the fraction done.
    pub progress: &'a dyn Fn(&str, f64),
}

/// A model that has been entered, though perhaps not yet published.
pub struct Entered {
    /// Its files.
    pub drafts: Drafts,
    /// The signed entry.
    pub entry: Signed,
    /// Whether it had been made before.
    pub reused: bool,
}

impl Entrant<'_> {
    /// Who signs.
    ///
    /// # Errors
    /// If the identity is of another kind than records take.
    pub fn author(&self) -> Result<Author, ProverError> {
        Ok(Author::from_public_key(&self.identity.keypair.public())?)
    }

    /// Whose model, in which competition.
    ///
    /// # Errors
    /// As [`Entrant::author`].
    pub fn scope(&self) -> Result<Scope, ProverError> {
        Ok(Scope { competition: *self.contest.id.as_bytes(), competitor: self.author()?.competitor() })
    }

    /// Commits to a model: the same commitment for the same model, key file and identity.
    ///
    /// # Errors
    /// If the model does not fit the key.
    pub fn commit(&self, model: &IntegerModel) -> Result<Opening, ProverError> {
        let competition = self.contest.id.as_bytes();
        Ok(groth16::commit(self.key, model, competition, &self.identity.secret)?)
    }

    /// Makes the entry, or finds the one that was made before (here, or where a job was prepared). Nothing has been
    /// published when it returns, but everything secret is on disk.
    ///
    /// # Errors
    /// If no entry is taken any more, the proof cannot be made or the disk fails.
    pub fn enter(&self, opening: &Opening, name: &str, job: Option<&Job>) -> Result<Entered, ProverError> {
        let drafts = Drafts::open(self.home, self.contest.id, &opening.commitment())?;
        drafts.write_opening(&opening.to_bytes())?;
        let (kept, reused) = match (drafts.entry()?, job) {
            (Some(bytes), _) => (bytes, true),
            (None, Some(job)) => (drafts.keep_entry(job.entry.bytes())?, true),
            (None, None) => {
                self.contest.check_enterable()?;
                let made = self.make_entry(opening, name)?;
                let kept = drafts.keep_entry(made.bytes())?;
                let reused = kept.as_slice() != made.bytes().as_ref();
                (kept, reused)
            }
        };
        Ok(Entered { drafts, entry: Signed::open(&kept)?, reused })
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
}
