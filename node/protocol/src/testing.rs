//! A competition in miniature, and a proof system whose proofs are hashes: for the tests of everything around it.
//! Only for tests: the feature `testing` is for those of other packages and for fuzzing.
#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

use crate::{
    AdmittedClass, Author, BlobFacts, BlobRef, BlobRole, Body, Caps, ChunkProof, ClaimRule, Close,
    CommitmentBytes, Competition, Entry, KeyFacts, Outcome, ProofBytes, ProofChecker, ProofError, RecordId,
    Reveal, Seal, Signed, State, Submission, TestSetTerms, TieRule, Update, Withdrawal, roster_digest, sign,
};
use circuits::{
    ClassId, Task, TestSet,
    groth16::SetupTrust,
    model::CATALOGUE,
    statement::{Chunk, Feature, Scope, ScoreClaim},
};
use libp2p_identity::Keypair;
use std::sync::LazyLock;

/// Proofs whose first 32 bytes are a hash of the whole statement. The other bytes are free: they stand for the
/// randomness that anybody can change in a real proof.
#[derive(Clone, Copy, Debug)]
pub struct FakeChecker;

/// The key's file.
pub type FakeKey = Vec<u8>;

/// What a verified model proof was about.
#[derive(Clone, Debug, PartialEq)]
pub struct FakeModel {
    scope: Scope,
    commitment: CommitmentBytes,
}

fn class_of(key: &[u8]) -> Option<ClassId> {
    std::str::from_utf8(key).ok()?.strip_prefix("key of ")?.parse().ok()
}

fn scope_bytes(scope: &Scope) -> Vec<u8> {
    [scope.competition.as_slice(), &scope.competitor.to_bytes()].concat()
}

fn model_hash(key: &[u8], scope: &Scope, commitment: &CommitmentBytes) -> [u8; 32] {
    let bytes = [b"model".as_slice(), key, &scope_bytes(scope), &commitment.0].concat();
    *blake3::hash(&bytes).as_bytes()
}

/// What a score proof begins with.
pub fn score_hash(key: &[u8], set: &[u8; 32], commitment: &CommitmentBytes, claim: &ScoreClaim) -> [u8; 32] {
    let numbers = [u64::from(claim.chunk.index), claim.chunk.lo, claim.chunk.hi, claim.rows, claim.correct];
    let numbers = numbers.map(u64::to_be_bytes).concat();
    let scope = scope_bytes(&claim.scope);
    let bytes = [b"score".as_slice(), key, set, &commitment.0, &scope, &claim.entry, &claim.roster, &numbers]
        .concat();
    *blake3::hash(&bytes).as_bytes()
}

/// A proof of this hash, with free bytes.
pub fn proof(hash: [u8; 32], randomness: u8) -> ProofBytes {
    let mut bytes = [randomness; 160];
    bytes[..32].copy_from_slice(&hash);
    ProofBytes(bytes)
}

fn compare(proof: &ProofBytes, hash: [u8; 32]) -> Result<(), ProofError> {
    if proof.0[..32] == hash { Ok(()) } else { Err(ProofError::Refuted { reason: "other hash".to_owned() }) }
}

impl ProofChecker for FakeChecker {
    type Key = FakeKey;
    type Model = FakeModel;

    fn load_key(&self, bytes: &[u8]) -> Result<FakeKey, ProofError> {
        match class_of(bytes) {
            Some(_) => Ok(bytes.to_vec()),
            None => Err(ProofError::KeyUnreadable { reason: "no key".to_owned() }),
        }
    }

    fn key_facts(&self, key: &FakeKey) -> KeyFacts {
        let class = class_of(key).unwrap();
        KeyFacts { class, digest: *blake3::hash(key).as_bytes(), trust: SetupTrust::SingleParty }
    }

    fn check_model(
        &self,
        key: &FakeKey,
        scope: &Scope,
        commitment: &CommitmentBytes,
        proof: &ProofBytes,
    ) -> Result<FakeModel, ProofError> {
        compare(proof, model_hash(key, scope, commitment))?;
        Ok(FakeModel { scope: *scope, commitment: *commitment })
    }

    fn check_score(
        &self,
        key: &FakeKey,
        set: &TestSet,
        model: &FakeModel,
        claim: &ScoreClaim,
        proof: &ProofBytes,
    ) -> Result<(), ProofError> {
        assert_eq!(model.scope, claim.scope);
        compare(proof, score_hash(key, &set.digest(), &model.commitment, claim))
    }
}

/// When everything in miniature is made, seconds since 1970.
pub const CREATED: u64 = 1_700_000_000;
/// Its prove deadline.
pub const DEADLINE: u64 = CREATED + 1000;

