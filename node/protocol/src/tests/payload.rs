//! Payloads: taken apart and put together wrongly, field by field.

use crate::{
    BlobRef, Body, ClaimRule, FormError, Misbehaviour, Prize, Reveal, RuleError, Signed, StatementId,
    Submission, VERSION, Verdict, WellFormed,
    limits::{MAX_CHUNKS, MAX_MISBEHAVIOUR_BYTES, MAX_PAYLOAD_BYTES, MAX_RECORD_BYTES, MAX_ROWS},
    sign,
    testing::{
        by_host, classes, close, competition, enter, entry, host, person, reveal, sealed, submission, submit,
        withdrawal,
    },
};
use circuits::ClassId;
use ipld_core::ipld::Ipld;
use std::collections::BTreeMap;

fn samples() -> Vec<Body> {
    let mut rules = competition("digits");
    rules.training = Some(BlobRef::of(b"training"));
    rules.prize = Some(Prize { chain_id: 1, contract: [2; 20], id: [3; 32] });
    let hosted = host(rules.clone());
    let entered = entry(hosted.id(), &person(2), classes()[0], 5, rules.created);
    let signed = enter(&person(2), entered.clone());
    let submitted = submission(&signed, &entered, &person(2), &[1, 2, 0], rules.created, 0);
    let mut secret = sealed("digits");
    secret.claims = ClaimRule::Levels(vec![5000, 8000]);
    let id = host(secret.clone()).id();
    let shown = reveal(id, &[signed.id(), hosted.id()]);
    let record = by_host(Body::Reveal(shown.clone()));
    let closed = close(id, &[StatementId::new([4; 32]), StatementId::new([5; 32])]);
    let again = by_host(Body::Reveal(Reveal { created: shown.created + 1, ..shown.clone() }));
    vec![
        Body::Competition(Box::new(rules)),
        Body::Entry(Box::new(entered)),
        Body::Submission(Submission { reveal: Some(record.id()), ..submitted.clone() }),
        Body::Submission(submitted),
        Body::Competition(Box::new(secret)),
        Body::Withdrawal(withdrawal(id, signed.id())),
        Body::Reveal(shown),
        Body::Close(closed),
        Body::Misbehaviour(Misbehaviour::of(id, &record, &again)),
    ]
}

fn generic(body: &Body) -> Ipld {
    serde_ipld_dagcbor::from_slice(&body.to_payload().unwrap()[1..]).unwrap()
}

fn payload(value: &Ipld) -> Vec<u8> {
    [vec![VERSION], serde_ipld_dagcbor::to_vec(value).unwrap()].concat()
}

fn rejected(payload: &[u8]) -> FormError {
    let error = Body::from_payload(payload).unwrap_err();
    assert_eq!(error.verdict(), Verdict::Reject, "{error}");
    error
}

fn ignored(payload: &[u8]) -> FormError {
    let error = Body::from_payload(payload).unwrap_err();
    assert_eq!(error.verdict(), Verdict::Ignore, "{error}");
    error
}

/// Calls `visit` with the whole value, one place in it changed by every change that `change` offers there.
fn everywhere(
    value: &Ipld,
    change: &dyn Fn(&Ipld) -> Vec<Ipld>,
    visit: &mut dyn FnMut(Ipld, &str),
    path: &str,
) {
    for changed in change(value) {
        visit(changed, path);
    }
    match value {
        Ipld::Map(map) => {
            for (name, inner) in map {
                let mut put_back = |inner: Ipld, path: &str| {
                    let mut whole = map.clone();
                    whole.insert(name.clone(), inner);
                    visit(Ipld::Map(whole), path);
                };
                everywhere(inner, change, &mut put_back, &format!("{path}.{name}"));
            }
        }
        Ipld::List(list) => {
            for (at, inner) in list.iter().enumerate() {
                let mut put_back = |inner: Ipld, path: &str| {
                    let mut whole = list.clone();
                    whole[at] = inner;
                    visit(Ipld::List(whole), path);
                };
                everywhere(inner, change, &mut put_back, &format!("{path}[{at}]"));
            }
        }
        _ => {}
    }
}

fn reject_everywhere(change: &dyn Fn(&Ipld) -> Vec<Ipld>) -> usize {
    let mut count = 0;
    for body in samples() {
        let mut visit = |changed: Ipld, path: &str| {
            count += 1;
            let result = Body::from_payload(&payload(&changed));
            match &result {
                // These say something else, and are in order.
                Ok(Body::Submission(other)) if path == ".submission.reveal" && other.reveal.is_none() => {
                    return;
                }
                Ok(Body::Close(other)) if other.submissions.is_empty() => return,
                // Seen only when the pair is opened.
                Ok(Body::Misbehaviour(other)) if other.open().is_err() => return,
                _ => {}
            }
            assert!(result.is_err(), "accepted although {path} was changed: {changed:?}");
        };
        everywhere(&generic(&body), change, &mut visit, "");
    }
    count
}

