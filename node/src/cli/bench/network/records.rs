//! Real signed records in any number, for measurements and tests of the network. They are functions of a seed: two
//! processes make the same.

use circuits::groth16::{Opening, ProvingKey, commit, prove_model, prove_score};
use circuits::statement::{Chunk, Competitor, Scope, ScoreClaim};
use circuits::{ClassId, IntegerModel, TestSet};
use datasets::{CsvOptions, import_csv, quantise, read_onnx, samples};
use libp2p::identity::Keypair;
use protocol::{
    AdmittedClass, BlobRef, Body, Caps, ChunkProof, ClaimRule, Close, CommitmentBytes, Competition, Entry,
    ProofBytes, RecordId, Reveal, Seal, Signed, Submission, TestSetTerms, TieRule, sign,
};
use rand::SeedableRng;

/// Long ago, seconds since 1970: whoever makes these records claims so.
const CREATED: u64 = 1_700_000_000;
/// Competitions by one host: fewer than a node takes of one author.
const OF_HOST: u64 = 50;

/// See the module. The key of the size class is made anew for each seed; it admits `linear-30-2`.
pub struct Records {
    seed: u64,
    key: ProvingKey,
    class: AdmittedClass,
    verifying_key: Vec<u8>,
    set: TestSet,
    test_set: Vec<u8>,
    model: IntegerModel,
}

impl Records {
    /// Makes the key and reads the sample.
    pub fn new(seed: u64) -> anyhow::Result<Self> {
        let class: ClassId = "linear-30-2".parse()?;
        let options = CsvOptions::new(samples::BREAST_CANCER_LABEL, samples::BREAST_CANCER_FEATURE_BITS);
        let (test, mut train) = (samples::BREAST_CANCER_TEST_CSV, samples::BREAST_CANCER_TRAIN_CSV);
        let set = import_csv(test, Some(&mut train), &options)?;
        let float = read_onnx(samples::BREAST_CANCER_LOGISTIC_ONNX)?;
        let (model, _) = quantise(&float, set.task(), class.class(), Some(&set))?;
        let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
        let key = ProvingKey::generate(class.class(), &mut rng, &|_, _| {})?;
        let mut proving_key = Vec::new();
        key.write(&mut proving_key)?;
        let verifying_key = key.verifying_key().to_bytes();
        let class = AdmittedClass {
            class,
            key_digest: key.verifying_key().digest(),
            verifying_key: BlobRef::of(&verifying_key),
            proving_key: BlobRef::of(&proving_key),
        };
        let test_set = set.to_bytes()?;
        Ok(Self { seed, key, class, verifying_key, set, test_set, model })
    }

    /// What checking the proofs takes: verifying key and test set.
    pub fn blobs(&self) -> [&[u8]; 2] {
        [&self.verifying_key, &self.test_set]
    }

    /// The `n`th competition that is over, with its reveal and its close: three records without a proof. The one entry
    /// on its roster was lost.
    pub fn past(&self, n: u64) -> anyhow::Result<[Signed; 3]> {
        let host = self.keypair("host", n / OF_HOST)?;
        let author = protocol::Author::from_public_key(&host.public())?;
        let (test_set, rows) = (BlobRef::of(&self.test_set), self.set.rows() as u64);
        let salt = self.bytes("salt", n);
        let seal = Seal::of(&author, &test_set, rows, &salt);
        let terms = TestSetTerms::Sealed { seal, min_rows: 1, commit_deadline: CREATED + 100 };
        let competition = sign(&host, &Body::Competition(Box::new(self.rules(n, terms))))?;
        let roster = vec![RecordId::new(self.bytes("entry", n))];
        let reveal =
            Reveal { competition: competition.id(), test_set, rows, salt, roster, created: CREATED + 101 };
        let reveal = sign(&host, &Body::Reveal(reveal))?;
        let close = Close { competition: competition.id(), submissions: Vec::new(), created: CREATED + 201 };
        let close = sign(&host, &Body::Close(close))?;
        Ok([competition, reveal, close])
    }