/// The smallest size class, and a larger one that the task fits into as well.
pub fn classes() -> [ClassId; 2] {
    [CATALOGUE[0].id, CATALOGUE[1].id]
}

/// Rows of the test set: three chunks of the smallest class.
pub fn rows() -> usize {
    2 * CATALOGUE[0].rows + 1
}

/// The keypair of a person.
pub fn person(seed: u8) -> Keypair {
    Keypair::ed25519_from_bytes([seed; 32]).unwrap()
}

/// The task of every competition in miniature.
pub fn task() -> Task {
    let feature = |i: usize| Feature { name: format!("f{i}"), offset: -1.5, step: 0.25 };
    Task {
        features: (0..2).map(feature).collect(),
        feature_bits: 4,
        classes: vec!["no".into(), "yes".into()],
    }
}

/// The test set of every competition in miniature.
pub static TEST_SET: LazyLock<TestSet> = LazyLock::new(|| {
    let x = (0..2 * rows()).map(|i| (i % 16) as u16).collect();
    let labels = (0..rows()).map(|i| (i % 2) as u16).collect();
    TestSet::new(task(), x, labels).unwrap()
});

/// Its canonical bytes.
pub fn test_set_bytes() -> Vec<u8> {
    TEST_SET.to_bytes().unwrap()
}

/// The file of the key of a size class.
pub fn key_bytes(class: ClassId) -> Vec<u8> {
    format!("key of {class}").into_bytes()
}

/// A size class with its keys.
pub fn admitted(class: ClassId) -> AdmittedClass {
    let key = key_bytes(class);
    AdmittedClass {
        class,
        key_digest: *blake3::hash(&key).as_bytes(),
        verifying_key: BlobRef::of(&key),
        proving_key: BlobRef::of(b"a proving key"),
    }
}

/// A competition in order: two size classes, two entries a competitor, three submissions an entry.
pub fn competition(title: &str) -> Competition {
    Competition {
        title: title.to_owned(),
        description: "Two features,\n\ttwo classes.".to_owned(),
        created: CREATED,
        prove_deadline: DEADLINE,
        task: task(),
        test_set: TestSetTerms::Open { blob: BlobRef::of(&test_set_bytes()), rows: rows() as u64 },
        training: None,
        size_classes: classes().map(admitted).to_vec(),
        threshold_bps: 8000,
        claims: ClaimRule::Exact,
        caps: Caps { entries: 2, withdrawals: 0, submissions: 3 },
        tie_rule: TieRule::SharedRank,
        prize: None,
    }
}

/// The commit deadline of every sealed competition in miniature.
pub const COMMIT_DEADLINE: u64 = CREATED + 500;
/// What keeps its test set hidden.
pub const SALT: [u8; 32] = [8; 32];

/// The author that a person is.
pub fn author(who: &Keypair) -> Author {
    Author::from_public_key(&who.public()).unwrap()
}

/// The same with a sealed test set, by the host: one withdrawal a competitor.
pub fn sealed(title: &str) -> Competition {
    let blob = BlobRef::of(&test_set_bytes());
    let seal = Seal::of(&author(&person(1)), &blob, rows() as u64, &SALT);
    let min_rows = CATALOGUE[0].rows as u64;
    Competition {
        test_set: TestSetTerms::Sealed { seal, min_rows, commit_deadline: COMMIT_DEADLINE },
        caps: Caps { entries: 2, withdrawals: 1, submissions: 3 },
        ..competition(title)
    }
}

/// The right reveal of a sealed competition in miniature.
pub fn reveal(competition: RecordId, roster: &[RecordId]) -> Reveal {
    let mut roster = roster.to_vec();
    roster.sort_unstable();
    let (test_set, rows) = (BlobRef::of(&test_set_bytes()), rows() as u64);
    Reveal { competition, test_set, rows, salt: SALT, roster, created: COMMIT_DEADLINE + 1 }
}

/// Signs a reveal by the host.
pub fn by_host(body: Body) -> Signed {
    signed(&person(1), body)
}

/// A withdrawal in order.
pub fn withdrawal(competition: RecordId, entry: RecordId) -> Withdrawal {
    Withdrawal { competition, entry, created: CREATED + 50 }
}

/// A close in order.
pub fn close(competition: RecordId, submissions: &[crate::StatementId]) -> Close {
    let mut submissions = submissions.to_vec();
    submissions.sort_unstable();
    Close { competition, submissions, created: DEADLINE + 1 }
}

/// Signs a record in order.
pub fn signed(keypair: &Keypair, body: Body) -> Signed {
    sign(keypair, &body).unwrap()
}

