//! What a competitor proves on a chain: the same as off chains, about another scope. The competition is the hash of the
//! terms, the competitor is the account that is paid.

use super::error::ChainError;
use super::folder::{Folder, OwnEntry};
use crate::prover::{ProverError, Scored, Shared, Stage, prove_all};
use alloy_primitives::{Address, B256};
use circuits::groth16::{self, Opening, Proof, ProvingKey, VerifiedModel, verify_model, verify_score};
use circuits::statement::{Chunk, Feature, ScoreClaim, Task};
use circuits::{IntegerModel, TestSet, TestSetError};
use contracts::{entry_id, model_scope};
use protocol::RecordId;
use rand::{Rng, RngCore, SeedableRng};

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
    /// Rows that were drawn, and do not fit their own task.
    #[error(transparent)]
    Drawn(#[from] TestSetError),
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
            groth16::commit(self.key, model, &self.id.0, &self.own_secret()).map_err(ProverError::from)?;
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
        self.rehearse(&opening)?;
        let entry = OwnEntry { account: self.account, commitment: opening.commitment(), proof };
        self.folder.keep_entry(&entry)?;
        Ok((entry, false))
    }

    /// Proves a score of rows that are drawn, for an entry and an account that there are not, and forgets the proof. A key's maker could
    /// spoil points that scores alone use, so that every model can be entered, none be scored, and all bonds be his.
    fn rehearse(&self, opening: &Opening) -> Result<(), EntrantError> {
        let set = drawn(opening.model())?;
        let scored = Scored::of(opening.model().clone(), &set)?;
        let mut nowhere = [0; 32];
        rand::rngs::OsRng.fill_bytes(&mut nowhere);
        let shared = Shared {
            key: self.key,
            opening,
            set: &set,
            secret: self.secret,
            scope: model_scope(self.id, Address::from_slice(&nowhere[..20])),
            entry: RecordId::new(nowhere),
            roster: [0; 32],
        };
        let progress = |step: &str, part: f64| (self.progress)(&format!("rehearsal: {step}"), part);
        for claim in shared.claims(&scored.chunks, &scored.correct) {
            groth16::prove_score(self.key, opening, &set, &claim, self.secret, &progress)
                .map_err(ProverError::from)?;
        }
        Ok(())
    }

    /// From which the blinder of a commitment is derived. With the account in it, as one model that is entered by two
    /// accounts would show that they belong together.
    fn own_secret(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("podium 2026-11 secret of an account on a chain v1");
        *hasher.update(self.secret).update(self.account.as_slice()).finalize().as_bytes()
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

/// As many rows as one proof takes, drawn, with labels of all classes.
fn drawn(model: &IntegerModel) -> Result<TestSet, TestSetError> {
    let class = model.class();
    let feature = |i| Feature { name: format!("f{i}"), offset: 0.0, step: 1.0 };
    let task = Task {
        features: (0..class.features).map(feature).collect(),
        feature_bits: class.feature_bits as u8,
        classes: (0..class.classes).map(|i| format!("c{i}")).collect(),
    };
    let mut rng = rand::rngs::StdRng::from_entropy();
    let x = (0..class.rows * class.features).map(|_| rng.gen_range(0..=class.x_max())).collect();
    let labels = (0..class.rows).map(|_| rng.gen_range(0..class.classes as u16)).collect();
    TestSet::new(task, x, labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;
    use crate::keys;
    use datasets::samples;
    use serde::Deserialize;

    /// What of a key file's header says how long its vectors are.
    #[derive(Deserialize)]
    struct Header {
        variables: usize,
        domain: usize,
    }

    /// The place of the points of uncommitted wires in a key file: A, B in both groups and the powers of tau come before.
    fn uncommitted(file: &[u8], inputs: usize) -> std::ops::Range<usize> {
        let length = u32::from_be_bytes(file[16..20].try_into().unwrap()) as usize;
        let header = &file[20..20 + length];
        let Header { variables, domain } = serde_ipld_dagcbor::from_slice(header).unwrap();
        let vector = |at: usize, count: usize, size: usize| {
            let bitmap = &file[at..at + count.div_ceil(8)];
            let start = at + bitmap.len();
            start..start + size * bitmap.iter().map(|byte| byte.count_ones() as usize).sum::<usize>()
        };
        let a = vector(20 + length + 4 * 64, variables, 64);
        let b_g1 = vector(a.end, variables, 64);
        let b_g2 = vector(b_g1.end, variables, 128);
        let h = vector(b_g2.end, domain - 1, 64);
        vector(h.end, variables - inputs, 64)
    }

    /// The host makes the key: honest for entering, spoilt for scores. Whoever entered would lose the bond, as nothing can
    /// be proved.
    #[test]
    fn a_key_that_lets_models_in_and_scores_none_is_refused_before_anything_is_sent() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().join("home")), None).unwrap();
        home.init().unwrap();
        let file = keys::make(&home, "linear-30-2".parse().unwrap(), &|_, _| {}).unwrap();
        let honest = std::fs::read(&file.path).unwrap();
        let options =
            datasets::CsvOptions::new(samples::BREAST_CANCER_LABEL, samples::BREAST_CANCER_FEATURE_BITS);
        let set = datasets::import_csv(samples::BREAST_CANCER_TEST_CSV, None, &options).unwrap();
        let float = datasets::read_onnx(samples::BREAST_CANCER_LOGISTIC_ONNX).unwrap();
        let class = "linear-30-2".parse::<circuits::ClassId>().unwrap().class();
        let (model, _) = datasets::quantise(&float, set.task(), class, None).unwrap();
        let (secret, account, mut number) = ([7; 32], Address::repeat_byte(1), 0);
        let mut enter = |bytes: &[u8]| {
            let key = ProvingKey::from_pinned_bytes(bytes, blake3::hash(bytes).as_bytes()).unwrap();
            number += 1;
            let id = B256::with_last_byte(number);
            let (folder, scope) = (Folder::new(&home, id), model_scope(id, account));
            let opening = groth16::commit(&key, &model, &id.0, &secret).unwrap();
            let model_proof = groth16::prove_model(&key, &opening, &scope, &secret, &|_, _| {});
            let entrant =
                Entrant { secret: &secret, id, account, key: &key, folder: &folder, progress: &|_, _| {} };
            (model_proof.is_ok(), entrant.enter(&model), folder.entries().unwrap().len())
        };
        let entered = enter(&honest);
        assert!(matches!(entered, (true, Ok(_), 1)), "{entered:?}");
        let points = uncommitted(&honest, 30 + 9);
        let part = points.len() / 64 / 32 * 64;
        // Somewhere are wires that are 0 in every model proof: their points may be exchanged unnoticed.
        let caught = (0..32).any(|i| {
            let mut spoilt = honest.clone();
            spoilt[points.start + i * part..][..part].rotate_left(64);
            match enter(&spoilt) {
                (true, Err(EntrantError::Prover(_)), 0) => true,
                (true, entered, _) => panic!("{i}: {entered:?}"),
                (false, ..) => false,
            }
        });
        assert!(caught, "every part was noticed by the model proof");
    }
}
