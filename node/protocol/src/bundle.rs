//! A whole competition from one file: every record again, from the first signature to the board.

use crate::{
    BlobFacts, BlobId, BlobRole, Board, ContextError, Kind, Outcome, ProofChecker, ProofError, RecordId,
    Refusal, State, WantedBlob,
};
use circuits::{TestSet, groth16::SetupTrust};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a bundle holds. Nothing about it is believed.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    /// Signed records, in whatever order.
    pub records: Vec<Vec<u8>>,
    /// Verifying keys and the test set.
    pub blobs: Vec<Vec<u8>>,
}

/// What verifying a bundle showed.
#[derive(Clone, Debug)]
pub struct BundleReport {
    /// The competition's title.
    pub title: String,
    /// Its board, of the records that hold.
    pub board: Board,
    /// Records that hold.
    pub records: u64,
    /// Proofs that were verified.
    pub proofs: u64,
    /// Equal on every node that keeps the same records.
    pub fingerprint: String,
    /// Who made the keys, hence who could forge.
    pub setup: Vec<SetupTrust>,
    /// Records that do not hold, or whose files are not what they say, with the reasons.
    pub refused: Vec<(RecordId, String)>,
    /// Records that cannot be judged, or whose files are missing, with what they lack.
    pub undecided: Vec<(RecordId, String)>,
    /// Entries on the roster that are not in the bundle.
    pub missing_entries: usize,
}

impl BundleReport {
    /// Whether everything in the bundle holds and nothing is missing.
    pub fn is_whole(&self) -> bool {
        self.refused.is_empty() && self.undecided.is_empty() && self.missing_entries == 0
    }
}

/// Why a bundle shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not one competition.
    #[error("expected one valid competition in the bundle, got {got}")]
    Competitions {
        /// How many there are.
        got: usize,
    },
}

/// Verifies everything that a bundle holds, without a node: the same core as a node's, with an empty memory.
///
/// # Errors
/// If there is not exactly one competition in it.
pub fn verify_bundle<C: ProofChecker>(
    checker: &C,
    bundle: &Bundle,
    now: u64,
) -> Result<BundleReport, BundleError> {
    let mut run = Run::new(checker, bundle);
    // What a record refers to before it, so that none waits; rosters before entries, which have a place by them.
    let mut order: Vec<(u8, &Vec<u8>)> =
        bundle.records.iter().map(|bytes| (kind_order(bytes), bytes)).collect();
    order.sort_by_key(|(kind, _)| *kind);
    for (_, bytes) in order {
        run.apply(bytes, now);
    }
    run.report()
}

/// The place of a record's kind; those that are none come first and are refused.
fn kind_order(bytes: &[u8]) -> u8 {
    let record = crate::Signed::open(bytes).ok().and_then(|signed| crate::WellFormed::parse(&signed).ok());
    match record.map(|record| record.kind()) {
        None => 0,
        Some(Kind::Competition) => 1,
        Some(Kind::Reveal) => 2,
        // It may bring another reveal.
        Some(Kind::Misbehaviour) => 3,
        Some(Kind::Entry) => 4,
        Some(Kind::Withdrawal) => 5,
        Some(Kind::Submission) => 6,
        Some(Kind::Close) => 7,
    }
}

struct Run<'a, C: ProofChecker> {
    checker: &'a C,
    state: State<C::Model>,
    blobs: HashMap<BlobId, &'a [u8]>,
    keys: HashMap<BlobId, C::Key>,
    sets: HashMap<BlobId, TestSet>,
    offered: BTreeSet<WantedBlob>,
    fates: BTreeMap<RecordId, Outcome>,
    proofs: u64,
}

impl<'a, C: ProofChecker> Run<'a, C> {
    fn new(checker: &'a C, bundle: &'a Bundle) -> Self {
        Self {
            checker,
            state: State::default(),
            blobs: bundle.blobs.iter().map(|bytes| (BlobId::of(bytes), bytes.as_slice())).collect(),
            keys: HashMap::new(),
            sets: HashMap::new(),
            offered: BTreeSet::new(),
            fates: BTreeMap::new(),
            proofs: 0,
        }
    }