#[test]
fn payloads_round_trip() {
    for body in samples() {
        let bytes = body.to_payload().unwrap();
        assert_eq!(Body::from_payload(&bytes).unwrap(), body);
        let signed = sign(&person(2), &body).unwrap();
        let parsed = WellFormed::parse(&Signed::open(signed.bytes()).unwrap()).unwrap();
        assert_eq!((parsed.id(), parsed.kind()), (signed.id(), body.kind()));
        assert_eq!(payload(&generic(&body)), bytes, "generic DAG-CBOR writes the same bytes");
    }
}

#[test]
fn a_missing_field_is_refused() {
    let change = |value: &Ipld| match value {
        Ipld::Map(map) => map
            .keys()
            .map(|name| {
                Ipld::Map(
                    map.iter().filter(|(k, _)| *k != name).map(|(k, v)| (k.clone(), v.clone())).collect(),
                )
            })
            .collect(),
        _ => Vec::new(),
    };
    assert!(reject_everywhere(&change) > 40);
}

#[test]
fn an_unknown_field_is_refused() {
    let change = |value: &Ipld| match value {
        Ipld::Map(map) => {
            let mut more: BTreeMap<String, Ipld> = map.clone();
            more.insert("extra".to_owned(), Ipld::Null);
            vec![Ipld::Map(more)]
        }
        _ => Vec::new(),
    };
    assert!(reject_everywhere(&change) > 10);
}

#[test]
fn a_value_of_another_type_is_refused() {
    let change = |value: &Ipld| match value {
        Ipld::Integer(_) => vec![Ipld::String("1".into()), Ipld::Float(1.0), Ipld::Null, Ipld::Integer(-1)],
        Ipld::Float(_) => vec![Ipld::Integer(0), Ipld::Null],
        Ipld::String(text) => vec![Ipld::Bytes(text.clone().into_bytes()), Ipld::Null, Ipld::Integer(0)],
        Ipld::Bytes(bytes) => {
            let list = bytes.iter().map(|byte| Ipld::Integer(i128::from(*byte))).collect();
            let (shorter, longer) = (bytes[1..].to_vec(), [&bytes[..], &[0]].concat());
            vec![Ipld::List(list), Ipld::Bytes(shorter), Ipld::Bytes(longer), Ipld::Null]
        }
        Ipld::List(_) => vec![Ipld::Map(BTreeMap::new()), Ipld::List(Vec::new()), Ipld::Null],
        Ipld::Map(_) => vec![Ipld::List(Vec::new()), Ipld::Bool(true)],
        Ipld::Null | Ipld::Bool(_) | Ipld::Link(_) => Vec::new(),
    };
    assert!(reject_everywhere(&change) > 100);
}

#[test]
fn versions_and_kinds_of_later_software_are_ignored() {
    let good = samples()[0].to_payload().unwrap();
    for version in [0, VERSION + 1, 255] {
        let mut other = good.clone();
        other[0] = version;
        assert_eq!(ignored(&other), FormError::UnknownVersion { got: version });
        assert_eq!(ignored(&[version, 0xff, 0xff]), FormError::UnknownVersion { got: version });
    }
    for kind in ["prediction", "audit", "competitions", ""] {
        let other = Ipld::Map(BTreeMap::from([(kind.to_owned(), Ipld::Map(BTreeMap::new()))]));
        assert_eq!(ignored(&payload(&other)), FormError::UnknownKind { got: kind.to_owned() });
    }
}

#[test]
fn size_classes_of_later_software_are_ignored() {
    for body in &samples()[..2] {
        let rename = |value: &Ipld| match value {
            Ipld::String(text) if text.parse::<ClassId>().is_ok() => {
                vec![Ipld::String("cnn-9000".to_owned())]
            }
            _ => Vec::new(),
        };
        let mut count = 0;
        let mut visit = |changed: Ipld, _: &str| {
            count += 1;
            assert!(
                matches!(ignored(&payload(&changed)), FormError::UnknownClass(class) if class.got == "cnn-9000")
            );
        };
        everywhere(&generic(body), &rename, &mut visit, "");
        assert!(count > 0);
    }
}

#[test]
fn payloads_that_are_no_records_are_rejected() {
    assert_eq!(rejected(b""), FormError::Empty);
    let body = generic(&samples()[1]);
    let Ipld::Map(map) = &body else { panic!("a map") };
    let mut two = map.clone();
    two.insert("submission".to_owned(), Ipld::Map(BTreeMap::new()));
    let none = Ipld::Map(BTreeMap::new());
    for value in
        [none, Ipld::Map(two), Ipld::List(vec![body.clone()]), Ipld::Null, Ipld::String("entry".into())]
    {
        assert!(matches!(rejected(&payload(&value)), FormError::Malformed(_)), "{value:?}");
    }
    for noise in [&[0xff][..], &[0xa1], &[0xbf, 0xff], &[0x18], &[0xf9, 0, 0], &[0xd8, 42, 0x41, 0]] {
        rejected(&[&[VERSION], noise].concat());
    }
}

