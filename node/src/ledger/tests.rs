//! Displaced records, with real proofs.

mod many;

use super::*;
use crate::home::{Home, Identity};
use crate::prover::{Contest, Entrant, Scored, Source, Workbench};
use crate::{keys, limits, store::MemoryStore};
use circuits::ClassId;
use datasets::{CsvOptions, import_csv, read_onnx, samples};
use protocol::{
    AdmittedClass, Author, Body, Caps, ClaimRule, Competition, Entry, Reveal, Seal, Signed, TestSetTerms,
    TieRule, WellFormed,
};

/// A competition with room for one entry, an entry with its submission, all signed by one person.
struct Scene {
    _dir: tempfile::TempDir,
    identity: Identity,
    blobs: Arc<BlobStore>,
    competition: Signed,
    entry: Signed,
    /// Lists the entry; its id is above the others', so that it is read from a store after them.
    reveal: Option<Signed>,
    submission: Signed,
}

impl Scene {
    fn new(sealed: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().to_owned()), None).unwrap();
        let identity = home.init().unwrap();
        let blobs = Arc::new(BlobStore::open(&home.blobs()).unwrap());
        let class: ClassId = "linear-30-2".parse().unwrap();
        let key = keys::make(&home, class, &|_, _| {}).unwrap();
        let options = CsvOptions::new(samples::BREAST_CANCER_LABEL, samples::BREAST_CANCER_FEATURE_BITS);
        let set = import_csv(samples::BREAST_CANCER_TEST_CSV, None, &options).unwrap();
        let add = |path| blobs.add_file(path, limits::BLOB_MAX_BYTES).unwrap();
        let admitted = AdmittedClass {
            class,
            key_digest: key.key_digest,
            verifying_key: add(&key.verifying_key_path),
            proving_key: add(&key.path),
        };
        let mut rules = Competition {
            title: "Breast cancer".into(),
            description: String::new(),
            created: now(),
            prove_deadline: now() + 3600,
            task: set.task().clone(),
            test_set: TestSetTerms::Open {
                blob: blobs.add_bytes(&set.to_bytes().unwrap()).unwrap(),
                rows: set.rows() as u64,
            },
            training: None,
            size_classes: vec![admitted],
            threshold_bps: 0,
            claims: ClaimRule::Exact,
            caps: Caps { entries: 1, withdrawals: 0, submissions: 1 },
            tie_rule: TieRule::SharedRank,
            prize: None,
        };
        let (salt, test_set) = ([7; 32], BlobRef::of(&set.to_bytes().unwrap()));
        let rows = set.rows() as u64;
        let commit_deadline = now() + 1800;
        if sealed {
            let host = Author::from_public_key(&identity.keypair.public()).unwrap();
            let seal = Seal::of(&host, &test_set, rows, &salt);
            rules.test_set = TestSetTerms::Sealed { seal, min_rows: rows, commit_deadline };
        }
        let competition = protocol::sign(&identity.keypair, &Body::Competition(Box::new(rules))).unwrap();
        let mut contest = Contest::parse(competition.bytes()).unwrap();
        let model = read_onnx(samples::BREAST_CANCER_LOGISTIC_ONNX).unwrap();
        let scored = Scored::new(&contest, &model, class, &set).unwrap();
        let proving_key = keys::load(&key.path, key.blob.id).unwrap();
        let progress = &|_: &str, _| {};
        let before = contest.clone();
        let entrant =
            Entrant { home: &home, identity: &identity, contest: &before, key: &proving_key, progress };
        let opening = entrant.commit(&scored.model).unwrap();
        let reveal = sealed.then(|| {
            let entry = entrant.enter(&opening, "Ada", None).unwrap().entry.id();
            let (competition, roster) = (contest.id, vec![entry]);
            let body = Reveal { competition, test_set, rows, salt, roster, created: 0 };
            let later = |later| {
                let body = Reveal { created: commit_deadline + later, ..body.clone() };
                protocol::sign(&identity.keypair, &Body::Reveal(body)).unwrap()
            };
            (1..1800).map(later).max_by_key(Signed::id).unwrap()
        });
        if let Some(reveal) = &reveal {
            contest = contest.with_reveal(reveal.bytes()).unwrap();
        }
        let entrant = Entrant { contest: &contest, ..entrant };
        let scoring = contest.scoring(None).unwrap();
        let (opening, scoring, set) = (&opening, &scoring, &set);
        let bench = Workbench { entrant, opening, scoring, set, jobs: 1 };
        let made = bench
            .make(&scored, &scored.claims(&ClaimRule::Exact, 200).unwrap(), "Ada", Source::HERE)
            .unwrap();
        let (entry, submission) = (made.entry, made.submission);
        Self { _dir: dir, identity, blobs, competition, entry, reveal, submission }
    }

    /// The same entry, claimed to be made earlier: proofs do not say when they were made. Its id stands on the
    /// wanted side of the other's.
    fn earlier(&self, above: bool) -> Signed {
        let body: Entry = match WellFormed::parse(&self.entry).unwrap() {
            WellFormed::Entry(entry) => entry.body().clone(),
            other => panic!("{other:?}"),
        };
        let claimed = |seconds| {
            let earlier = Entry { created: body.created - seconds, ..body.clone() };
            protocol::sign(&self.identity.keypair, &Body::Entry(Box::new(earlier))).unwrap()
        };
        (1..).map(claimed).find(|entry| (entry.id() > self.entry.id()) == above).unwrap()
    }

    fn ledger(&self, store: &Arc<MemoryStore>) -> Ledger {
        let store: Arc<dyn Store> = Arc::<MemoryStore>::clone(store);
        let mut ledger = Ledger::new(store, Arc::clone(&self.blobs), "somebody else".into());
        ledger.replay().unwrap();
        ledger
    }
}