    /// The `n`th open competition, of other hosts.
    pub fn open(&self, n: u64) -> anyhow::Result<Signed> {
        let terms = TestSetTerms::Open { blob: BlobRef::of(&self.test_set), rows: self.set.rows() as u64 };
        let host = self.keypair("open host", n / OF_HOST)?;
        Ok(sign(&host, &Body::Competition(Box::new(self.rules(n, terms))))?)
    }

    /// Entry and submission of the `n`th competitor in an open competition, with real proofs.
    pub fn entrant(&self, competition: RecordId, n: u64) -> anyhow::Result<[Signed; 2]> {
        let competitor = self.keypair("competitor", n)?;
        let author = protocol::Author::from_public_key(&competitor.public())?;
        let scope =
            Scope { competition: *competition.as_bytes(), competitor: Competitor::Node(*author.key()) };
        let secret = self.bytes("secret", n);
        let opening = commit(&self.key, &self.model, competition.as_bytes(), &secret)?;
        let proof = prove_model(&self.key, &opening, &scope, &secret, &|_, _| {})?;
        let entry = Entry {
            competition,
            class: self.class.class,
            commitment: CommitmentBytes(opening.commitment().to_bytes()),
            model_proof: ProofBytes(proof.to_bytes()),
            display_name: format!("Competitor {n}"),
            audit_digest: opening.audit_digest(),
            created: CREATED + 1,
        };
        let entry = sign(&competitor, &Body::Entry(Box::new(entry)))?;
        let chunks = self.prove(&opening, &scope, &entry, &secret)?;
        let (entry_id, created) = (entry.id(), CREATED + 2);
        let submission = Submission { competition, entry: entry_id, reveal: None, created, chunks };
        Ok([entry, sign(&competitor, &Body::Submission(submission))?])
    }

    fn prove(
        &self,
        opening: &Opening,
        scope: &Scope,
        entry: &Signed,
        secret: &[u8; 32],
    ) -> anyhow::Result<Vec<ChunkProof>> {
        let prove = |chunk: Chunk| {
            let rows = usize::try_from(chunk.lo)?..usize::try_from(chunk.hi)?;
            let right = |row: &usize| {
                self.model.forward(self.set.row(*row)).prediction() == usize::from(self.set.label(*row))
            };
            let correct = rows.filter(right).count() as u64;
            let (entry, rows) = (*entry.id().as_bytes(), self.set.rows() as u64);
            let claim = ScoreClaim { scope: *scope, entry, roster: [0; 32], chunk, rows, correct };
            let proof = prove_score(&self.key, opening, &self.set, &claim, secret, &|_, _| {})?;
            Ok(ChunkProof { correct, proof: ProofBytes(proof.to_bytes()) })
        };
        Chunk::all(self.set.rows(), self.class.class.class()).into_iter().map(prove).collect()
    }

    fn rules(&self, n: u64, test_set: TestSetTerms) -> Competition {
        Competition {
            title: format!("Competition {n} of {}", self.seed),
            description: String::new(),
            created: CREATED,
            prove_deadline: CREATED + 200,
            task: self.set.task().clone(),
            test_set,
            training: None,
            size_classes: vec![self.class],
            threshold_bps: 0,
            claims: ClaimRule::Exact,
            caps: Caps { entries: 1, withdrawals: 0, submissions: 9 },
            tie_rule: TieRule::SharedRank,
            prize: None,
        }
    }

    fn bytes(&self, what: &str, n: u64) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("podium 2026-11 records of a measurement v1");
        hasher.update(&self.seed.to_be_bytes()).update(&n.to_be_bytes()).update(what.as_bytes());
        *hasher.finalize().as_bytes()
    }

    fn keypair(&self, what: &str, n: u64) -> anyhow::Result<Keypair> {
        Ok(Keypair::ed25519_from_bytes(self.bytes(what, n))?)
    }
}
