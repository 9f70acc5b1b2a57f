//! What verification costs, and its parts. Not a test: `cargo test --release -p circuits --lib cost -- --ignored
//! --nocapture` prints medians, of an idle machine if they are to mean anything.

use super::simulator::Simulator;
use super::support::task;
use crate::groth16::internal::{Instance, verify_all};
use crate::model::{Bounds, CATALOGUE, SizeClass};
use crate::statement::{Challenges, Chunk, PublicInputs, TestSet};
use ark_bn254::{Bn254, Fr};
use ark_ec::pairing::Pairing;
use ark_ff::UniformRand;
use rand::{Rng, SeedableRng, rngs::StdRng};
use rayon::prelude::*;
use std::hint::black_box;
use std::time::Instant;

fn class(name: &str) -> &'static SizeClass {
    CATALOGUE.iter().find(|class| class.id.as_str() == name).unwrap()
}

/// Median of the milliseconds.
fn milliseconds<T>(runs: usize, mut work: impl FnMut() -> T) -> f64 {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}

#[test]
#[ignore = "measures: cargo test --release -p circuits --lib cost -- --ignored --nocapture"]
fn verification() {
    for name in ["linear-30-2", "mlp-64-32-10", "mlp-784-32-10"] {
        let class = class(name);
        let mut simulator = Simulator::new(class, 1);
        let instances: Vec<_> = (0..100).map(|_| Ok(simulator.any())).collect();
        let vk = &simulator.vk;
        let one: &Instance = instances[0].as_ref().unwrap();
        let table = milliseconds(1, || vk.input_sum(one.public[0], &one.public));
        let inputs = milliseconds(50, || vk.input_sum(one.public[0], &one.public));
        let (a, b) = (one.proof.a, one.proof.b);
        let miller = milliseconds(50, || Bn254::multi_miller_loop([a; 4], [b; 4]));
        let pair = Bn254::multi_miller_loop([a], [b]);
        let power = milliseconds(50, || Bn254::final_exponentiation(pair));
        let bounds = Bounds::of(class).unwrap();
        let ch = Challenges { x: one.public[0], y: one.public[1], rho: one.public[2] };
        let coefficients = milliseconds(50, || PublicInputs::model(class, &bounds, ch));
        println!(
            "{name}: table once {table:.1} ms; IC {inputs:.2}, 4 Miller loops {miller:.2}, final exponentiation {power:.2}, \
             inputs without features {coefficients:.2} ms"
        );
        let single = milliseconds(50, || one.verify(vk).unwrap());
        let both = milliseconds(3, || {
            assert!(instances.par_iter().all(|i| i.as_ref().unwrap().verify(vk).is_ok()));
        });
        let batch = milliseconds(9, || {
            assert!(verify_all(vk, &instances, &[1; 32]).iter().all(Result::is_ok));
        });
        println!(
            "{name}: one {single:.3} ms, of 100 side by side {:.3} ms, of a batch of 100 {:.3} ms: {:.1} and {:.1} times",
            both / 100.0,
            batch / 100.0,
            single / (batch / 100.0),
            both / batch,
        );
    }
}

#[test]
#[ignore = "measures: cargo test --release -p circuits --lib cost -- --ignored --nocapture"]
fn fingerprints() {
    let class = class("mlp-784-32-10");
    let mut rng = StdRng::seed_from_u64(1);
    let rows = 10_000;
    let x = (0..rows * class.features).map(|_| rng.gen_range(0..=class.x_max())).collect();
    let set = TestSet::new(task(class), x, vec![0; rows]).unwrap();
    let bounds = Bounds::of(class).unwrap();
    let ch = Challenges { x: Fr::from(1u64), y: Fr::from(2u64), rho: Fr::rand(&mut rng) };
    let all = milliseconds(9, || {
        let of = |chunk: &Chunk| PublicInputs::score(class, &bounds, ch, &set, chunk, 0);
        Chunk::all(rows, class).iter().map(of).collect::<Vec<_>>()
    });
    println!("public inputs of 10,000 rows of 784 features: {all:.1} ms");
}
