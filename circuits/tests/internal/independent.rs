//! Everything public about one competitor, as `tests/independent/verify.py` reads it. That script shares no code
//! with this crate; here the same file is held against this crate, step by step.

use crate::groth16::{
    Commitment, Proof, ProvingKey, Transcript, VerifyingKey, commit, prove_model, prove_score, verify_model,
    verify_score,
};
use crate::model::{Bounds, CATALOGUE, IntegerModel, Layer, SizeClass};
use crate::statement::{
    Chunk, Competitor, Feature, PublicInputs, Scope, ScoreClaim, Task, TestSet, be_bytes,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/independent/proof.json");
const FEATURES: usize = 8;
const ABOUT: &str = "A model proof and two score proofs in the class linear-30-2. All bytes are hex. key and \
    test_set are the canonical files (DAG-CBOR); points in key, commitment (D_w) and proofs (A, B, C, D) are \
    compressed as circuits/README.md says, section 5. The key is a test key: its seed is public, so anybody can \
    forge with it. expected is what a verifier computes, never what it reads.";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    about: String,
    public: Public,
    expected: Expected,
}

/// All that a verifier may read.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Public {
    key: String,
    test_set: String,
    competition: String,
    competitor: Node,
    commitment: String,
    model_proof: String,
    scores: Vec<Score>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    node: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Score {
    entry: String,
    roster: String,
    chunk: u32,
    lo: u64,
    hi: u64,
    /// N.
    rows: u64,
    /// K.
    correct: u64,
    proof: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    key_digest: String,
    test_set_digest: String,
    /// In decimal: more than 64 bits in other classes.
    packing_base: String,
    packing_terms: usize,
    model_proof: Inputs,
    scores: Vec<Inputs>,
}

/// Public inputs as the README names them.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inputs {
    #[serde(rename = "X")]
    x: String,
    y: String,
    rho: String,
    #[serde(rename = "K")]
    k: String,
    mode: String,
    u: Vec<String>,
    plain_sum: String,
    packed_sum: String,
    labels: String,
}

impl Inputs {
    fn new(public: &PublicInputs) -> Self {
        let text = |value| hex::encode(be_bytes(value));
        Self {
            x: text(&public.challenges.x),
            y: text(&public.challenges.y),
            rho: text(&public.challenges.rho),
            k: text(&public.correct),
            mode: text(&public.mode),
            u: public.features.iter().map(text).collect(),
            plain_sum: text(&public.plain_sum),
            packed_sum: text(&public.packed_sum),
            labels: text(&public.labels),
        }
    }
}

/// The public part, parsed by this crate.
struct Parsed {
    vk: VerifyingKey,
    set: TestSet,
    scope: Scope,
    commitment: Commitment,
    model_proof: Proof,
    scores: Vec<(ScoreClaim, Proof)>,
}

