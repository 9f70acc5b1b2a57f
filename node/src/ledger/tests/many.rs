//! How much memory and time many records take.

use super::*;
use crate::store::SledStore;
use libp2p::identity::Keypair;
use std::process::Command;
use std::time::Instant;

const FOLDER: &str = "PODIUM_TEST_MANY";

fn kilobytes(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

/// Entries of so many competitors in one competition, each with its proof.
fn entries(scene: &Scene, home: &Home, number: u32) -> Vec<Signed> {
    let contest = Contest::parse(scene.competition.bytes()).unwrap();
    let model = read_onnx(samples::BREAST_CANCER_LOGISTIC_ONNX).unwrap();
    let class: ClassId = "linear-30-2".parse().unwrap();
    let key = keys::find(home, class, None).unwrap().unwrap();
    let key = keys::load(&key.path, key.blob.id).unwrap();
    let options = CsvOptions::new(samples::BREAST_CANCER_LABEL, samples::BREAST_CANCER_FEATURE_BITS);
    let set = import_csv(samples::BREAST_CANCER_TEST_CSV, None, &options).unwrap();
    let scored = Scored::new(&contest, &model, class, &set).unwrap();
    let enter = |n: u32| {
        let identity = Identity { keypair: Keypair::generate_ed25519(), secret: [7; 32] };
        let (contest, identity) = (&contest, &identity);
        let entrant = Entrant { home, identity, contest, key: &key, progress: &|_, _| {} };
        let opening = entrant.commit(&scored.model).unwrap();
        entrant.enter(&opening, &format!("Competitor {n}"), None).unwrap().entry
    };
    (0..number).map(enter).collect()
}

#[test]
#[ignore = "minutes of proving: cargo test -p node --release many -- --ignored --nocapture"]
fn ten_thousand_records_take_little_memory_and_time() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return open(&folder);
    }
    let number: u32 = std::env::var("PODIUM_TEST_RECORDS").map_or(10_000, |n| n.parse().unwrap());
    let scene = Scene::new(false);
    let home = Home::new(Some(scene._dir.path().to_owned()), None).unwrap();
    let start = Instant::now();
    let mut all = vec![scene.competition.clone()];
    all.extend(entries(&scene, &home, number - 1));
    println!("{number} records made in {:.1} s", start.elapsed().as_secs_f64());
    let stored = |signed: &Signed| StoredRecord {
        id: *signed.id().as_bytes(),
        competition: *scene.competition.id().as_bytes(),
        first_seen: now(),
        verify_us: 0,
        in_outbox: false,
        bytes: signed.bytes().to_vec(),
    };
    let records: Vec<StoredRecord> = all.iter().map(stored).collect();
    let bytes: usize = records.iter().map(|record| record.bytes.len()).sum();
    let store = SledStore::open(&home.store()).unwrap();
    let start = Instant::now();
    for page in records.chunks(64) {
        store.put(page).unwrap();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{bytes} bytes of envelopes written in {seconds:.1} s, 64 at once, each batch flushed");
    drop(store);
    // In a process of its own: this one has made the proofs.
    let name = "ledger::tests::many::ten_thousand_records_take_little_memory_and_time";
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(FOLDER, home.dir())
        .env("PODIUM_TEST_RECORDS", number.to_string())
        .status()
        .unwrap();
    assert!(child.success());
}

fn open(folder: &str) {
    let number: usize = std::env::var("PODIUM_TEST_RECORDS").unwrap().parse().unwrap();
    let home = Home::new(Some(folder.into()), None).unwrap();
    let before = kilobytes("VmRSS:");
    let start = Instant::now();
    let ledger = Ledger::open(&home, "nobody".into(), &|_, _| {}).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(ledger.len(), number);
    let (after, peak) = (kilobytes("VmRSS:"), kilobytes("VmHWM:"));
    println!(
        "{number} records: opened and every proof verified in {seconds:.1} s; {before} kB of memory before, {after} kB \
         after, {peak} kB at most"
    );
    assert!(peak < 150_000, "{peak} kB");
}
