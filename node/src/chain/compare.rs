//! Whether a competition on a chain and the record of the same competition off chain say the same.

use alloy_primitives::B256;
use api::Difference;
use contracts::{Deployment, Terms};
use protocol::{Author, Competition, TestSetTerms};

/// The digest by which terms name a record: of everything but its prize, which names the terms in turn.
pub fn manifest(record: &Competition, host: &Author) -> Option<B256> {
    record.manifest(host).ok().map(B256::from)
}

/// From what second on nothing is taken any more that was taken until and with this one: records have the last good
/// second, contracts the first bad one.
pub fn until(last: u64) -> u64 {
    last.saturating_add(1)
}

/// All that differs between terms and the record that they name.
pub fn differences(
    at: &Deployment,
    id: B256,
    terms: &Terms,
    record: &Competition,
    host: &Author,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut same = |what: &str, chain: String, record: String, good: bool| {
        if !good {
            found.push(Difference { what: what.to_owned(), chain, record });
        }
    };
    let named = manifest(record, host);
    let told = named.map_or_else(|| "none".into(), |named| named.to_string());
    same("record", terms.manifest.to_string(), told, named == Some(terms.manifest));
    if let Some(prize) = &record.prize {
        let chain = place(at.chain, at.contract.as_slice(), id.as_slice());
        let told = place(prize.chain_id, &prize.contract, &prize.id);
        let good = chain == told;
        same("prize", chain, told, good);
    }
    let keys: Vec<String> = record.size_classes.iter().map(|class| hex::encode(class.key_digest)).collect();
    let key = hex::encode(terms.key);
    let good = keys.contains(&key);
    same("key", key, keys.join(", "), good);
    let mut number = |what: &str, chain: u64, record: u64| {
        same(what, chain.to_string(), record.to_string(), chain == record)
    };
    number("threshold", terms.threshold.into(), record.threshold_bps.into());
    number("features", terms.shape.features.into(), record.task.features.len() as u64);
    number("classes", terms.shape.classes.into(), record.task.classes.len() as u64);
    number("bits of a feature", terms.shape.bits.into(), record.task.feature_bits.into());
    number("end of submitting", terms.submitUntil, until(record.prove_deadline));
    match record.test_set {
        TestSetTerms::Sealed { min_rows, commit_deadline, .. } => {
            number("end of entering", terms.enterUntil, until(commit_deadline));
            let rows = u64::from(terms.shape.rows);
            same("rows", rows.to_string(), format!("at least {min_rows}"), rows >= min_rows);
        }
        TestSetTerms::Open { .. } => {
            same("test set", "sealed".into(), "public from the start".into(), false);
        }
    }
    found
}

fn place(chain: u64, contract: &[u8], id: &[u8]) -> String {
    format!("{} at 0x{} of chain {chain}", hex::encode(id), hex::encode(contract))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;
    use circuits::statement::{Feature, Task};
    use protocol::{AdmittedClass, BlobRef, Caps, ClaimRule, Prize, Seal, TieRule};

    fn record(host: &Author) -> Competition {
        let blob = BlobRef::of(b"a file");
        let feature = |i| Feature { name: format!("f{i}"), offset: 0.0, step: 1.0 };
        Competition {
            title: "t".into(),
            description: String::new(),
            created: 1,
            prove_deadline: 2_999,
            task: Task {
                features: (0..30).map(feature).collect(),
                feature_bits: 8,
                classes: vec!["a".into(), "b".into()],
            },
            test_set: TestSetTerms::Sealed {
                seal: Seal::of(host, &blob, 284, &[1; 32]),
                min_rows: 284,
                commit_deadline: 999,
            },
            training: None,
            size_classes: vec![AdmittedClass {
                class: "linear-30-2".parse().unwrap(),
                key_digest: [2; 32],
                verifying_key: blob,
                proving_key: blob,
            }],
            threshold_bps: 9_500,
            claims: ClaimRule::Exact,
            caps: Caps { entries: 1, withdrawals: 1, submissions: 1 },
            tie_rule: TieRule::SharedRank,
            prize: None,
        }
    }

    #[test]
    fn what_differs_is_named_and_nothing_else() {
        let host = Author::from_public_key(&libp2p::identity::Keypair::generate_ed25519().public()).unwrap();
        let other = Author::from_public_key(&libp2p::identity::Keypair::generate_ed25519().public()).unwrap();
        let at = Deployment { chain: 5, contract: Address::repeat_byte(3) };
        let record = record(&host);
        let terms = Terms { manifest: manifest(&record, &host).unwrap(), ..super::super::tests::terms() };
        let id = contracts::competition_id(&at, &terms);
        let found = |terms: &Terms, record: &Competition, host: &Author| -> Vec<String> {
            differences(&at, id, terms, record, host).into_iter().map(|difference| difference.what).collect()
        };
        assert!(found(&terms, &record, &host).is_empty());
        // The record names the terms, and the terms still name the record.
        let prize = |chain_id| Some(Prize { chain_id, contract: at.contract.into_array(), id: id.0 });
        let named = Competition { prize: prize(5), ..record.clone() };
        assert_eq!(manifest(&named, &host), manifest(&record, &host));
        assert!(found(&terms, &named, &host).is_empty());
        let elsewhere = Competition { prize: prize(6), ..record.clone() };
        assert_eq!(found(&terms, &elsewhere, &host), ["prize"]);
        assert_eq!(found(&terms, &record, &other), ["record"]);
        type Change = fn(&mut Terms);
        let changes: [(&str, Change); 6] = [
            ("key", |terms| terms.key = B256::ZERO),
            ("threshold", |terms| terms.threshold = 1),
            ("end of submitting", |terms| terms.submitUntil += 1),
            ("end of entering", |terms| terms.enterUntil -= 1),
            ("rows", |terms| terms.shape.rows = 283),
            ("features", |terms| terms.shape.features = 29),
        ];
        for (what, change) in changes {
            let mut other = terms.clone();
            change(&mut other);
            assert_eq!(found(&other, &record, &host), [what]);
        }
    }
}
