//! Envelopes, payloads and pairs: what a record is by itself.

use super::{decoders::message, input::Input, tree};
use libp2p_core::SignedEnvelope;
use protocol::{
    Body, DOMAIN, Kind, Misbehaviour, PAYLOAD_TYPE, RecordId, Signed, VERSION, Verdict, WellFormed,
    limits::{MAX_MISBEHAVIOUR_BYTES, MAX_RECORD_BYTES},
    sign,
    testing::{
        COMMIT_DEADLINE, DEADLINE, classes, close, competition, enter, entry, host, person, reveal, sealed,
        submission, withdrawal,
    },
};
use serde_bytes::ByteBuf;
use std::sync::LazyLock;

/// Envelopes: the bytes as they are, and a signature that holds around what the bytes choose.
pub fn envelope(data: &[u8]) {
    opened(data);
    let mut input = Input::new(data);
    let who = person(1 + input.byte() % 4);
    let domain = if input.rarely(4) { "another-domain" } else { DOMAIN };
    let length = input.below(80);
    let payload_type = if input.rarely(4) { input.take(length) } else { PAYLOAD_TYPE };
    let (change, at) = (input.byte(), input.below(1 << 12));
    let payload = input.rest().to_vec();
    let made = SignedEnvelope::new(&who, domain.to_owned(), payload_type.to_vec(), payload.clone()).unwrap();
    let mut bytes = made.into_protobuf_encoding();
    match opened(&bytes) {
        Some(signed) => {
            assert_eq!((domain, payload_type), (DOMAIN, PAYLOAD_TYPE));
            assert_eq!(
                (signed.payload(), signed.author().peer_id()),
                (&payload[..], who.public().to_peer_id())
            );
            assert_eq!(Signed::seal(&who, payload).as_ref(), Ok(&signed));
        }
        None => assert_ne!((domain, payload_type), (DOMAIN, PAYLOAD_TYPE)),
    }
    // Whatever is changed, it is no record any more.
    let at = at % bytes.len();
    match change % 4 {
        0 => bytes[at] ^= change / 4 + 1,
        1 => bytes.insert(at, change),
        2 => drop(bytes.remove(at)),
        _ => bytes.truncate(at),
    }
    assert!(opened(&bytes).is_none());
}

fn opened(bytes: &[u8]) -> Option<Signed> {
    match Signed::open(bytes) {
        Ok(signed) => {
            assert!(bytes.len() <= MAX_RECORD_BYTES);
            assert_eq!((&signed.bytes()[..], signed.id()), (bytes, RecordId::of(bytes)));
            Some(signed)
        }
        Err(error) => {
            assert_eq!(error.verdict(), Verdict::Reject);
            message(&error);
            None
        }
    }
}

/// Payloads: what is read encodes to the same bytes, and the record around it, signed here, agrees.
pub fn payload(data: &[u8]) {
    let read = Body::from_payload(data);
    match &read {
        Ok(body) => {
            assert_eq!(body.to_payload().as_deref(), Ok(data));
            assert_eq!(body.validate(), Ok(()));
            assert_eq!(body.competition().is_none(), body.kind() == Kind::Competition);
        }
        Err(error) => {
            assert_ne!(error.verdict(), Verdict::Accept);
            message(error);
        }
    }
    let signed = match Signed::seal(&person(1), data.to_vec()) {
        Ok(signed) => signed,
        Err(error) => {
            assert!(read.is_err() && data.len() > MAX_MISBEHAVIOUR_BYTES);
            return message(&error);
        }
    };
    match (read, WellFormed::parse(&signed)) {
        (Ok(body), Ok(record)) => {
            assert_eq!(
                (record.id(), record.author(), record.kind()),
                (signed.id(), signed.author(), body.kind())
            );
            assert_eq!(record.competition(), body.competition().unwrap_or(signed.id()));
            assert_eq!(sign(&person(1), &body).as_ref(), Ok(&signed));
        }
        (Ok(Body::Misbehaviour(pair)), Err(error)) => {
            assert_eq!(pair.open().err().map(protocol::FormError::Pair).as_ref(), Some(&error));
            message(&error);
        }
        (read, parsed) => assert_eq!(read.err(), parsed.err()),
    }
}

