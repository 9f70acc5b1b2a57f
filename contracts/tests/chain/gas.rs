//! What whole transactions cost: a golden file (`BLESS=1` rewrites it), and the most that each may cost.

use crate::evm::{account, chain};
use crate::play::Play;
use crate::support::{
    FINALITY, HOST, REVEAL_FROM, SUBMIT_UNTIL, Stage, generate, model, reached, refused_by_verifier,
    test_set_of,
};
use crate::verifier::g2_words;
use alloy_primitives::keccak256;
use alloy_sol_types::SolCall;
use ark_bn254::G2Affine;
use ark_ec::AffineRepr;
use circuits::SizeClass;
use circuits::groth16::ProvingKey;
use circuits::model::{CATALOGUE, Family};
use contracts::bindings::Verifier::{self, costOfCall};
use contracts::{Address, B256, Bytes, ChainKey, Cost, OUTSIDE_GAS, Pieces, U256};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::fmt::Write as _;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gas.txt");

struct Table(String);

impl Table {
    /// A line, which must not cost more than `most`.
    fn line(&mut self, what: &str, gas: u64, most: Option<u64>) {
        let most_text = most.map_or_else(String::new, |most| format!("at most {most}"));
        writeln!(self.0, "{}", format!("{what:<58}{gas:>10}  {most_text}").trim_end()).unwrap();
        if let Some(most) = most {
            assert!(gas <= most, "{what}: expected at most {most} gas, got {gas}");
        }
    }
}

/// A competition from its post to the winner's claim, over random data: none of its bytes is cheaper than another's.
fn competition(
    table: &mut Table,
    key: &ProvingKey,
    name: &str,
    rows: usize,
    features: usize,
    most: [u64; 3],
) {
    let class = key.class();
    let model = model(class, 1);
    let set = test_set_of(&model, rows, features, class.classes, 2);
    let mut stage = Stage::on(chain(1), key, &set);
    let who = account(2);
    table.line(&format!("{name}: post"), stage.post().gas, Some(200_000));
    let (opening, proof) = stage.model_proof(key, &model, who);
    let entered = stage.enter(who, &opening, &proof);
    entered.answer.unwrap();
    table.line(&format!("{name}: enter"), entered.gas, Some(most[0]));
    stage.chain.set_time(REVEAL_FROM);
    let pieces = stage.sealed.pieces.calls();
    for (i, piece) in pieces.iter().enumerate() {
        let gas = stage.verifier_does(piece.clone()).gas;
        table.line(&format!("{name}: piece {} of the test set", i + 1), gas, None);
    }
    let revealed = stage.reveal();
    revealed.answer.unwrap();
    table.line(&format!("{name}: reveal"), revealed.gas, Some(most[1]));
    let chunks = stage.prove(key, &opening, who, &reached(&model, &set));
    let submitted = stage.submit(who, &opening.commitment(), &chunks);
    submitted.answer.unwrap();
    table.line(&format!("{name}: submit"), submitted.gas, Some(most[2]));
    let cost = cost(&mut stage, rows, features);
    let estimate = (cost.load + U256::from(chunks.len()) * cost.chunk).to::<u64>() + OUTSIDE_GAS;
    assert!(submitted.gas <= estimate, "{name}: the estimate is too low: {estimate}, {}", submitted.gas);
    assert!(
        estimate <= submitted.gas * 3 / 2,
        "{name}: the estimate is too high: {estimate}, {}",
        submitted.gas
    );
    stage.chain.set_time(SUBMIT_UNTIL);
    table.line(&format!("{name}: finalise"), stage.finalise().gas, None);
    table.line(&format!("{name}: release"), stage.release(who, &opening.commitment()).gas, None);
    let claimed = stage.send(who, 0, contracts::claim(Address::ZERO, who));
    claimed.answer.unwrap();
    table.line(&format!("{name}: claim"), claimed.gas, Some(60_000));
}

/// What a post counts with.
fn cost(stage: &mut Stage, rows: usize, features: usize) -> Cost {
    let contracts::Shape { classes, bits, .. } = stage.terms.shape.clone();
    let shape = Verifier::Shape { rows: rows as u32, features: features as u32, classes, bits };
    let call = costOfCall { key: stage.terms.key, shape };
    let answer = stage.verifier_does(call.abi_encode().into()).answer.unwrap();
    costOfCall::abi_decode_returns(&answer).unwrap()
}

