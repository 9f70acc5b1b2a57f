//! A competition as a competitor sees it.

use super::ProverError;
use crate::ledger::now;
use circuits::{ClassId, groth16};
use datasets::FloatModel;
use protocol::{
    Body, CommitmentBytes, Competition, Entry, FormError, ProofBytes, RecordId, SealError, Signed, WellFormed,
};

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