/// One body of every kind, in order, and a second competition.
pub static BODIES: LazyLock<Vec<Body>> = LazyLock::new(|| {
    let (open, sealed) = (competition("open"), sealed("sealed"));
    let hosted = host(open.clone());
    let entered = entry(hosted.id(), &person(2), classes()[0], 5, open.created);
    let signed = enter(&person(2), entered.clone());
    let submitted = submission(&signed, &entered, &person(2), &[4, 5, 1], open.created, 0);
    let closes = [DEADLINE + 1, DEADLINE + 2].map(|created| {
        let body = protocol::Close { created, ..close(hosted.id(), &[]) };
        sign(&person(1), &Body::Close(body)).unwrap()
    });
    vec![
        Body::Competition(Box::new(open)),
        Body::Competition(Box::new(sealed)),
        Body::Entry(Box::new(entered)),
        Body::Withdrawal(withdrawal(hosted.id(), signed.id())),
        Body::Reveal(reveal(hosted.id(), &[signed.id(), hosted.id()])),
        Body::Submission(submitted),
        Body::Close(close(
            hosted.id(),
            &[protocol::StatementId::new([1; 32]), protocol::StatementId::new([2; 32])],
        )),
        Body::Misbehaviour(Misbehaviour::of(hosted.id(), &closes[0], &closes[1])),
    ]
});

/// A body in order whose fields are changed: as [`payload`], for what byte changes seldom reach.
pub fn fields(data: &[u8]) {
    let mut input = Input::new(data);
    let body = input.pick(&BODIES);
    if let Some(changed) = changed_payload(&body, &mut input) {
        payload(&changed);
    }
}

/// The canonical payload of a body after some changes of its fields; none if it cannot be encoded.
pub fn changed_payload(body: &Body, input: &mut Input<'_>) -> Option<Vec<u8>> {
    let mut tree = serde_ipld_dagcbor::from_slice(body.to_payload().ok()?.get(1..)?).ok()?;
    for _ in 0..=input.below(4) {
        tree::change(&mut tree, input);
    }
    let mut payload = vec![VERSION];
    payload.extend(serde_ipld_dagcbor::to_vec(&tree).ok()?);
    Some(payload)
}

/// Pairs of records, which accuse exactly if they contradict each other.
pub fn pair(data: &[u8]) {
    let mut input = Input::new(data);
    let about = [RecordId::new([1; 32]), RecordId::new([2; 32])];
    let [a, b] = [half(&mut input, &about), half(&mut input, &about)];
    let (competition, turned) = (input.pick(&about), input.rarely(2));
    let (first, second) = if turned { (b, a) } else { (a, b) };
    let made = Misbehaviour { competition, first: ByteBuf::from(first), second: ByteBuf::from(second) };
    let opened = made.open();
    assert_eq!(opened.is_ok(), contradicts(&made), "{opened:?}");
    match opened {
        Ok(pair) => {
            assert_eq!(
                [&pair.records[0].bytes()[..], &pair.records[1].bytes()[..]],
                [&made.first[..], &made.second[..]]
            );
            let again = Misbehaviour::of(competition, &pair.records[1], &pair.records[0]);
            assert_eq!(again, made);
        }
        Err(error) => message(&error),
    }
    payload(&Body::Misbehaviour(made).to_payload().unwrap());
}

/// A record that may be one half: of any author, competition and kind, perhaps damaged.
fn half(input: &mut Input<'_>, about: &[RecordId]) -> Vec<u8> {
    let (competition, who) = (input.pick(about), person(1 + input.byte() % 2));
    let later = u64::from(input.byte());
    let body = match input.below(6) {
        0 | 1 => Body::Reveal(protocol::Reveal {
            created: COMMIT_DEADLINE + later,
            ..reveal(competition, &[RecordId::new([9; 32])])
        }),
        2 | 3 => Body::Close(protocol::Close { created: DEADLINE + later, ..close(competition, &[]) }),
        4 => Body::Withdrawal(withdrawal(competition, RecordId::new([9; 32]))),
        _ => BODIES[0].clone(),
    };
    let mut bytes = sign(&who, &body).unwrap().bytes().to_vec();
    if input.rarely(8) {
        let at = input.below(1 << 10) % bytes.len();
        bytes[at] ^= input.byte();
    }
    if input.rarely(16) {
        bytes = input.take(64).to_vec();
    }
    bytes
}

/// The rule in other words.
fn contradicts(made: &Misbehaviour) -> bool {
    let read = |bytes: &[u8]| {
        let signed = Signed::open(bytes).ok()?;
        let record = WellFormed::parse(&signed).ok()?;
        let once = matches!(record.kind(), Kind::Reveal | Kind::Close);
        (once && record.competition() == made.competition).then_some((
            record.kind(),
            record.author(),
            record.id(),
        ))
    };
    let (Some(first), Some(second)) = (read(&made.first), read(&made.second)) else { return false };
    first.0 == second.0 && first.1 == second.1 && first.2 < second.2
}