/// The dearest bookkeeping: a sixteenth place, new in the storage, for an entry that becomes the first.
fn ranking(table: &mut Table) {
    let mut play = Play::with(|t| (t.winners, t.threshold) = (16, 0));
    play.revealed(17);
    for who in 2..17 {
        play.submit(who, 1, 10).answer.unwrap();
    }
    let submitted = play.submit(18, 1, 90);
    submitted.answer.unwrap();
    table.line("no proof: submit that moves 16 places", submitted.gas, Some(OUTSIDE_GAS));
    play.chain.set_time(SUBMIT_UNTIL);
    let finalised = play.finalise();
    finalised.answer.unwrap();
    table.line("no proof: finalise with 16 winners", finalised.gas, None);
}

/// With a token of OpenZeppelin's.
fn token(table: &mut Table) {
    let (mut play, _) = Play::with_token(|_| {});
    table.line("token: post", play.post().gas, Some(200_000));
    table.line("token: enter without its proof", play.enter(2, 1).gas, None);
    play.chain.set_time(REVEAL_FROM);
    play.reveal().answer.unwrap();
    play.submit(2, 1, 80).answer.unwrap();
    play.chain.set_time(SUBMIT_UNTIL);
    play.finalise().answer.unwrap();
    table.line("token: claim", play.claim(2).gas, Some(60_000));
    table.line("token: claim of the host", play.claim(HOST).gas, Some(60_000));
}

#[test]
fn gas_is_that_of_the_golden_file() {
    let mut table = Table(String::new());
    let Stage { mut chain, .. } = Stage::new();
    let deployed = chain.send(account(0), None, 0, contracts::deploy_verifier());
    table.line("deploy the verifier", deployed.gas, None);
    let code =
        contracts::deploy_competitions(deployed.created.unwrap(), contracts::ETHEREUM_GAS_LIMIT, FINALITY);
    table.line("deploy the competitions", chain.send(account(0), None, 0, code).gas, None);
    let keys = [0, 1, 2].map(|class| generate(&CATALOGUE[class]));
    for key in &keys {
        let verifier = chain.send(account(0), None, 0, contracts::deploy_verifier()).created.unwrap();
        let name = key.class().id;
        let register = contracts::register_key(&ChainKey::of(key.verifying_key()));
        let registered = chain.send(account(0), Some(verifier), 0, register);
        registered.answer.unwrap();
        table.line(&format!("register the key of {name}"), registered.gas, None);
    }
    let [small, digits, mlp] = &keys;
    competition(&mut table, small, "linear-30-2, 284 x 30", 284, 30, [800_000, 2_500_000, 1_200_000]);
    competition(&mut table, small, "linear-30-2, 532 x 30", 532, 30, [800_000, 5_000_000, 2_000_000]);
    competition(&mut table, small, "linear-30-2, 1064 x 30", 1_064, 30, [800_000, 5_000_000, 3_000_000]);
    competition(&mut table, digits, "linear-64-10, 898 x 64", 898, 64, [800_000, 5_000_000, 4_500_000]);
    competition(&mut table, mlp, "mlp-64-32-10, 898 x 64", 898, 64, [800_000, 5_000_000, 4_500_000]);
    ranking(&mut table);
    token(&mut table);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(GOLDEN, &table.0).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    assert_eq!(golden, table.0, "BLESS=1 rewrites the golden file");
}

/// EIP-170.
#[test]
fn the_code_fits_into_a_contract() {
    for code in [&Verifier::DEPLOYED_BYTECODE, &contracts::bindings::Competitions::DEPLOYED_BYTECODE] {
        assert!((1_000..24_576).contains(&code.len()), "{}", code.len());
    }
}

/// What the estimate admits with Ethereum's limit, and that it can be revealed and scored within it.
#[test]
fn the_largest_test_sets_are_known_and_fit() {
    let mut largest = vec![];
    for class in &CATALOGUE[..4] {
        let (mut stage, key) = Stage::without_proofs(class);
        (stage.terms.key, stage.terms.shape) = (key, shape(class, 1));
        let needed = |stage: &mut Stage, rows| {
            let cost = cost(stage, rows, class.features);
            cost.register.max(cost.load + cost.chunk).to::<u64>() + OUTSIDE_GAS
        };
        let (mut low, mut high) = (1usize, 1 << 20);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if needed(&mut stage, middle) <= contracts::ETHEREUM_GAS_LIMIT {
                low = middle
            } else {
                high = middle
            }
        }
        // And the contract that posts says the same.
        for (rows, good) in [(low, true), (low + 1, false)] {
            stage.terms.shape = shape(class, rows);
            assert_eq!(stage.post().answer.is_ok(), good, "{} {rows}", class.id);
        }
        let (registered, scored) = dearest(&mut stage, key, &shape(class, low));
        assert!(
            registered.max(scored) + OUTSIDE_GAS - 50_000 <= contracts::ETHEREUM_GAS_LIMIT,
            "{registered}, {scored}"
        );
        largest.push((class.id.to_string(), low, low.div_ceil(class.rows)));
    }
    assert_eq!(largest, LARGEST.map(|(name, rows, chunks)| (name.to_owned(), rows, chunks)));
}

