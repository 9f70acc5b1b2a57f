//! Golden shapes: constraint counts and matrix hashes, so that a change of the circuit shows in the diff.
#![allow(missing_docs)]

use circuits::SizeClass;
use circuits::groth16::shape;
use circuits::model::{CATALOGUE, Family};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shapes.json");

/// `BLESS=1 cargo test -p circuits --test shape` rewrites the golden file.
#[test]
fn shapes_are_golden() {
    let shapes: std::collections::BTreeMap<_, _> =
        CATALOGUE.iter().map(|class| (class.id.to_string(), shape(class).unwrap())).collect();
    let now = serde_json::to_string_pretty(&shapes).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(GOLDEN, &now).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap();
    assert_eq!(golden, now, "the circuit changed: look at the difference, then bless it");
}

#[test]
fn every_class_holds_as_many_rows_as_its_domain() {
    for class in &CATALOGUE {
        let fits = |class: &SizeClass| shape(class).unwrap().domain;
        let more = SizeClass { rows: class.rows + 1, ..*class };
        assert!(fits(class) < fits(&more), "{} could hold {} rows", class.id, more.rows);
    }
}

#[test]
fn classes_keep_their_promised_sizes() {
    let promised = [
        ("linear-30-2", Family::Linear, 284, 8_192),
        ("linear-64-10", Family::Linear, 898, 65_536),
        ("mlp-64-32-10", Family::Mlp { hidden: 32 }, 898, 131_072),
        ("mlp-784-32-10", Family::Mlp { hidden: 32 }, 1_000, 262_144),
    ];
    for (class, (name, family, rows, domain)) in CATALOGUE.iter().zip(promised) {
        assert_eq!((class.id.as_str(), class.family), (name, family));
        assert!(class.rows >= rows);
        assert_eq!(shape(class).unwrap().domain, domain);
        assert_eq!(circuits::groth16::domain(class), Ok(domain));
    }
}