fn id(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn proof(text: &str) -> Proof {
    Proof::from_bytes(&hex::decode(text).unwrap()).unwrap()
}

impl Parsed {
    fn new(public: &Public) -> Self {
        let competitor = Competitor::Node(id(&public.competitor.node));
        let scope = Scope { competition: id(&public.competition), competitor };
        let score = |score: &Score| {
            let chunk = Chunk { index: score.chunk, lo: score.lo, hi: score.hi };
            let (rows, correct) = (score.rows, score.correct);
            let (entry, roster) = (id(&score.entry), id(&score.roster));
            (ScoreClaim { scope, entry, roster, chunk, rows, correct }, proof(&score.proof))
        };
        Self {
            vk: VerifyingKey::from_bytes(&hex::decode(&public.key).unwrap()).unwrap(),
            set: TestSet::from_bytes(&hex::decode(&public.test_set).unwrap()).unwrap(),
            scope,
            commitment: Commitment::from_bytes(&id(&public.commitment)).unwrap(),
            model_proof: proof(&public.model_proof),
            scores: public.scores.iter().map(score).collect(),
        }
    }

    fn verify(&self) {
        let model = verify_model(&self.vk, &self.scope, &self.commitment, &self.model_proof).unwrap();
        for (claim, proof) in &self.scores {
            verify_score(&self.vk, &self.set, &model, claim, proof).unwrap();
        }
    }

    /// What every verifier computes on its way.
    fn expected(&self) -> Expected {
        let class = self.vk.class().class();
        let bounds = Bounds::of(class).unwrap();
        let (key, set) = (self.vk.digest(), &self.set);
        let model = Transcript::model(&key, class, &self.scope, &self.commitment);
        let score = |(claim, proof): &(ScoreClaim, Proof)| {
            let transcript = Transcript::score(&key, class, &set.digest(), claim, &self.commitment);
            let ch = transcript.challenges(&proof.d);
            Inputs::new(&PublicInputs::score(class, &bounds, ch, set, &claim.chunk, claim.correct))
        };
        let ch = model.challenges(&self.model_proof.d);
        Expected {
            key_digest: hex::encode(key),
            test_set_digest: hex::encode(set.digest()),
            packing_base: bounds.row_packing.base.to_string(),
            packing_terms: bounds.row_packing.terms,
            model_proof: Inputs::new(&PublicInputs::model(class, &bounds, ch)),
            scores: self.scores.iter().map(score).collect(),
        }
    }
}

/// Fewer features and bits than the class has, and a second chunk that is mostly padding.
fn test_set(class: &SizeClass, model: &IntegerModel, rng: &mut StdRng) -> TestSet {
    let feature = |i| Feature { name: format!("feature {i}"), offset: -1.5, step: 0.25 };
    let task = Task {
        features: (0..FEATURES).map(feature).collect(),
        feature_bits: 7,
        classes: vec!["no".into(), "yes".into()],
    };
    let rows = class.rows + 40;
    let x: Vec<u16> = (0..rows * FEATURES).map(|_| rng.gen_range(0..=task.x_max())).collect();
    let label = |row: &[u16]| {
        let guess = model.forward(row).prediction() as u16;
        if rng.gen_bool(0.8) { guess } else { 1 - guess }
    };
    let labels = x.chunks(FEATURES).map(label).collect();
    TestSet::new(task, x, labels).unwrap()
}

fn made() -> Fixture {
    let class = &CATALOGUE[0];
    let mut rng = StdRng::seed_from_u64(11);
    let weights = (0..2 * FEATURES).map(|_| rng.gen_range(-900..=900)).collect();
    let layer = Layer { inputs: FEATURES, outputs: 2, weights, biases: vec![700, -700] };
    let model = IntegerModel::new(class, &[layer]).unwrap();
    let set = test_set(class, &model, &mut rng);
    let (competition, node, entry, secret) = (rng.r#gen(), rng.r#gen(), rng.r#gen(), rng.r#gen());
    let scope = Scope { competition, competitor: Competitor::Node(node) };

    let quiet = |_: &str, _: f64| ();
    let pk = ProvingKey::generate(class, &mut rng, &quiet).unwrap();
    let roster = rng.r#gen();
    let opening = commit(&pk, &model, &competition, &secret).unwrap();
    let model_proof = prove_model(&pk, &opening, &scope, &secret, &quiet).unwrap();
    let rows = set.rows() as u64;
    let score = |chunk: Chunk| {
        let right = |i: &u64| model.forward(set.row(*i as usize)).counts(set.label(*i as usize));
        // Two below what the model reaches: a claim may be.
        let correct = (chunk.lo..chunk.hi).filter(right).count() as u64 - 2;
        let claim = ScoreClaim { scope, entry, roster, chunk, rows, correct };
        let proof = prove_score(&pk, &opening, &set, &claim, &secret, &quiet).unwrap();
        Score {
            entry: hex::encode(entry),
            roster: hex::encode(roster),
            chunk: chunk.index,
            lo: chunk.lo,
            hi: chunk.hi,
            rows,
            correct,
            proof: hex::encode(proof.to_bytes()),
        }
    };
    let public = Public {
        key: hex::encode(pk.verifying_key().to_bytes()),
        test_set: hex::encode(set.to_bytes().unwrap()),
        competition: hex::encode(competition),
        competitor: Node { node: hex::encode(node) },
        commitment: hex::encode(opening.commitment().to_bytes()),
        model_proof: hex::encode(model_proof.to_bytes()),
        scores: Chunk::all(set.rows(), class).into_iter().map(score).collect(),
    };
    let expected = Parsed::new(&public).expected();
    Fixture { about: ABOUT.into(), public, expected }
}

/// `BLESS=1 cargo test -p circuits --lib independent` makes the fixture anew.
#[test]
fn this_crate_computes_what_the_independent_verifier_computes() {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(FIXTURE, serde_json::to_string_pretty(&made()).unwrap() + "\n").unwrap();
    }
    let fixture: Fixture = serde_json::from_str(&std::fs::read_to_string(FIXTURE).unwrap()).unwrap();
    let parsed = Parsed::new(&fixture.public);
    parsed.verify();
    assert_eq!(parsed.expected(), fixture.expected);
}