/// Class, rows, chunks.
const LARGEST: [(&str, usize, usize); 4] = [
    ("linear-30-2", 53_113, 100),
    ("linear-64-10", 28_555, 19),
    ("mlp-64-32-10", 28_555, 30),
    ("mlp-784-32-10", 335, 1),
];

fn shape(class: &SizeClass, rows: usize) -> contracts::Shape {
    contracts::Shape {
        rows: rows as u32,
        features: class.features as u32,
        classes: class.classes as u32,
        bits: class.feature_bits as u8,
    }
}

/// Gas of registering a random test set of this size whose pieces are stored, and of verifying the first chunk of a score,
/// which does not hold: its pairings are computed all the same.
fn dearest(stage: &mut Stage, key: B256, shape: &contracts::Shape) -> (u64, u64) {
    let mut rng = StdRng::seed_from_u64(3);
    let labels = (0..shape.rows).map(|_| rng.gen_range(0..shape.classes) as u8).collect::<Vec<_>>();
    let values = (0..shape.rows * shape.features).map(|_| rng.gen_range(0..1u16 << shape.bits) as u8);
    let pieces = Pieces::of(&labels.into_iter().chain(values).collect::<Vec<_>>());
    let store = |data: &Bytes| Verifier::storePieceCall { data: data.clone() }.abi_encode().into();
    for piece in pieces.stored.iter().chain([&pieces.tail]) {
        stage.verifier_does(store(piece)).answer.unwrap();
    }
    let hashes = [pieces.hashes(), vec![keccak256(&pieces.tail)]].concat();
    let contracts::Shape { rows, features, classes, bits } = shape.clone();
    let shape = Verifier::Shape { rows, features, classes, bits };
    let call = Verifier::registerTestSetCall { shape, pieces: hashes, tail: Bytes::new() };
    let registered = stage.verifier_does(call.abi_encode().into());
    let test_set = Verifier::registerTestSetCall::abi_decode_returns(&registered.answer.unwrap()).unwrap();
    let zero = B256::ZERO;
    let score = Verifier::Score {
        key,
        testSet: test_set,
        competition: zero,
        competitor: account(2),
        entry: zero,
        commitment: [U256::from(1), U256::from(2)],
    };
    let call = Verifier::verifyScoreCall { score, first: 0, correct: vec![0], proofs: vec![some_proof()] };
    let scored = stage.verifier_does(call.abi_encode().into());
    assert!(matches!(refused_by_verifier(&scored), Verifier::VerifierErrors::ProofInvalid(_)));
    (registered.gas, scored.gas)
}

/// Points of the groups that prove nothing.
fn some_proof() -> [U256; 10] {
    let [xi, xr, yi, yr] = g2_words(&G2Affine::generator());
    let (one, two) = (U256::from(1), U256::from(2));
    [one, two, xi, xr, yi, yr, one, two, one, two]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Of classes and test sets of any size: never below what it is, never far above.
    #[test]
    fn costs_are_a_little_above_what_is_measured(
        hidden in prop_oneof![Just(0usize), 1usize..200],
        features in 1usize..120,
        rows in 1usize..700,
        class_rows in 1usize..700,
        table_bits in 5u32..=16,
        margin_limbs in 2usize..=3,
    ) {
        let family = if hidden == 0 { Family::Linear } else { Family::Mlp { hidden } };
        let class = SizeClass { family, features, rows: class_rows, table_bits, margin_limbs, ..CATALOGUE[0] };
        let (mut stage, key) = Stage::without_proofs(&class);
        (stage.terms.key, stage.terms.shape) = (key, shape(&class, rows));
        let expected = cost(&mut stage, rows, features);
        let (registered, scored) = dearest(&mut stage, key, &shape(&class, rows));
        // 21,000 of a transaction and calldata: a proof's are 11,000 at most, and part of the estimate.
        let (registered, scored) = (registered - 21_000, scored - 21_000);
        let (register, score) = (expected.register.to::<u64>(), (expected.load + expected.chunk).to::<u64>());
        prop_assert!(registered <= register && register <= registered * 2, "register {registered} {register}");
        prop_assert!(scored <= score && score <= scored * 3 / 2, "score {scored} {score}");
    }
}
