//! A competition as a competitor sees it.

use super::ProverError;
use crate::ledger::now;
use circuits::{ClassId, groth16};
use datasets::FloatModel;
use protocol::{
    Body, CommitmentBytes, Competition, Entry, FormError, Kind, ProofBytes, Record, RecordId, Reveal,
    Scoring, SealError, Signed, WellFormed, check_reveal, scoring_of,
};
use std::sync::Arc;

/// A competition as a competitor needs it.
#[derive(Clone, Debug)]
pub struct Contest {
    /// Its id.
    pub id: RecordId,
    /// What it says.
    pub rules: Competition,
    /// The record.
    pub record: Arc<Record<Competition>>,
    /// The host's reveals: one, unless none has come or the host has misbehaved.
    pub reveals: Vec<Arc<Record<Reveal>>>,
}

impl Contest {
    /// Reads a signed record.
    ///
    /// # Errors
    /// If it is not a competition.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProverError> {
        let signed = Signed::open(bytes)?;
        match WellFormed::parse(&signed)? {
            WellFormed::Competition(record) => {
                Ok(Self { id: record.id(), rules: record.body().clone(), record, reveals: Vec::new() })
            }
            other => Err(ProverError::Kind { expected: Kind::Competition, got: other.kind() }),
        }
    }

    /// With a signed reveal.
    ///
    /// # Errors
    /// If it is not a reveal of this competition by its host that opens the seal.
    pub fn with_reveal(mut self, bytes: &[u8]) -> Result<Self, ProverError> {
        match WellFormed::parse(&Signed::open(bytes)?)? {
            WellFormed::Reveal(record) if record.body().competition == self.id => {
                check_reveal(&record, &self.record)?;
                self.reveals.push(record);
            }
            other => return Err(ProverError::Kind { expected: Kind::Reveal, got: other.kind() }),
        }
        Ok(self)
    }

    /// What scores are about: of `entry`, or of any where it does not matter yet.
    ///
    /// # Errors
    /// If the test set is still sealed, or the entry is on no roster.
    pub fn scoring(&self, entry: Option<RecordId>) -> Result<Scoring, ProverError> {
        if let Some(scoring) = self.rules.open_scoring() {
            return Ok(scoring);
        }
        let lists = |reveal: &&Arc<Record<Reveal>>| entry.is_none_or(|entry| reveal.body().lists(entry));
        match (self.reveals.iter().find(lists), entry) {
            (Some(reveal), _) => Ok(scoring_of(reveal)),
            (None, Some(entry)) if !self.reveals.is_empty() => Err(ProverError::NotOnRoster { entry }),
            _ => Err(ProverError::Sealed { deadline: self.rules.entry_deadline() }),
        }
    }

    /// The signed reveal that a scoring is of.
    pub fn reveal_bytes(&self, scoring: &Scoring) -> Option<&[u8]> {
        let id = scoring.reveal?;
        self.reveals.iter().find(|reveal| reveal.id() == id).map(|reveal| &**reveal.bytes())
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
        let (name, now, deadline) = ("prove", now(), self.rules.prove_deadline);
        if now > deadline { Err(ProverError::Deadline { name, deadline, now }) } else { Ok(()) }
    }

    /// # Errors
    /// If no entry is taken any more: the deadline of entries has passed, or the test set has been revealed.
    pub fn check_enterable(&self) -> Result<(), ProverError> {
        let (now, deadline) = (now(), self.rules.entry_deadline());
        let name = if self.rules.is_open() { "prove" } else { "commit" };
        if now > deadline || !self.reveals.is_empty() {
            return Err(ProverError::Deadline { name, deadline, now });
        }
        Ok(())
    }
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
