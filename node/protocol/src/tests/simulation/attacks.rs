//! Dishonest competitors and floods.

use super::{
    network::Message,
    rogues::{shout, whisper},
    world::{Contest, World, times},
};
use crate::{
    Body, CommitmentBytes, Entry, ProofBytes, RecordId, Reveal, Signed, Submission, VERSION,
    limits::MAX_RECORD_BYTES,
    testing::{CREATED, classes, entry, person, rows, submission_after},
};
use circuits::model::CATALOGUE;
use rand::{Rng, RngCore, seq::SliceRandom};
use std::sync::Arc;

fn contest(world: &mut World, sealed: bool) -> Option<Contest> {
    let some: Vec<Contest> = world.contests.iter().filter(|c| c.sealed == sealed).copied().collect();
    some.choose(&mut world.rng).copied()
}

fn invent(world: &mut World, who: usize, body: Body, valid: bool) -> Signed {
    let (name, key) = (world.rogues[who].role.name(), world.rogues[who].key);
    world.invent(name, key, body, (false, valid))
}

fn put_out(world: &mut World, who: usize, body: Body, valid: bool) -> RecordId {
    let record = invent(world, who, body, valid);
    shout(world, who, record.bytes());
    record.id()
}

/// An entry in order with a model of this quality, and remembers it.
fn enter(world: &mut World, who: usize, contest: Contest, permille: u64, created: u64) -> Option<RecordId> {
    let key = world.rogues[who].key;
    let model = world.truth.new_model(key, permille)?;
    let body = entry(contest.id, &person(key), classes()[0], model, created);
    let id = put_out(world, who, Body::Entry(Box::new(body)), true);
    world.rogues[who].own.push(id);
    Some(id)
}

fn entry_of(world: &World, id: RecordId) -> Option<(Signed, Entry)> {
    let fact = world.truth.fact(id)?;
    match &fact.body {
        Some(Body::Entry(body)) => Some((fact.signed()?, (**body).clone())),
        _ => None,
    }
}

fn first_reveal(world: &World, contest: RecordId) -> Option<(RecordId, Reveal)> {
    world.truth.reveals(contest).next().map(|(id, body)| (id, body.clone()))
}

fn all_rows() -> Vec<u64> {
    let chunk = CATALOGUE[0].rows as u64;
    vec![chunk, chunk, rows() as u64 - 2 * chunk]
}

/// A perfect model, made when the test set was known, with a time before the deadline. As an entry it is in order; but
/// no roster has it.
pub(super) fn memorise(world: &mut World, who: usize) {
    let revealed: Vec<(Contest, RecordId, Reveal)> = world
        .contests
        .iter()
        .filter_map(|contest| first_reveal(world, contest.id).map(|(id, body)| (*contest, id, body)))
        .collect();
    let Some((contest, reveal, body)) = revealed.choose(&mut world.rng).cloned() else { return };
    let key = world.rogues[who].key;
    let early = CREATED + 1 + u64::from(world.rogues[who].step % 40);
    if world.rogues[who].own.len() < 8 {
        enter(world, who, contest, 1000, early);
    }
    for id in world.rogues[who].own.clone() {
        let Some((record, entered)) = entry_of(world, id).filter(|(_, e)| e.competition == contest.id) else {
            continue;
        };
        let about = Some((reveal, &body));
        let perfect =
            submission_after(about, &record, &entered, &person(key), &all_rows(), early, world.now as u8);
        put_out(world, who, Body::Submission(perfect.clone()), false);
        put_out(world, who, Body::Submission(Submission { reveal: None, ..perfect }), false);
    }
}

/// Enters a poor model in time, and has proofs of a good one.
pub(super) fn swap(world: &mut World, who: usize) {
    if world.now < times::COMMIT - 10_000 && world.rogues[who].own.len() < 6 {
        let created = world.seconds();
        let sealed = world.rng.gen_bool(0.7);
        if let Some(contest) = contest(world, sealed) {
            enter(world, who, contest, 200, created);
        }
        return;
    }
    let Some(id) = world.rogues[who].own.choose(&mut world.rng).copied() else { return };
    let (Some((record, entered)), key) = (entry_of(world, id), world.rogues[who].key) else { return };
    let reveal = first_reveal(world, entered.competition).filter(|(_, body)| body.lists(id));
    let swapped = Entry { commitment: CommitmentBytes([255; 32]), ..entered };
    let about = reveal.as_ref().map(|(id, body)| (*id, body));
    let created = world.seconds().min(CREATED + times::PROVE / 1000);
    let body = submission_after(about, &record, &swapped, &person(key), &all_rows(), created, 0);
    put_out(world, who, Body::Submission(body), false);
}