    fn apply(&mut self, bytes: &[u8], now: u64) {
        let (outcome, updates) = self.state.apply(bytes, now);
        let id = RecordId::of(bytes);
        if outcome != Outcome::Known && outcome != Outcome::Pending {
            self.fates.insert(id, outcome);
        }
        self.note(updates);
        self.offer();
        while let Some(job) = self.state.next_job() {
            let result = self.check(&job.check);
            self.proofs += result.as_ref().map_or(0, |_| job.check.proofs() as u64);
            let updates = self.state.proof_checked(job.id, result, 0);
            self.note(updates);
        }
    }

    /// Only of records in the bundle: what else an accusation brings is kept if it holds, and no fault if not.
    fn note(&mut self, updates: Vec<crate::Update>) {
        for update in updates {
            if let Some(fate) = self.fates.get_mut(&update.id) {
                *fate = update.outcome;
            }
        }
    }

    /// Gives the core what it wants and the bundle has, each once.
    fn offer(&mut self) {
        for wanted in self.state.wanted_blobs() {
            if !self.offered.insert(wanted) {
                continue;
            }
            let Some(bytes) = self.blobs.get(&wanted.blob.id) else { continue };
            let facts = BlobFacts::read(self.checker, wanted.role, bytes);
            match wanted.role {
                BlobRole::TestSet => {
                    self.sets.extend(TestSet::from_bytes(bytes).map(|set| (wanted.blob.id, set)))
                }
                BlobRole::VerifyingKey => {
                    self.keys.extend(self.checker.load_key(bytes).map(|key| (wanted.blob.id, key)));
                }
            }
            let updates = self.state.blob_arrived(wanted.role, wanted.blob.id, facts);
            self.note(updates);
        }
    }

    fn check(&self, check: &crate::ProofCheck<C::Model>) -> Result<crate::Evidence<C::Model>, ProofError> {
        let missing =
            || ProofError::NotChecked { reason: "the verifying key is not in the bundle".to_owned() };
        let key = self.keys.get(&check.key().blob.id).ok_or_else(missing)?;
        let set = check.test_set().and_then(|blob| self.sets.get(&blob.id));
        check.run(self.checker, key, set)
    }

    fn report(self) -> Result<BundleReport, BundleError> {
        let mut contests = self.state.set().contests();
        let (Some(contest), None) = (contests.next(), contests.next()) else {
            return Err(BundleError::Competitions { got: self.state.set().contests().count() });
        };
        let (mut refused, mut undecided) = (Vec::new(), Vec::new());
        for (id, fate) in &self.fates {
            match fate {
                Outcome::Refused(refusal) if is_surplus(refusal) => {}
                Outcome::Refused(refusal) => refused.push((*id, refusal.to_string())),
                Outcome::Waiting { needs } => undecided.push((*id, format!("it needs {needs:?}"))),
                _ => {}
            }
        }
        for defect in self.state.defects(contest.id()) {
            refused.push((contest.id(), defect.to_string()));
        }
        for wanted in self.state.wanted_blobs() {
            let (role, id) = (wanted.role, wanted.blob.id);
            undecided.push((contest.id(), format!("its {role:?} blob {id} is not in the bundle")));
        }
        let mut setup = Vec::new();
        for trust in self.keys.values().map(|key| self.checker.key_facts(key).trust) {
            if !setup.contains(&trust) {
                setup.push(trust);
            }
        }
        Ok(BundleReport {
            title: contest.competition().item.body().title.clone(),
            board: Board::of(contest),
            records: contest.counts().records,
            proofs: self.proofs,
            fingerprint: contest.fingerprint().to_string(),
            setup,
            refused,
            undecided,
            missing_entries: self.state.missing_on_rosters(contest.id(), usize::MAX).len(),
        })
    }
}

/// In order, but earlier records take its place: no fault of the bundle.
fn is_surplus(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Context(
            ContextError::EntriesCap { .. }
                | ContextError::SubmissionsCap { .. }
                | ContextError::SameStatement { .. }
                | ContextError::Enough { .. }
        )
    )
}
