//! What whole transactions cost: a golden file (`BLESS=1` rewrites it), and the most that each may cost.

use crate::evm::{Chain, account, chain};
use crate::support::{ENTER_UNTIL, HOST, Play, SUBMIT_UNTIL, Stage, generate, model, reached, test_set_of};
use alloy_sol_types::SolCall;
use circuits::groth16::ProvingKey;
use circuits::model::CATALOGUE;
use contracts::bindings::Verifier::{self, scoreCostCall};
use contracts::{Address, ChainKey};
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
    stage.chain.set_time(ENTER_UNTIL);
    let pieces = stage.sealed.pieces.calls();
    for (i, piece) in pieces.iter().enumerate() {
        let gas = stage.to_verifier(piece.clone()).gas;
        table.line(&format!("{name}: piece {} of the test set", i + 1), gas, None);
    }
    let revealed = stage.reveal();
    revealed.answer.unwrap();
    table.line(&format!("{name}: reveal"), revealed.gas, Some(most[1]));
    let chunks = stage.prove(key, &opening, who, &reached(&model, &set));
    let submitted = stage.submit(who, &opening.commitment(), &chunks);
    submitted.answer.unwrap();
    table.line(&format!("{name}: submit"), submitted.gas, Some(most[2]));
    let estimate = estimate(&mut stage, rows, features);
    assert!(submitted.gas <= estimate, "the estimate is too low: {estimate}, {}", submitted.gas);
    assert!(estimate <= submitted.gas * 3 / 2, "the estimate is too high: {estimate}, {}", submitted.gas);
    stage.chain.set_time(SUBMIT_UNTIL);
    table.line(&format!("{name}: finalise"), stage.finalise().gas, None);
    table.line(&format!("{name}: release"), stage.release(who, &opening.commitment()).gas, None);
    let claimed = stage.send(who, 0, contracts::claim(Address::ZERO, who));
    claimed.answer.unwrap();
    table.line(&format!("{name}: claim"), claimed.gas, Some(60_000));
}

/// What a post counts with.
fn estimate(stage: &mut Stage, rows: usize, features: usize) -> u64 {
    let contracts::Shape { classes, bits, .. } = stage.terms.shape.clone();
    let shape = Verifier::Shape { rows: rows as u32, features: features as u32, classes, bits };
    let call = scoreCostCall { key: stage.terms.key, shape };
    let answer = stage.to_verifier(call.abi_encode().into()).answer.unwrap();
    scoreCostCall::abi_decode_returns(&answer).unwrap().gas_.to::<u64>() + 150_000
}

/// The dearest bookkeeping: a sixteenth place, taken from the last by a new entry that becomes the first.
fn ranking(table: &mut Table) {
    let mut play = Play::with(|t| (t.winners, t.threshold) = (16, 0));
    play.revealed(17);
    for who in 2..18 {
        play.submit(who, 1, 10).answer.unwrap();
    }
    let submitted = play.submit(18, 1, 90);
    submitted.answer.unwrap();
    table.line("no proof: submit that moves 16 places", submitted.gas, Some(150_000));
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
    play.chain.set_time(ENTER_UNTIL);
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
    let code = contracts::deploy_competitions(deployed.created.unwrap(), contracts::ETHEREUM_GAS_LIMIT);
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
        assert!((1_000..=24_576).contains(&code.len()), "{}", code.len());
    }
}

/// What the estimate admits and refuses with Ethereum's limit.
#[test]
fn the_largest_test_sets_are_known() {
    let keys = [0, 1, 2].map(|class| generate(&CATALOGUE[class]));
    let mut largest = vec![];
    for key in &keys {
        let class = key.class();
        let model = model(class, 1);
        let mut stage = Stage::on(chain(1), key, &test_set_of(&model, 2, class.features, class.classes, 2));
        let fits =
            |stage: &mut Stage, rows| estimate(stage, rows, class.features) <= contracts::ETHEREUM_GAS_LIMIT;
        let (mut low, mut high) = (1usize, 1 << 20);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if fits(&mut stage, middle) { low = middle } else { high = middle }
        }
        // And the contract that posts says the same.
        for (rows, good) in [(low, true), (low + 1, false)] {
            stage.terms.shape.rows = rows as u32;
            assert_eq!(stage.post().answer.is_ok(), good, "{} {rows}", class.id);
        }
        largest.push((class.id.to_string(), low));
    }
    assert_eq!(largest, LARGEST.map(|(name, rows)| (name.to_owned(), rows)));
}

const LARGEST: [(&str, usize); 3] =
    [("linear-30-2", 6_335), ("linear-64-10", 4_687), ("mlp-64-32-10", 4_830)];