/// Somebody's submission: as it is, with other free bytes, and under an entry of its own.
pub(super) fn copy_proofs(world: &mut World, who: usize) {
    let honest =
        world.truth.public_where(|fact| fact.honest && matches!(fact.body, Some(Body::Submission(_))));
    let Some(id) = honest.choose(&mut world.rng).copied() else { return };
    let Some(Body::Submission(mut body)) = world.truth.fact(id).and_then(|fact| fact.body.clone()) else {
        return;
    };
    let randomness: u8 = world.rng.r#gen();
    for chunk in &mut body.chunks {
        chunk.proof.0[32..].fill(randomness);
    }
    put_out(world, who, Body::Submission(body.clone()), false);
    let Some(contest) = world.contests.iter().find(|c| c.id == body.competition).copied() else { return };
    let deadline = if contest.sealed { times::COMMIT } else { times::PROVE };
    let created = world.seconds().min(CREATED + deadline / 1000);
    if let Some(own) = own_entry(world, who, contest, created) {
        put_out(world, who, Body::Submission(Submission { entry: own, ..body }), false);
    }
}

/// The rogue's entry in a competition, made if it is not there.
fn own_entry(world: &mut World, who: usize, contest: Contest, created: u64) -> Option<RecordId> {
    let mut own = world.rogues[who].own.iter().copied();
    let here = own.find(|id| entry_of(world, *id).is_some_and(|(_, body)| body.competition == contest.id));
    match here {
        Some(id) => Some(id),
        None => enter(world, who, contest, 100, created),
    }
}

