//! The proofs of a submission's chunks, several at a time.

use super::ProverError;
use crate::limits::PROVER_EVENTS;
use circuits::TestSet;
use circuits::groth16::{Opening, ProvingKey, prove_score};
use circuits::statement::{Chunk, Scope, ScoreClaim};
use protocol::{ProofBytes, RecordId};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// What the proofs of all chunks have in common.
#[derive(Clone, Copy)]
pub struct Shared<'a> {
    /// The class's proving key.
    pub key: &'a ProvingKey,
    /// What opens the entry's commitment.
    pub opening: &'a Opening,
    /// The test set.
    pub set: &'a TestSet,
    /// From which blinders are derived.
    pub secret: &'a [u8; 32],
    /// Whose model, in which competition.
    pub scope: Scope,
    /// The entry.
    pub entry: RecordId,
    /// [`Scoring::roster`](protocol::Scoring).
    pub roster: [u8; 32],
}

impl Shared<'_> {
    /// The claims of all chunks, in order.
    pub fn claims(&self, chunks: &[Chunk], correct: &[u64]) -> Vec<ScoreClaim> {
        let rows = self.set.rows() as u64;
        let claim = |(chunk, correct): (&Chunk, &u64)| ScoreClaim {
            scope: self.scope,
            entry: *self.entry.as_bytes(),
            roster: self.roster,
            chunk: *chunk,
            rows,
            correct: *correct,
        };
        chunks.iter().zip(correct).map(claim).collect()
    }

    fn prove(&self, claim: &ScoreClaim, progress: &dyn Fn(&str, f64)) -> Result<ProofBytes, ProverError> {
        let proof = prove_score(self.key, self.opening, self.set, claim, self.secret, progress)?;
        Ok(ProofBytes(proof.to_bytes()))
    }
}

/// How far the proofs are.
pub struct Stage<'a> {
    /// Proofs that are finished.
    pub finished: usize,
    /// The same with the parts of unfinished ones.
    pub parts: f64,
    /// What was reported last.
    pub step: &'a str,
}

enum Event {
    Step { index: usize, step: String, part: f64 },
    Done { index: usize, result: Result<ProofBytes, ProverError> },
}

/// Proves all claims, `jobs` at a time, each with all cores as far as they are free. Every proof is given to `keep`
/// as soon as it has been made and verified; after the first error no further one is begun, but those that are being
/// made are still kept.
///
/// # Errors
/// The first error, of a proof or of `keep`.
pub fn prove_all(
    shared: &Shared<'_>,
    claims: &[ScoreClaim],
    jobs: usize,
    keep: &mut dyn FnMut(usize, ProofBytes) -> Result<(), ProverError>,
    progress: &dyn Fn(Stage<'_>),
) -> Result<(), ProverError> {
    let next = AtomicUsize::new(0);
    let (events, received) = sync_channel(PROVER_EVENTS);
    std::thread::scope(|threads| {
        for _ in 0..jobs.clamp(1, claims.len().max(1)) {
            let (events, next) = (events.clone(), &next);
            threads.spawn(move || work(shared, claims, next, &events));
        }
        drop(events);
        let stop = || next.store(claims.len(), Ordering::Relaxed);
        gather(&received, claims.len(), &stop, keep, progress)
    })
}

/// Takes one claim after another until there are no more.
fn work(shared: &Shared<'_>, claims: &[ScoreClaim], next: &AtomicUsize, events: &SyncSender<Event>) {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(claim) = claims.get(index) else { return };
        let progress = |step: &str, part: f64| {
            // Steps are for the eye: one that finds no room is left out.
            let _ = events.try_send(Event::Step { index, step: step.to_owned(), part });
        };
        let result = shared.prove(claim, &progress);
        if result.is_err() {
            next.store(claims.len(), Ordering::Relaxed);
        }
        if events.send(Event::Done { index, result }).is_err() {
            return;
        }
    }
}

fn gather(
    received: &Receiver<Event>,
    all: usize,
    stop: &dyn Fn(),
    keep: &mut dyn FnMut(usize, ProofBytes) -> Result<(), ProverError>,
    progress: &dyn Fn(Stage<'_>),
) -> Result<(), ProverError> {
    let mut parts = vec![0.0; all];
    let (mut finished, mut last, mut failed) = (0, String::new(), None);
    // Until every thread has ended: none may find nobody who takes its proof.
    for event in received {
        let (index, part) = match event {
            Event::Step { index, step, part } => {
                last = step;
                (index, part)
            }
            Event::Done { index, result } => {
                match result.and_then(|proof| keep(index, proof)) {
                    Ok(()) => finished += 1,
                    Err(error) => {
                        stop();
                        failed.get_or_insert(error);
                    }
                }
                (index, 1.0)
            }
        };
        if let Some(place) = parts.get_mut(index) {
            *place = part;
        }
        progress(Stage { finished, parts: parts.iter().sum(), step: &last });
    }
    match failed {
        Some(error) => Err(error),
        None if finished < all => Err(ProverError::Thread),
        None => Ok(()),
    }
}