#[test]
fn trailing_and_cut_bytes_are_rejected() {
    for body in samples() {
        let good = body.to_payload().unwrap();
        rejected(&[&good[..], &[0]].concat());
        rejected(&[&good[..], &good[1..]].concat());
        for cut in 1..good.len() {
            rejected(&good[..cut]);
        }
    }
}

#[test]
fn encodings_that_are_not_the_shortest_are_rejected() {
    for body in samples() {
        let good = body.to_payload().unwrap();
        // The outer map's head written with one byte more, then an indefinite map.
        assert_eq!(good[1], 0xa1);
        rejected(&[&good[..1], &[0xb8, 1], &good[2..]].concat());
        rejected(&[&good[..1], &[0xbf], &good[2..], &[0xff]].concat());
    }
    // A number that has a shorter form: chain id 1.
    let good = samples()[0].to_payload().unwrap();
    let name = b"chain_id";
    let at = good.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    assert_eq!(good[at], 1);
    rejected(&[&good[..at], &[0x18, 1], &good[at + 1..]].concat());
    // A 64-bit float as a 32-bit one: the step of a feature.
    let step = [&[0xfb][..], &0.25f64.to_be_bytes()].concat();
    let at = good.windows(step.len()).position(|window| window == step).unwrap();
    rejected(&[&good[..at], &[0xfa], &0.25f32.to_be_bytes(), &good[at + step.len()..]].concat());
    for odd in [f64::NAN, f64::INFINITY, -0.0] {
        rejected(&[&good[..at + 1], &odd.to_be_bytes(), &good[at + step.len()..]].concat());
    }
}

#[test]
fn duplicate_and_unsorted_keys_are_rejected() {
    let chunk = |keys: [&str; 3]| {
        let mut bytes = vec![0xa0 + keys.len() as u8];
        for key in keys {
            bytes.push(0x60 + key.len() as u8);
            bytes.extend(key.as_bytes());
            bytes.push(0);
        }
        bytes
    };
    for keys in [["entry", "entry", "entry"], ["created", "entry", "chunks"]] {
        let inner = chunk(keys);
        let outer = [&[VERSION, 0xa1, 0x6a][..], b"submission", &inner].concat();
        rejected(&outer);
    }
}

#[test]
fn deep_nesting_and_huge_claimed_lengths_are_rejected_without_harm() {
    for head in [0x81u8, 0xa1, 0xc6, 0x9f] {
        rejected(&[vec![VERSION], vec![head; MAX_RECORD_BYTES - 1]].concat());
        let deep = [&[VERSION, 0xa1, 0x65][..], b"entry", &vec![head; 200_000]].concat();
        rejected(&deep);
        let unknown = [&[VERSION, 0xa1, 0x65][..], b"other", &vec![head; 200_000]].concat();
        rejected(&unknown);
    }
    let nested_maps: Vec<u8> = std::iter::repeat_n([0xa1, 0x61, b'a'], 60_000).flatten().collect();
    rejected(&[&[VERSION][..], &nested_maps].concat());
    // A list, a text and bytes that claim 2^40 elements.
    for head in [0x9b, 0x7b, 0x5b, 0xbb] {
        let huge = [&[head][..], &(1u64 << 40).to_be_bytes()].concat();
        rejected(&[&[VERSION], &huge[..]].concat());
        rejected(&[&[VERSION, 0xa1, 0x65][..], b"entry", &huge].concat());
    }
}

#[test]
fn the_longest_submission_fits_into_a_record() {
    let Body::Submission(mut body) = samples().remove(2) else { panic!("a submission") };
    let mut chunk = body.chunks[0];
    chunk.correct = MAX_ROWS as u64;
    body.chunks = vec![chunk; MAX_CHUNKS];
    let record = submit(&person(2), body.clone());
    assert!(record.bytes().len() <= MAX_RECORD_BYTES);
    body.chunks.push(chunk);
    let error = rejected(&Body::Submission(body).to_payload().unwrap());
    assert!(matches!(error, FormError::Rule(RuleError::Range { what: "chunks", .. })));
}

#[test]
fn one_byte_beyond_the_longest_payload_is_not_even_decoded() {
    let long = |kind: &str, len: usize| {
        // A map with one kind in it, and in that a long string of bytes.
        let name = u8::try_from(kind.len()).unwrap();
        let mut payload = [&[VERSION, 0xa1, 0x60 + name][..], kind.as_bytes(), &[0x5a]].concat();
        let rest = u32::try_from(len - payload.len() - 4).unwrap();
        payload.extend(rest.to_be_bytes());
        payload.resize(len, 0);
        Body::from_payload(&payload)
    };
    for (kind, most) in [("entry", MAX_PAYLOAD_BYTES), ("misbehaviour", MAX_MISBEHAVIOUR_BYTES)] {
        assert!(!matches!(long(kind, most), Err(FormError::TooLong { .. })), "{kind}");
        let Err(FormError::TooLong { expected, got, .. }) = long(kind, most + 1) else { panic!("{kind}") };
        assert_eq!((expected, got), (most, most + 1));
    }
}