/// Signs a competition by the host, person 1.
pub fn host(competition: Competition) -> Signed {
    signed(&person(1), Body::Competition(Box::new(competition)))
}

fn scope_of(competition: RecordId, who: &Keypair) -> Scope {
    let key = who.public().try_into_ed25519().unwrap().to_bytes();
    Scope { competition: *competition.as_bytes(), competitor: circuits::statement::Competitor::Node(key) }
}

/// An entry with a valid model proof.
pub fn entry(competition: RecordId, who: &Keypair, class: ClassId, model: u8, created: u64) -> Entry {
    let commitment = CommitmentBytes([model; 32]);
    let hash = model_hash(&key_bytes(class), &scope_of(competition, who), &commitment);
    Entry {
        competition,
        class,
        commitment,
        model_proof: proof(hash, 7),
        display_name: format!("model {model}"),
        audit_digest: [model; 32],
        created,
    }
}

/// Signs an entry.
pub fn enter(who: &Keypair, entry: Entry) -> Signed {
    signed(who, Body::Entry(Box::new(entry)))
}

/// A submission with valid proofs in an open competition, whose free bytes are `randomness`.
pub fn submission(
    entered: &Signed,
    entry: &Entry,
    who: &Keypair,
    correct: &[u64],
    created: u64,
    randomness: u8,
) -> Submission {
    submission_after(None, entered, entry, who, correct, created, randomness)
}

/// The same after a reveal (its id and itself).
pub fn submission_after(
    reveal: Option<(RecordId, &Reveal)>,
    entered: &Signed,
    entry: &Entry,
    who: &Keypair,
    correct: &[u64],
    created: u64,
    randomness: u8,
) -> Submission {
    let roster = reveal.map_or([0; 32], |(_, body)| roster_digest(body.competition, &body.roster));
    let reveal = reveal.map(|(id, _)| id);
    let scope = scope_of(entry.competition, who);
    let chunks = Chunk::all(rows(), entry.class.class());
    let chunk = |(chunk, &correct): (&Chunk, &u64)| {
        let entry_id = *entered.id().as_bytes();
        let claim =
            ScoreClaim { scope, entry: entry_id, roster, chunk: *chunk, rows: rows() as u64, correct };
        let hash = score_hash(&key_bytes(entry.class), &TEST_SET.digest(), &entry.commitment, &claim);
        ChunkProof { correct, proof: proof(hash, randomness) }
    };
    let chunks = chunks.iter().zip(correct).map(chunk).collect();
    Submission { competition: entry.competition, entry: entered.id(), reveal, created, chunks }
}

/// Signs a submission.
pub fn submit(who: &Keypair, submission: Submission) -> Signed {
    signed(who, Body::Submission(submission))
}

/// The core with a proof checker at its side.
pub type FakeState = State<FakeModel>;

/// Reads all blobs that the core wants.
pub fn bring_blobs(state: &mut FakeState) -> Vec<Update> {
    let mut updates = Vec::new();
    for wanted in state.wanted_blobs() {
        let bytes = match wanted.role {
            BlobRole::TestSet => test_set_bytes(),
            BlobRole::VerifyingKey => {
                let key =
                    classes().map(key_bytes).into_iter().find(|key| BlobRef::of(key).id == wanted.blob.id);
                key.unwrap_or_default()
            }
        };
        let facts = BlobFacts::read(&FakeChecker, wanted.role, &bytes);
        updates.extend(state.blob_arrived(wanted.role, wanted.blob.id, facts));
    }
    updates
}

/// Runs one proof check, if there is one.
pub fn run_one(state: &mut FakeState) -> Option<Vec<Update>> {
    let job = state.next_job()?;
    let key = key_bytes(job.check.key().class);
    let result = job.check.run(&FakeChecker, &key, Some(&TEST_SET));
    Some(state.proof_checked(job.id, result, 42))
}

/// Runs all proof checks, those that follow from others included.
pub fn run_all(state: &mut FakeState) -> Vec<Update> {
    let mut updates = Vec::new();
    while let Some(more) = run_one(state) {
        updates.extend(more);
    }
    updates
}

/// Applies a record, runs every proof check and returns what has become of the record in the end.
pub fn settle(state: &mut FakeState, record: &Signed) -> Outcome {
    let (mut outcome, _) = state.apply(record.bytes(), CREATED + 5);
    bring_blobs(state);
    for update in run_all(state) {
        if update.id == record.id() {
            outcome = update.outcome;
        }
    }
    outcome
}

/// A core that keeps one competition and has its blobs.
pub fn state_with(competition: &Signed) -> FakeState {
    let mut state = FakeState::default();
    assert!(matches!(settle(&mut state, competition), Outcome::Accepted { .. }));
    state
}
