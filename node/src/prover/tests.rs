//! Chunks of one submission: killed and gone on with, shared among machines, and files that are not what they should be.

use super::*;
use crate::home::{Home, Identity};
use crate::keys;
use crate::ledger::now;
use circuits::groth16::{Opening, ProvingKey, commit};
use circuits::statement::ScoreClaim;
use circuits::{ClassId, TestSet};
use datasets::{CsvOptions, import_csv, read_onnx, samples};
use protocol::{
    AdmittedClass, BlobRef, Body, Caps, ClaimRule, Competition, ProofBytes, TestSetTerms, TieRule,
};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const CHUNKS: usize = 3;

/// A competition whose test set takes three proofs, with its key. Made once for all tests.
struct Scene {
    _dir: tempfile::TempDir,
    key_path: PathBuf,
    key: ProvingKey,
    set: TestSet,
    contest: Contest,
}

fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().to_owned()), None).unwrap();
        let identity = home.init().unwrap();
        let class: ClassId = "linear-30-2".parse().unwrap();
        let file = keys::make(&home, class, &|_, _| {}).unwrap();
        let sample = String::from_utf8(samples::BREAST_CANCER_TEST_CSV.to_vec()).unwrap();
        let (header, rows) = sample.split_once('\n').unwrap();
        let csv = format!("{header}\n{}", rows.repeat(5));
        let options = CsvOptions::new(samples::BREAST_CANCER_LABEL, samples::BREAST_CANCER_FEATURE_BITS);
        let set = import_csv(csv.as_bytes(), None, &options).unwrap();
        let rules = Competition {
            title: "Breast cancer, five times".into(),
            description: String::new(),
            created: now(),
            prove_deadline: now() + 3600,
            task: set.task().clone(),
            test_set: TestSetTerms::Open {
                blob: BlobRef::of(&set.to_bytes().unwrap()),
                rows: set.rows() as u64,
            },
            training: None,
            size_classes: vec![AdmittedClass {
                class,
                key_digest: file.key_digest,
                verifying_key: file.verifying_key,
                proving_key: file.blob,
            }],
            threshold_bps: 0,
            claims: ClaimRule::Exact,
            caps: Caps { entries: 1, withdrawals: 0, submissions: 9 },
            tie_rule: TieRule::SharedRank,
            prize: None,
        };
        let signed = protocol::sign(&identity.keypair, &Body::Competition(Box::new(rules))).unwrap();
        let contest = Contest::parse(signed.bytes()).unwrap();
        let key = keys::load(&file.path, file.blob.id).unwrap();
        Scene { _dir: dir, key_path: file.path, key, set, contest }
    })
}

