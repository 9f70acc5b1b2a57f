//! The whole path with real proofs: key, commitment, model proof, two chunks of score proofs, board, offline check.
// Clippy knows tests by their attribute only, not the helpers of an integration test.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use circuits::{
    IntegerModel, Task, TestSet,
    groth16::{Opening, ProvingKey, VerifiedModel, commit, prove_model, prove_score},
    model::{CATALOGUE, Layer},
    statement::{Chunk, Competitor, Feature, Scope, ScoreClaim},
};
use libp2p_identity::Keypair;
use protocol::{
    AdmittedClass, BlobFacts, BlobRef, BlobRole, Board, Body, Caps, ChunkProof, ClaimRule, CommitmentBytes,
    Competition, Dossier, Entry, Groth16, Outcome, ProofBytes, ProofChecker, ProofError, Refusal, Signed,
    State, Submission, TestSetTerms, TieRule, Verdict, sign, verify_offline,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

const CREATED: u64 = 1_700_000_000;
const SECRET: [u8; 32] = [7; 32];

fn quiet(_: &str, _: f64) {}

struct Scene {
    pk: ProvingKey,
    key: Vec<u8>,
    set: TestSet,
    model: IntegerModel,
    competition: Signed,
    competitor: Keypair,
}

fn scene() -> Scene {
    let class = &CATALOGUE[0];
    let mut rng = StdRng::seed_from_u64(1);
    let pk = ProvingKey::generate(class, &mut rng, &quiet).unwrap();
    let layer = Layer {
        inputs: class.features,
        outputs: class.classes,
        weights: (0..class.features * class.classes).map(|_| rng.gen_range(-100..100)).collect(),
        biases: vec![5; class.classes],
    };
    let model = IntegerModel::new(class, &[layer]).unwrap();
    let rows = class.rows + 20;
    let feature = |i| Feature { name: format!("f{i}"), offset: 0.0, step: 1.0 };
    let task = Task {
        features: (0..class.features).map(feature).collect(),
        feature_bits: class.feature_bits as u8,
        classes: (0..class.classes).map(|i| format!("c{i}")).collect(),
    };
    let x: Vec<u16> = (0..rows * class.features).map(|_| rng.gen_range(0..=class.x_max())).collect();
    let labels = (0..rows).map(|_| rng.gen_range(0..class.classes as u16)).collect();
    let set = TestSet::new(task.clone(), x, labels).unwrap();
    let key = pk.verifying_key().to_bytes();
    let competition = Competition {
        title: "real proofs".to_owned(),
        description: String::new(),
        created: CREATED,
        prove_deadline: CREATED + 100,
        task,
        test_set: TestSetTerms::Open { blob: BlobRef::of(&set.to_bytes().unwrap()), rows: rows as u64 },
        training: None,
        size_classes: vec![AdmittedClass {
            class: class.id,
            key_digest: pk.verifying_key().digest(),
            verifying_key: BlobRef::of(&key),
            proving_key: BlobRef::of(b"not fetched here"),
        }],
        threshold_bps: 0,
        claims: ClaimRule::Exact,
        caps: Caps { entries: 1, withdrawals: 0, submissions: 3 },
        tie_rule: TieRule::SharedRank,
        prize: None,
    };
    let host = Keypair::ed25519_from_bytes([1; 32]).unwrap();
    let competition = sign(&host, &Body::Competition(Box::new(competition))).unwrap();
    let competitor = Keypair::ed25519_from_bytes([2; 32]).unwrap();
    Scene { pk, key, set, model, competition, competitor }
}

impl Scene {
    fn scope(&self) -> Scope {
        let key = self.competitor.public().try_into_ed25519().unwrap().to_bytes();
        Scope { competition: *self.competition.id().as_bytes(), competitor: Competitor::Node(key) }
    }

    fn entry(&self, opening: &Opening) -> Entry {
        let proof = prove_model(&self.pk, opening, &self.scope(), &SECRET, &quiet).unwrap();
        Entry {
            competition: self.competition.id(),
            class: CATALOGUE[0].id,
            commitment: CommitmentBytes(opening.commitment().to_bytes()),
            model_proof: ProofBytes(proof.to_bytes()),
            display_name: "a linear model".to_owned(),
            audit_digest: opening.audit_digest(),
            created: CREATED + 1,
        }
    }

    fn submission(&self, opening: &Opening, entry: &Signed) -> Submission {
        let right = |row: u64| {
            let row = row as usize;
            self.model.forward(self.set.row(row)).prediction() == usize::from(self.set.label(row))
        };
        let chunk = |chunk: Chunk| {
            let correct = (chunk.lo..chunk.hi).filter(|row| right(*row)).count() as u64;
            let (scope, entry, rows) = (self.scope(), *entry.id().as_bytes(), self.set.rows() as u64);
            let claim = ScoreClaim { scope, entry, roster: [0; 32], chunk, rows, correct };
            let proof = prove_score(&self.pk, opening, &self.set, &claim, &SECRET, &quiet).unwrap();
            ChunkProof { correct, proof: ProofBytes(proof.to_bytes()) }
        };
        let chunks = Chunk::all(self.set.rows(), &CATALOGUE[0]).into_iter().map(chunk).collect();
        Submission {
            competition: self.competition.id(),
            entry: entry.id(),
            reveal: None,
            created: CREATED + 2,
            chunks,
        }
    }

    fn settle(&self, state: &mut State<VerifiedModel>, record: &Signed) -> Outcome {
        let (outcome, _) = state.apply(record.bytes(), CREATED);
        let key = Groth16.load_key(&self.key).unwrap();
        let Some(job) = state.next_job() else { return outcome };
        let result = job.check.run(&Groth16, &key, Some(&self.set));
        state.proof_checked(job.id, result, 1).remove(0).outcome
    }
}

fn rejected(outcome: Outcome) -> ProofError {
    assert_eq!(outcome.verdict(), Some(Verdict::Reject), "{outcome:?}");
    match outcome {
        Outcome::Refused(Refusal::Proof(error)) => error,
        other => panic!("expected a refused proof, got {other:?}"),
    }
}

#[test]
fn real_proofs_make_a_board_and_forgeries_do_not() {
    let scene = scene();
    let set_bytes = scene.set.to_bytes().unwrap();
    let mut state = State::<VerifiedModel>::default();
    state.apply(scene.competition.bytes(), CREATED);
    for wanted in state.wanted_blobs() {
        let bytes = if wanted.role == BlobRole::TestSet { &set_bytes } else { &scene.key };
        state.blob_arrived(wanted.role, wanted.blob.id, BlobFacts::read(&Groth16, wanted.role, bytes));
    }
    assert_eq!(state.defects(scene.competition.id()), []);

    let opening = commit(&scene.pk, &scene.model, scene.competition.id().as_bytes(), &SECRET).unwrap();
    let body = scene.entry(&opening);
    let enter = |who: &Keypair, body: Entry| sign(who, &Body::Entry(Box::new(body))).unwrap();
    let other = Keypair::ed25519_from_bytes([3; 32]).unwrap();
    let copied = rejected(scene.settle(&mut state, &enter(&other, body.clone())));
    assert!(matches!(copied, ProofError::Refuted { .. }), "{copied}");
    let garbage = Entry { model_proof: ProofBytes([0xff; 160]), ..body.clone() };
    let garbage = rejected(scene.settle(&mut state, &enter(&scene.competitor, garbage)));
    assert!(matches!(garbage, ProofError::Malformed { .. }), "{garbage}");
    let garbage = Entry { commitment: CommitmentBytes([0xff; 32]), ..body.clone() };
    let garbage = rejected(scene.settle(&mut state, &enter(&scene.competitor, garbage)));
    assert!(matches!(garbage, ProofError::Commitment { .. }), "{garbage}");

    let entry = enter(&scene.competitor, body);
    assert_eq!(scene.settle(&mut state, &entry).verdict(), Some(Verdict::Accept));

    // Of two checks run together, each has its own result.
    let mut fresh = State::<VerifiedModel>::default();
    fresh.apply(scene.competition.bytes(), CREATED);
    for wanted in fresh.wanted_blobs() {
        let bytes = if wanted.role == BlobRole::TestSet { &set_bytes } else { &scene.key };
        fresh.blob_arrived(wanted.role, wanted.blob.id, BlobFacts::read(&Groth16, wanted.role, bytes));
    }
    let stolen = enter(&other, scene.entry(&opening));
    for record in [&stolen, &entry] {
        fresh.apply(record.bytes(), CREATED);
    }
    let jobs = fresh.next_jobs(64);
    let checks: Vec<_> = jobs.iter().map(|job| (&job.check, None)).collect();
    let key = Groth16.load_key(&scene.key).unwrap();
    let results = protocol::ProofCheck::run_batch(&checks, &Groth16, &key, &[3; 32]);
    assert!(matches!(results[..], [Err(ProofError::Refuted { .. }), Ok(_)]), "{results:?}");

    let good = scene.submission(&opening, &entry);
    let submit = |body: &Submission| sign(&scene.competitor, &Body::Submission(body.clone())).unwrap();
    let mut more = good.clone();
    more.chunks[1].correct += 1;
    let more = submit(&more);
    let refuted = rejected(scene.settle(&mut state, &more));
    assert!(matches!(refuted, ProofError::Chunk { chunk: 1, .. }), "{refuted}");
    let mut swapped = good.clone();
    swapped.chunks[0].proof = good.chunks[1].proof;
    rejected(scene.settle(&mut state, &submit(&swapped)));
    let mut model_proof = good.clone();
    model_proof.chunks[1].proof = scene.entry(&opening).model_proof;
    rejected(scene.settle(&mut state, &submit(&model_proof)));

    let submission = submit(&good);
    assert_eq!(scene.settle(&mut state, &submission).verdict(), Some(Verdict::Accept));
    let board = Board::of(state.set().contest(scene.competition.id()).unwrap());
    assert_eq!((board.rows.len(), board.rows[0].correct), (1, good.correct()));
    assert_eq!(good.chunks.len(), 2);

    let offline = |submission: &Signed| {
        let dossier = Dossier {
            competition: scene.competition.bytes(),
            entry: entry.bytes(),
            reveal: None,
            submission: submission.bytes(),
            key: &scene.key,
            test_set: &set_bytes,
        };
        verify_offline(&Groth16, &dossier)
    };
    let verified = offline(&submission).unwrap();
    assert_eq!((verified.correct, verified.chunks), (good.correct(), 2));
    assert!(offline(&more).is_err());
}