fn places(ledger: &Ledger) -> Vec<RecordId> {
    ledger.places_from((0, RecordId::new([0; 32]))).map(|(_, id)| id).collect()
}

#[test]
fn displaced_records_are_no_ghosts_offline_or_after_a_restart() {
    let scene = Scene::new(false);
    for above in [false, true] {
        let store = Arc::new(MemoryStore::new());
        let mut ledger = scene.ledger(&store);
        for record in [&scene.competition, &scene.entry, &scene.submission] {
            let outcome = ledger.publish_offline(record.bytes()).unwrap();
            assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        }
        assert_eq!((ledger.len(), store.len()), (3, 3));
        let ghosts = [&scene.entry, &scene.submission].map(|r| ledger.stored(r.id()).unwrap());

        let earlier = scene.earlier(above);
        let outcome = ledger.publish_offline(earlier.bytes()).unwrap();
        let displaced = vec![scene.entry.id(), scene.submission.id()];
        assert_eq!(outcome, Outcome::Accepted { displaced });
        let expected = [scene.competition.id(), earlier.id()];
        assert_eq!((places(&ledger), store.len()), (expected.to_vec(), 2));
        assert_eq!(ledger.fingerprint(), ledger.state().set().fingerprint());

        // A power cut brings back what was removed.
        store.put(&ghosts).unwrap();
        let mut ledger = scene.ledger(&store);
        assert_eq!(places(&ledger), expected);
        assert_eq!(ledger.fingerprint(), ledger.state().set().fingerprint());
        assert!(store.get(scene.entry.id().as_bytes()).unwrap().is_none());
    }
}

/// Whoever enters more than he may cannot make a node forget at a restart what the host has listed.
#[test]
fn what_is_on_a_roster_is_still_there_after_a_restart() {
    let scene = Scene::new(true);
    let reveal = scene.reveal.as_ref().unwrap();
    for above in [false, true] {
        let store = Arc::new(MemoryStore::new());
        let mut ledger = scene.ledger(&store);
        let earlier = scene.earlier(above);
        for record in [&scene.competition, &scene.entry, reveal, &scene.submission, &earlier] {
            let outcome = ledger.publish_offline(record.bytes()).unwrap();
            assert_eq!(outcome, Outcome::Accepted { displaced: Vec::new() });
        }
        let (kept, fingerprint) = (places(&ledger), ledger.fingerprint());
        assert_eq!((kept.len(), store.len()), (5, 5));
        for _ in 0..2 {
            let mut ledger = scene.ledger(&store);
            assert_eq!((places(&ledger), ledger.fingerprint()), (kept.clone(), fingerprint));
            assert_eq!(store.len(), 5);
        }
    }
}

#[test]
fn a_blob_that_many_competitions_name_is_read_once() {
    let scene = Scene::new(false);
    let store = Arc::new(MemoryStore::default());
    let mut ledger = scene.ledger(&store);
    let WellFormed::Competition(first) = WellFormed::parse(&scene.competition).unwrap() else { panic!() };
    for n in 0..3 {
        let again = Competition { title: format!("Again {n}"), ..first.body().clone() };
        let signed = protocol::sign(&scene.identity.keypair, &Body::Competition(Box::new(again))).unwrap();
        ledger.state_mut().apply(signed.bytes(), now());
    }
    assert_eq!(ledger.state().wanted_blobs().len(), 6, "a key and a test set each");
    let wanted: Vec<BlobRole> = ledger.wanted().into_iter().map(|(role, _)| role).collect();
    assert_eq!(wanted.len(), 2);
    assert!(wanted.contains(&BlobRole::VerifyingKey) && wanted.contains(&BlobRole::TestSet));
    ledger.run_all();
    assert!(ledger.wanted().is_empty() && ledger.state().wanted_blobs().is_empty());
}