/// A machine of a competitor.
struct Machine {
    dir: tempfile::TempDir,
    home: Home,
    identity: Identity,
    steps: RefCell<Vec<String>>,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().join("home")), None).unwrap();
        let identity = home.init().unwrap();
        Self { dir, home, identity, steps: RefCell::default() }
    }

    /// Another machine of the same competitor.
    fn twin(&self) -> Self {
        let twin = Self::new();
        for file in ["identity.key", "secret"] {
            std::fs::copy(self.home.dir().join(file), twin.home.dir().join(file)).unwrap();
        }
        let identity = twin.home.identity().unwrap();
        Self { identity, ..twin }
    }

    fn with<T>(&self, work: impl FnOnce(&Workbench<'_>, &Scored) -> T) -> T {
        let scene = scene();
        let model = read_onnx(samples::BREAST_CANCER_LOGISTIC_ONNX).unwrap();
        let class = "linear-30-2".parse().unwrap();
        let scored = Scored::new(&scene.contest, &model, class, &scene.set).unwrap();
        assert_eq!(scored.chunks.len(), CHUNKS);
        let entrant = Entrant {
            home: &self.home,
            identity: &self.identity,
            contest: &scene.contest,
            key: &scene.key,
            progress: &|step, _| self.steps.borrow_mut().push(step.to_owned()),
        };
        let opening = entrant.commit(&scored.model).unwrap();
        let scoring = scene.contest.scoring(None).unwrap();
        let (opening, scoring, set) = (&opening, &scoring, &scene.set);
        work(&Workbench { entrant, opening, scoring, set, jobs: 2 }, &scored)
    }

    fn make(&self, wanted: Option<u64>, source: Source<'_>) -> Result<Made, ProverError> {
        self.with(|bench, scored| {
            let claims = scored.claims(&ClaimRule::Exact, wanted.unwrap_or(scored.total()))?;
            bench.make(scored, &claims, "Ada", source)
        })
    }

    fn prepare(&self, wanted: Option<u64>, folder: &JobFolder) -> Result<Job, ProverError> {
        self.with(|bench, scored| {
            let claims = scored.claims(&ClaimRule::Exact, wanted.unwrap_or(scored.total()))?;
            bench.prepare(&claims, "Ada", folder, &scene().key_path)
        })
    }

    fn files(&self, end: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.home.openings()];
        while let Some(dir) = folders.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().ends_with(end) {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

#[test]
fn after_a_kill_only_what_is_missing_is_proved() {
    let machine = Machine::new();
    let made = machine.make(None, Source::HERE).unwrap();
    assert_eq!((made.proved, made.entry_reused, made.submission_reused), (CHUNKS, false, false));
    assert_eq!(made.verified.chunks, CHUNKS);
    assert!(machine.steps.borrow().contains(&format!("chunks proved: 2 of {CHUNKS}")));

    // As if it had been killed after the second proof: no submission, one proof missing, and a damaged one.
    let submission = machine.files(&format!(".{}", made.verified.correct));
    std::fs::remove_file(&submission[0]).unwrap();
    let proofs = machine.files(".proof");
    assert_eq!(proofs.len(), CHUNKS);
    std::fs::remove_file(&proofs[1]).unwrap();
    let cut = std::fs::read(&proofs[2]).unwrap();
    std::fs::write(&proofs[2], &cut[..cut.len() / 2]).unwrap();
    let again = machine.make(None, Source::HERE).unwrap();
    assert_eq!((again.proved, again.entry_reused), (2, true));
    assert_eq!((again.entry.id(), again.verified.correct), (made.entry.id(), made.verified.correct));
    assert!(machine.steps.borrow().iter().any(|step| step.starts_with("a kept proof is made anew")));
    assert_eq!(machine.make(None, Source::HERE).unwrap().proved, 0);

    // What a lower claim has in common with it is not proved again.
    let lower = machine.make(Some(made.verified.correct - 1), Source::HERE).unwrap();
    assert_eq!(lower.proved, 1, "only the last chunk claims less");
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert!(machine.files("").iter().all(|path| mode(path) == 0o600));
}

fn opening(machine: &Machine) -> Opening {
    let id = *scene().contest.id.as_bytes();
    machine.with(|_, scored| commit(&scene().key, &scored.model, &id, &machine.identity.secret).unwrap())
}

/// Proves these chunks into the folder, with a secret of the machine's own.
fn prove_into(folder: &JobFolder, opening: &Opening, chunks: &[(u32, u32)]) -> Vec<ScoreClaim> {
    let job = folder.require().unwrap();
    let parts = folder.parts(&job).unwrap();
    let key = folder.key(&parts.admitted).unwrap();
    let shared = Shared {
        key: &key,
        opening,
        set: &parts.set,
        secret: &[5; 32],
        scope: job.scope(),
        entry: job.entry.id(),
        roster: [0; 32],
    };
    let claims = shared.claims(&parts.chunks, &job.claims);
    let wanted: Vec<ScoreClaim> = parts.select(chunks).unwrap().into_iter().map(|i| claims[i]).collect();
    let files = folder.chunks();
    let mut keep = |i: usize, proof: ProofBytes| {
        files.write(&wanted[i], &proof)?;
        Ok(())
    };
    prove_all(&shared, &wanted, 2, &mut keep, &|_| {}).unwrap();
    claims
}

#[test]
fn machines_share_the_chunks_and_every_file_is_looked_at() {
    let machine = Machine::new();
    let folder = JobFolder::new(&machine.dir.path().join("job"));
    let source = |prove| Source { folder: Some(&folder), prove };
    assert!(matches!(machine.make(None, source(false)), Err(ProverError::Job(JobError::NotPrepared { .. }))));
    let job = machine.prepare(None, &folder).unwrap();
    let claims = prove_into(&folder, &opening(&machine), &[(0, 0), (1, 1)]);
    let Err(ProverError::Missing { missing, all }) = machine.make(None, source(false)) else { panic!() };
    assert_eq!((missing, all), (vec![2], CHUNKS));

    let good = folder.chunks().path(&claims[0]);
    let text = std::fs::read_to_string(&good).unwrap();
    let strange = folder.dir().join("strange.proof");
    let refused = |text: &str| {
        std::fs::write(&strange, text).unwrap();
        let Err(ProverError::ChunkFile(error)) = machine.make(None, source(true)) else { panic!("{text}") };
        std::fs::remove_file(&strange).unwrap();
        error
    };
    let edited = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    };
    assert!(matches!(refused(&text), ChunkFileError::Duplicate { chunk: 0, .. }));
    assert!(matches!(refused(""), ChunkFileError::Malformed { .. }));
    assert!(matches!(refused("{\"what\": 1}"), ChunkFileError::Malformed { .. }));
    assert!(matches!(refused(&" ".repeat(5000)), ChunkFileError::Home(_)));
    assert!(matches!(
        refused(&edited("\"version\": 1", "\"version\": 2")),
        ChunkFileError::Version { got: 2, .. }
    ));
    assert!(matches!(refused(&edited("podium chunk proof", "something")), ChunkFileError::Malformed { .. }));
    assert!(matches!(
        refused(&edited("\"chunk\": 0", "\"chunk\": 3")),
        ChunkFileError::Foreign { expected: CHUNKS, got: 3, .. }
    ));
    let fields = [
        ("\"chunk\": 0".to_owned(), "\"chunk\": 2"),
        (format!("\"correct\": {}", claims[0].correct), "\"correct\": 1"),
        ("\"end_row\": 532".to_owned(), "\"end_row\": 533"),
        (hex::encode(claims[0].entry), &"0".repeat(64)),
    ];
    for (from, to) in &fields {
        assert!(matches!(refused(&edited(from, to)), ChunkFileError::Statement { .. }), "{from}");
    }

    // The right statement with the proof of another chunk.
    let other = std::fs::read_to_string(folder.chunks().path(&claims[1])).unwrap();
    let proof = |text: &str| text.split("\"proof\": ").nth(1).unwrap().to_owned();
    std::fs::write(&good, text.replace(&proof(&text), &proof(&other))).unwrap();
    assert!(matches!(
        machine.make(None, source(true)),
        Err(ProverError::ChunkFile(ChunkFileError::Invalid { chunk: 0, .. }))
    ));
    std::fs::write(&good, &text).unwrap();
    let made = machine.make(None, source(true)).unwrap();
    assert_eq!((made.proved, made.entry.id()), (1, job.entry.id()));
    assert_eq!(made.verified.correct, job.total());
}

#[test]
fn one_folder_has_one_entry_whoever_prepares_it() {
    let machine = Machine::new();
    let twin = machine.twin();
    let folder = JobFolder::new(&machine.dir.path().join("job"));
    let first = machine.prepare(None, &folder).unwrap();
    assert_eq!(machine.prepare(None, &folder).unwrap().entry.id(), first.entry.id());
    let second = twin.prepare(None, &folder).unwrap();
    assert_eq!(second.entry.id(), first.entry.id(), "the twin takes the entry that is there");
    let entry = twin.files(".entry");
    assert_eq!(std::fs::read(&entry[0]).unwrap().as_slice(), first.entry.bytes().as_ref());

    let other = |result: Result<Job, ProverError>| match result {
        Err(ProverError::Job(JobError::Other { what, .. })) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(other(machine.prepare(Some(first.total() - 1), &folder)), "claimed rows");
    assert_eq!(other(Machine::new().prepare(None, &folder)), "competitor");
    let late = machine.twin();
    let entered = late.with(|bench, scored| bench.make(scored, &scored.correct, "Eve", Source::HERE));
    assert_ne!(entered.unwrap().entry.id(), first.entry.id());
    assert_eq!(other(late.prepare(None, &folder)), "entry", "one that may be published is not given up");
}

#[test]
fn a_folder_that_was_tampered_with_is_refused() {
    let machine = Machine::new();
    let folder = JobFolder::new(&machine.dir.path().join("job"));
    let job = machine.prepare(None, &folder).unwrap();
    let parts = folder.parts(&job).unwrap();
    for (name, cut) in [("competition.record", true), ("test-set.cbor", false), ("test-set.cbor", true)] {
        let path = folder.dir().join(name);
        let whole = std::fs::read(&path).unwrap();
        let mut bad = whole.clone();
        if cut {
            bad.truncate(whole.len() / 2)
        } else {
            bad[whole.len() / 2] ^= 1
        }
        std::fs::write(&path, &bad).unwrap();
        assert!(folder.parts(&job).is_err(), "{name}");
        std::fs::write(&path, &whole).unwrap();
    }
    std::fs::write(folder.dir().join("proving.key"), b"no key").unwrap();
    assert!(matches!(folder.key(&parts.admitted), Err(ProverError::Keys(_))));
    assert!(matches!(parts.select(&[(0, 3)]), Err(JobError::NoSuchChunk { expected: 2, got: 3 })));
    assert_eq!(parts.select(&[(1, 2), (1, 1)]).unwrap(), [1, 2]);
    let short = Job { claims: vec![1], entry: job.entry.clone(), body: job.body.clone() };
    assert!(matches!(folder.parts(&short), Err(ProverError::Job(JobError::Malformed { .. }))));
    for text in ["", "{}", "[1]", "\u{0}"] {
        std::fs::write(folder.dir().join("job.json"), text).unwrap();
        assert!(matches!(folder.open(), Err(JobError::Malformed { .. })), "{text:?}");
    }
}

#[test]
fn an_error_stops_the_others_but_finished_proofs_are_kept() {
    let machine = Machine::new();
    let opening = opening(&machine);
    let scope = circuits::statement::Scope {
        competition: *scene().contest.id.as_bytes(),
        competitor: circuits::statement::Competitor::Node([1; 32]),
    };
    let shared = Shared {
        key: &scene().key,
        opening: &opening,
        set: &scene().set,
        secret: &[5; 32],
        scope,
        entry: protocol::RecordId::new([3; 32]),
        roster: [0; 32],
    };
    let mut claims = machine.with(|_, scored| shared.claims(&scored.chunks, &scored.correct));
    claims[1].correct = claims[1].chunk.len();
    let mut kept = Vec::new();
    let mut keep = |index, _| {
        kept.push(index);
        Ok(())
    };
    let error = prove_all(&shared, &claims, 1, &mut keep, &|_| {}).unwrap_err();
    assert!(matches!(error, ProverError::Prove(circuits::groth16::ProveError::Claim { .. })), "{error}");
    assert_eq!(kept, [0], "the third is not begun");
    let none = prove_all(&shared, &[], 4, &mut |_, _| Ok(()), &|_| {});
    assert!(none.is_ok());
}
