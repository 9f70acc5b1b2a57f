//! A plain circuit, without commitments, against snarkjs: another prover's encodings and another verifier than ours agree
//! with the functions that the verifier computes with. snarkjs is only called as a program.

use crate::evm::chain;
use crate::keys::{g1, g2};
use crate::support::{Probe, deploy};
use crate::verifier::words;
use alloy_sol_types::SolCall;
use ark_bn254::{Bn254, Fq, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::PrimeField;
use ark_groth16::{Groth16, Proof, VerifyingKey};
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError, Variable};
use contracts::U256;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Two public inputs, a and the product of a and a hidden b.
#[derive(Clone, Copy)]
struct Product {
    a: u64,
    b: u64,
}

impl ConstraintSynthesizer<Fr> for Product {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let a = cs.new_input_variable(|| Ok(Fr::from(self.a)))?;
        let product = cs.new_input_variable(|| Ok(Fr::from(self.a) * Fr::from(self.b)))?;
        let b = cs.new_witness_variable(|| Ok(Fr::from(self.b)))?;
        let alone = |variable: Variable| move || variable.into();
        cs.enforce_r1cs_constraint(alone(a), alone(b), alone(product))
    }
}

fn decimal(coordinate: Fq) -> String {
    coordinate.into_bigint().to_string()
}

fn json_g1(point: &G1Affine) -> Value {
    let (x, y) = point.xy().unwrap();
    json!([decimal(x), decimal(y), "1"])
}

fn json_g2(point: &G2Affine) -> Value {
    let (x, y) = point.xy().unwrap();
    json!([[decimal(x.c0), decimal(x.c1)], [decimal(y.c0), decimal(y.c1)], ["1", "0"]])
}

fn by_contract(key: &VerifyingKey<Bn254>, proof: &Proof<Bn254>, inputs: &[u64]) -> bool {
    let mut chain = chain(1);
    let probe = deploy(chain.as_mut(), &Probe::BYTECODE);
    let mut fixed = g1(&key.alpha_g1);
    [key.beta_g2, key.gamma_g2, key.delta_g2].iter().for_each(|point| fixed.extend(g2(point)));
    let call = Probe::groth16Call {
        key: words(&fixed),
        ic: key.gamma_abc_g1.iter().map(|point| words(&g1(point))).collect(),
        proof: words(&[g1(&proof.a), g2(&proof.b), g1(&proof.c)].concat()),
        inputs: inputs.iter().map(|input| U256::from(*input)).collect(),
    };
    let answer = chain.view(probe, call.abi_encode().into()).answer.unwrap();
    Probe::groth16Call::abi_decode_returns(&answer).unwrap()
}

fn by_snarkjs(program: &str, folder: &Path, inputs: &[u64]) -> bool {
    let public: Vec<String> = inputs.iter().map(u64::to_string).collect();
    std::fs::write(folder.join("public.json"), json!(public).to_string()).unwrap();
    let arguments = ["groth16", "verify", "key.json", "public.json", "proof.json"];
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("OK!") || said.contains("Invalid proof"), "snarkjs: {said}");
    output.status.success()
}

#[test]
fn a_plain_proof_holds_on_the_chain_where_it_holds_for_its_prover() {
    let (key, proof) = proved(Product { a: 6, b: 7 });
    assert!(by_contract(&key, &proof, &[6, 42]));
    assert!(!by_contract(&key, &proof, &[6, 43]));
    assert!(!by_contract(&key, &proof, &[7, 42]));
}

#[test]
#[ignore = "needs snarkjs: PODIUM_SNARKJS=$PWD/node_modules/.bin/snarkjs cargo test -p contracts snarkjs -- --ignored"]
fn snarkjs_agrees() {
    let program = std::env::var("PODIUM_SNARKJS").expect("PODIUM_SNARKJS has to name the program");
    let (key, proof) = proved(Product { a: 6, b: 7 });
    let folder = std::env::temp_dir().join(format!("podium-snarkjs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let ic: Vec<Value> = key.gamma_abc_g1.iter().map(json_g1).collect();
    let (alpha, beta) = (json_g1(&key.alpha_g1), json_g2(&key.beta_g2));
    let (gamma, delta) = (json_g2(&key.gamma_g2), json_g2(&key.delta_g2));
    let key_json = json!({
        "protocol": "groth16", "curve": "bn128", "nPublic": 2, "IC": ic,
        "vk_alpha_1": alpha, "vk_beta_2": beta, "vk_gamma_2": gamma, "vk_delta_2": delta,
    });
    let (a, b, c) = (json_g1(&proof.a), json_g2(&proof.b), json_g1(&proof.c));
    let proof_json = json!({ "protocol": "groth16", "curve": "bn128", "pi_a": a, "pi_b": b, "pi_c": c });
    std::fs::write(folder.join("key.json"), key_json.to_string()).unwrap();
    std::fs::write(folder.join("proof.json"), proof_json.to_string()).unwrap();
    for inputs in [[6, 42], [6, 43], [7, 42]] {
        let answers = (by_snarkjs(&program, &folder, &inputs), by_contract(&key, &proof, &inputs));
        assert_eq!(answers, (inputs == [6, 42], inputs == [6, 42]), "{inputs:?}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

fn proved(circuit: Product) -> (VerifyingKey<Bn254>, Proof<Bn254>) {
    let mut rng = StdRng::seed_from_u64(4);
    let key = Groth16::<Bn254>::generate_random_parameters_with_reduction(circuit, &mut rng).unwrap();
    let proof = Groth16::<Bn254>::create_random_proof_with_reduction(circuit, &key, &mut rng).unwrap();
    (key.vk, proof)
}