/// Somebody's commitment under its own name: with that one's proof, shifted, and with other free bytes.
pub(super) fn copy_commitments(world: &mut World, who: usize) {
    let honest = world.truth.public_where(|fact| fact.honest && matches!(fact.body, Some(Body::Entry(_))));
    let Some(id) = honest.choose(&mut world.rng).copied() else { return };
    let Some((_, mut body)) = entry_of(world, id) else { return };
    match world.rogues[who].step % 3 {
        0 => {}
        1 => body.commitment.0[31] ^= 1,
        _ => body.model_proof.0[32..].fill(world.rng.r#gen()),
    }
    body.display_name = "mine".to_owned();
    put_out(world, who, Body::Entry(Box::new(body)), false);
}

/// Each record is in order; together they are too many. Later ones claim earlier times, and so displace its own.
pub(super) fn grind(world: &mut World, who: usize) {
    let (key, step) = (world.rogues[who].key, u64::from(world.rogues[who].step));
    if world.rogues[who].own.is_empty() {
        for sealed in [false, true] {
            if let Some(contest) = contest(world, sealed) {
                enter(world, who, contest, 700, CREATED + 5);
            }
        }
        return;
    }
    for id in world.rogues[who].own.clone() {
        let Some((record, entered)) = entry_of(world, id) else { continue };
        if step < 40 {
            let (display_name, created) = (format!("lucky {step}"), CREATED + 49 - step);
            let body = Entry { display_name, created, ..entered.clone() };
            let record = invent(world, who, Body::Entry(Box::new(body)), true);
            shout(world, who, record.bytes());
        }
        let reveal = first_reveal(world, entered.competition);
        let sealed = world.contests.iter().any(|c| c.id == entered.competition && c.sealed);
        let listed = reveal.as_ref().is_some_and(|(_, body)| body.lists(id));
        if sealed && !listed || step > 60 {
            continue;
        }
        let model = entered.commitment.0[0];
        let mut claims = world.truth.hits(model, entered.class);
        claims[0] = claims[0].saturating_sub(step);
        let about = reveal.as_ref().map(|(id, body)| (*id, body)).filter(|_| sealed);
        let created = CREATED + 120 - step;
        let body = submission_after(about, &record, &entered, &person(key), &claims, created, step as u8);
        let record = invent(world, who, Body::Submission(body), true);
        shout(world, who, record.bytes());
    }
}

/// Everything that the competition's record says otherwise.
pub(super) fn claim(world: &mut World, who: usize) {
    let (key, step) = (world.rogues[who].key, world.rogues[who].step);
    let Some(contest) = world.contests.iter().find(|contest| !contest.sealed).copied() else { return };
    let created = CREATED + 3;
    let Some(id) = own_entry(world, who, contest, created) else { return };
    let Some((record, entered)) = entry_of(world, id) else { return };
    let honest = submission_after(None, &record, &entered, &person(key), &[1, 1, 0], created, step as u8);
    let other = world.contests.iter().find(|other| other.id != contest.id).map_or(id, |other| other.id);
    let body = match step % 9 {
        // A class that is not admitted, and a proof for another class's key.
        0 => Body::Entry(Box::new(Entry { class: CATALOGUE[2].id, ..entered })),
        1 => Body::Entry(Box::new(Entry { class: classes()[1], ..entered })),
        2 => Body::Entry(Box::new(Entry { created: CREATED + times::PROVE / 1000 + 1, ..entered })),
        3 => Body::Submission(Submission { created: CREATED + times::PROVE / 1000 + 1, ..honest }),
        // With the other competition's own reveal, if it has one: else that is what is wrong with it.
        4 => {
            let reveal = first_reveal(world, other).map(|(id, _)| id);
            Body::Submission(Submission { competition: other, reveal, ..honest })
        }
        5 => Body::Submission(Submission { reveal: Some(other), ..honest }),
        6 => Body::Submission(Submission { chunks: honest.chunks[..2].to_vec(), ..honest }),
        7 => {
            let mut body = honest;
            body.chunks[0].correct = CATALOGUE[0].rows as u64 + 1;
            Body::Submission(body)
        }
        _ => {
            // One row more than the proof shows.
            let mut body = honest;
            body.chunks[1].correct += 1;
            Body::Submission(body)
        }
    };
    put_out(world, who, body, false);
}

/// Another entry, and another submission, for every peer.
pub(super) fn equivocate(world: &mut World, who: usize) {
    let (key, step) = (world.rogues[who].key, world.rogues[who].step);
    let Some(contest) = contest(world, false) else { return };
    let Some(id) = own_entry(world, who, contest, CREATED + 2) else { return };
    let Some((record, entered)) = entry_of(world, id) else { return };
    if step > 25 {
        return;
    }
    for peer in world.rogues[who].peers.clone() {
        let body = if step.is_multiple_of(2) {
            let display_name = format!("face {peer}");
            Body::Entry(Box::new(Entry { display_name, created: CREATED + 4, ..entered.clone() }))
        } else {
            let mut claims = world.truth.hits(entered.commitment.0[0], entered.class);
            claims[0] = claims[0].saturating_sub(peer as u64);
            let created = CREATED + 10;
            let body = submission_after(None, &record, &entered, &person(key), &claims, created, step as u8);
            Body::Submission(body)
        };
        let record = invent(world, who, body, true);
        world.send(world.rogues[who].ix, peer, Message::Gossip(Arc::clone(record.bytes())));
    }
}

/// Noise, too much of it, nesting without end, and records with a flipped bit or a missing end.
pub(super) fn garbage(world: &mut World, who: usize) {
    let key = person(world.rogues[who].key);
    let nested = [vec![VERSION], vec![0x81; 50_000]].concat();
    let mut noise = vec![0; 300];
    world.rng.fill_bytes(&mut noise);
    let mut things: Vec<Vec<u8>> = vec![noise, vec![0x0a; MAX_RECORD_BYTES + 1]];
    things.extend(Signed::seal(&key, nested).map(|record| record.bytes().to_vec()));
    if let Some(fact) = world.truth.public.choose(&mut world.rng).and_then(|id| world.truth.fact(*id)) {
        let (mut flipped, at) = (fact.bytes.to_vec(), world.rng.gen_range(0..fact.bytes.len()));
        flipped[at] ^= 1;
        things.extend([flipped, fact.bytes[..at].to_vec()]);
    }
    for bytes in things {
        world.truth.garbage.insert(RecordId::of(&bytes), world.rogues[who].role.name());
        whisper(world, who, &bytes.into());
    }
}

/// Records in perfect form, but for their proofs.
pub(super) fn invalid_proofs(world: &mut World, who: usize) {
    let key = world.rogues[who].key;
    for number in 0..6u8 {
        let sealed = world.rng.gen_bool(0.5);
        let Some(contest) = contest(world, sealed) else { return };
        let mut body = entry(contest.id, &person(key), classes()[0], number, CREATED + 1);
        let mut proof = [0; 160];
        world.rng.fill_bytes(&mut proof);
        body.model_proof = ProofBytes(proof);
        let record = invent(world, who, Body::Entry(Box::new(body)), false);
        whisper(world, who, record.bytes());
    }
}

/// Records that wait for what will never come.
pub(super) fn orphans(world: &mut World, who: usize) {
    let key = world.rogues[who].key;
    for number in 0..12u8 {
        let nowhere = RecordId::new(world.rng.r#gen());
        let entered = entry(nowhere, &person(key), classes()[0], number, CREATED + 1);
        let record = invent(world, who, Body::Entry(Box::new(entered.clone())), false);
        whisper(world, who, record.bytes());
        if number % 4 == 0 {
            let body = submission_after(None, &record, &entered, &person(key), &[1, 1, 1], CREATED + 1, 0);
            let record = invent(world, who, Body::Submission(body), false);
            whisper(world, who, record.bytes());
        }
    }
}

/// More of them at once than an inbox holds.
pub(super) fn replay(world: &mut World, who: usize) {
    let Some(peer) = world.rogues[who].peers.choose(&mut world.rng).copied() else { return };
    let old = world.truth.public_where(|fact| fact.valid);
    for _ in 0..120 {
        let id = old.choose(&mut world.rng).and_then(|id| world.truth.fact(*id));
        if let Some(bytes) = id.map(|fact| Arc::clone(&fact.bytes)) {
            world.send(world.rogues[who].ix, peer, Message::Gossip(bytes));
        }
    }
}
