//! What a competitor proves on a chain: the same as off chains, about another scope. The competition is the hash of the
//! terms, the competitor is the account that is paid.

use super::error::ChainError;
use super::folder::{Folder, OwnEntry};
use crate::prover::{ProverError, Shared, Stage, prove_all};
use alloy_primitives::{Address, B256, keccak256};
use circuits::groth16::{self, Opening, Proof, ProvingKey, VerifiedModel, verify_model, verify_score};
use circuits::statement::{Chunk, ScoreClaim};
use circuits::{IntegerModel, TestSet};
use contracts::{entry_id, model_scope};
use protocol::RecordId;

/// Who competes where, with which key.
pub struct Entrant<'a> {
    /// From which blinders are derived.
    pub secret: &'a [u8; 32],
    /// The competition.
    pub id: B256,
    /// Who enters, and is paid.
    pub account: Address,
    /// The key of the size class.
    pub key: &'a ProvingKey,
    /// Where the competition's files are.
    pub folder: &'a Folder,
    /// Told the step and the fraction done.
    pub progress: &'a dyn Fn(&str, f64),
}

/// Why nothing was proved.
#[derive(Debug, thiserror::Error)]
pub enum EntrantError {
    /// Files.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The proof system.
    #[error(transparent)]
    Prover(#[from] ProverError),
}

impl Entrant<'_> {
    /// Commits to a model, with its proof: what was made before for the same model, or anew. Everything is on disk when
    /// it returns.
    ///
    /// # Errors
    /// If the proof cannot be made, or the disk fails.
    pub fn enter(&self, model: &IntegerModel) -> Result<(OwnEntry, bool), EntrantError> {
        let opening =
            groth16::commit(self.key, model, &self.place().0, self.secret).map_err(ProverError::from)?;
        self.folder.keep_opening(&opening)?;
        let same = |entry: &OwnEntry| {
            entry.commitment == opening.commitment()
                && entry.account == self.account
                && self.verified(entry).is_some()
        };
        if let Some(entry) = self.folder.entries()?.into_iter().find(same) {
            return Ok((entry, true));
        }
        let scope = model_scope(self.id, self.account);
        let progress = |step: &str, part: f64| (self.progress)(&format!("model proof: {step}"), part);
        let proof = groth16::prove_model(self.key, &opening, &scope, self.secret, &progress)
            .map_err(ProverError::from)?;
        let entry = OwnEntry { account: self.account, commitment: opening.commitment(), proof };
        self.folder.keep_entry(&entry)?;
        Ok((entry, false))
    }

    /// What a blinder is derived for. With the account in it, as one model that is entered by two accounts would show that
    /// they belong together.
    fn place(&self) -> B256 {
        keccak256([self.id.as_slice(), self.account.as_slice()].concat())
    }

    fn verified(&self, entry: &OwnEntry) -> Option<VerifiedModel> {
        let (key, scope) = (self.key.verifying_key(), model_scope(self.id, self.account));
        verify_model(key, &scope, &entry.commitment, &entry.proof).ok()
    }

    /// Proofs of these rows of these chunks, in order; those that were made before are found. Each is kept as soon as it is
    /// there.
    ///
    /// # Errors
    /// If a proof cannot be made, or the disk fails.
    pub fn score(
        &self,
        entry: &OwnEntry,
        opening: &Opening,
        set: &TestSet,
        chunks: &[Chunk],
        correct: &[u64],
        jobs: usize,
    ) -> Result<(Vec<(u32, Proof)>, usize), EntrantError> {
        let shared = Shared {
            key: self.key,
            opening,
            set,
            secret: self.secret,
            scope: model_scope(self.id, self.account),
            entry: RecordId::new(entry_id(self.id, self.account, &entry.commitment).0),
            roster: [0; 32],
        };
        let claims = shared.claims(chunks, correct);
        let mut proofs = self.kept(entry, set, &claims)?;
        let missing: Vec<usize> = (0..claims.len()).filter(|&i| proofs.get(i) == Some(&None)).collect();
        let wanted: Vec<ScoreClaim> = missing.iter().filter_map(|&i| claims.get(i).copied()).collect();
        let found = claims.len() - missing.len();
        let progress = |stage: Stage<'_>| {
            let text = match claims.len() {
                1 => format!("score proof: {}", stage.step),
                all => format!("chunks proved: {} of {all}", found + stage.finished),
            };
            (self.progress)(&text, (found as f64 + stage.parts) / claims.len().max(1) as f64);
        };
        let mut failed = None;
        let mut keep = |index: usize, proof: protocol::ProofBytes| {
            let place = missing.get(index).and_then(|&i| proofs.get_mut(i));
            if let (Some(claim), Some(place)) = (wanted.get(index), place) {
                let kept =
                    self.folder.keep_chunk(&entry.commitment, claim.chunk.index, claim.correct, &proof.0);
                failed = failed.take().or(kept.err());
                *place = Proof::from_bytes(&proof.0).ok();
            }
            Ok(())
        };
        prove_all(&shared, &wanted, jobs, &mut keep, &progress)?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        let chunk =
            |(claim, proof): (&ScoreClaim, Option<Proof>)| Some((u32::try_from(claim.correct).ok()?, proof?));
        let all: Option<Vec<_>> = claims.iter().zip(proofs).map(chunk).collect();
        Ok((all.ok_or(ProverError::Thread)?, missing.len()))
    }

    /// Proofs that were made before, and hold.
    fn kept(
        &self,
        entry: &OwnEntry,
        set: &TestSet,
        claims: &[ScoreClaim],
    ) -> Result<Vec<Option<Proof>>, ChainError> {
        let model = self.verified(entry);
        let holds = |claim: &ScoreClaim, proof: &Proof| {
            let key = self.key.verifying_key();
            model.as_ref().is_some_and(|model| verify_score(key, set, model, claim, proof).is_ok())
        };
        let find = |claim: &ScoreClaim| {
            let found = self.folder.chunk(&entry.commitment, claim.chunk.index, claim.correct)?;
            Ok(found.filter(|proof| holds(claim, proof)))
        };
        claims.iter().map(find).collect()
    }
}
