//! Dishonest hosts.

use super::{
    people::{contest_of, reveal_of},
    rogues::{Role, shout},
    truth::Fact,
    world::{Contest, World, times},
};
use crate::{
    BlobRef, Body, Close, Competition, Misbehaviour, RecordId, Reveal, Signed, StatementId, statement_id,
    testing::{CREATED, author, classes, entry, key_bytes, person},
};
use rand::{Rng, seq::SliceRandom};
use std::{collections::BTreeSet, sync::Arc};

const HOSTS: [(Role, bool); 6] = [
    (Role::TwoFacedHost, true),
    (Role::ClosingHost, false),
    (Role::DroppingHost, true),
    (Role::ForeignHost, true),
    (Role::SaltHost, true),
    (Role::ToyKeyHost, false),
];

/// Their competitions, which look like others.
pub(super) fn settle_in(world: &mut World) {
    for (role, sealed) in HOSTS {
        let Some(who) = world.rogues.iter().position(|rogue| rogue.role == role) else { continue };
        let key = world.rogues[who].key;
        let mut body = contest_of(role.name(), key, sealed);
        if role == Role::ToyKeyHost {
            toy_keys(world, &mut body);
        }
        let record = world.invent(role.name(), key, Body::Competition(Box::new(body)), (false, true));
        world.contests.push(Contest { id: record.id(), host: key, sealed });
        world.rogues[who].own.push(record.id());
    }
}

/// One key that is none, and one of another class.
fn toy_keys(world: &mut World, body: &mut Competition) {
    let none: Vec<u8> = b"no key at all".to_vec();
    body.size_classes[0].verifying_key = BlobRef::of(&none);
    body.size_classes[1].verifying_key = BlobRef::of(&key_bytes(classes()[0]));
    world.blobs.insert(BlobRef::of(&none).id, none.into());
}

pub(super) fn act(world: &mut World, who: usize) {
    let Some(contest) = contest_at(world, who) else { return };
    if world.rogues[who].step < 20
        && let Some(bytes) = world.truth.fact(contest.id).map(|fact| Arc::clone(&fact.bytes))
    {
        shout(world, who, &bytes);
    }
    match world.rogues[who].role {
        Role::TwoFacedHost => reveal_thrice(world, who, contest),
        Role::ClosingHost => close_twice(world, who, contest),
        Role::DroppingHost => leave_out(world, who, contest),
        Role::ForeignHost => list_strangers(world, who, contest),
        Role::SaltHost => reveal_wrongly(world, who, contest),
        _ => {}
    }
}

fn contest_at(world: &World, who: usize) -> Option<Contest> {
    let id = world.rogues[who].own.first()?;
    world.contests.iter().find(|contest| contest.id == *id).copied()
}

/// The steps of a host after a time come one at a time.
fn due(world: &World, who: usize, place: usize, after: super::network::Ms) -> bool {
    world.now > after && world.rogues[who].own.len() == place
}

fn invent(world: &mut World, who: usize, body: Body, valid: bool) -> Signed {
    let (name, key) = (world.rogues[who].role.name(), world.rogues[who].key);
    let record = world.invent(name, key, body, (false, valid));
    if valid {
        world.rogues[who].own.push(record.id());
    }
    record
}

/// All entries of a competition that were really made in time, without those that were withdrawn. A host who lets in
/// others has leaked his own test set, which no protocol notices.
fn entries(world: &World, contest: RecordId) -> Vec<RecordId> {
    let withdrawn: BTreeSet<RecordId> = world
        .truth
        .facts()
        .filter_map(|(_, fact)| match &fact.body {
            Some(Body::Withdrawal(body)) => Some(body.entry),
            _ => None,
        })
        .collect();
    let of = world.truth.public_where(|fact| {
        fact.valid
            && fact.made < times::COMMIT
            && matches!(&fact.body, Some(Body::Entry(body)) if body.competition == contest)
    });
    let mut ids: Vec<RecordId> = of.into_iter().filter(|id| !withdrawn.contains(id)).collect();
    ids.sort_unstable();
    ids
}

/// What all valid submissions of a competition state.
fn statements(world: &World, contest: RecordId) -> Vec<StatementId> {
    let mut statements: Vec<StatementId> = world
        .truth
        .facts()
        .filter_map(|(_, fact)| match &fact.body {
            Some(Body::Submission(body)) if body.competition == contest && fact.valid => {
                Some(statement_id(&fact.author, body))
            }
            _ => None,
        })
        .collect();
    statements.sort_unstable();
    statements.dedup();
    statements
}

/// To the peers with even or with odd numbers.
fn show_half(world: &mut World, who: usize, record: &Signed, half: usize) {
    let ix = world.rogues[who].ix;
    for peer in world.rogues[who].peers.clone().into_iter().filter(|peer| peer % 2 == half) {
        world.send(ix, peer, super::network::Message::Gossip(Arc::clone(record.bytes())));
    }
}

/// Two rosters for two halves of the network, and later a third that claims to be the earliest.
fn reveal_thrice(world: &mut World, who: usize, contest: Contest) {
    let all = entries(world, contest.id);
    let first = CREATED + times::COMMIT / 1000 + 1;
    if due(world, who, 1, times::COMMIT + 4_000) && all.len() > 1 {
        let (without_first, without_last) = (all[1..].to_vec(), all[..all.len() - 1].to_vec());
        for (half, roster, created) in [(0, without_first, first + 2), (1, without_last, first + 3)] {
            let record = invent(world, who, Body::Reveal(reveal_of(contest.id, roster, created)), true);
            show_half(world, who, &record, half);
        }
    } else if due(world, who, 3, times::COMMIT + 40_000) {
        let record = invent(world, who, Body::Reveal(reveal_of(contest.id, all, first)), true);
        shout(world, who, record.bytes());
    }
}

fn close_twice(world: &mut World, who: usize, contest: Contest) {
    let created = CREATED + times::PROVE / 1000 + 1;
    let mut submissions = statements(world, contest.id);
    if due(world, who, 1, times::PROVE + 3_000) {
        let all = Close { competition: contest.id, submissions: submissions.clone(), created };
        submissions.pop();
        // One that nobody knows.
        submissions.push(StatementId::new([0xff; 32]));
        let other = Close { competition: contest.id, submissions, created: created + 1 };
        for (half, close) in [(0, all), (1, other)] {
            let record = invent(world, who, Body::Close(close), true);
            show_half(world, who, &record, half);
        }
    } else if world.rogues[who].step.is_multiple_of(10) {
        // Before anybody could have been there in time.
        let close = Close { competition: contest.id, submissions, created: created - 30 };
        let record = invent(world, who, Body::Close(close), false);
        shout(world, who, record.bytes());
    }
}

fn leave_out(world: &mut World, who: usize, contest: Contest) {
    if due(world, who, 1, times::COMMIT + 4_000) {
        let mut roster = entries(world, contest.id);
        if roster.len() < 2 {
            return;
        }
        roster.remove(0);
        let created = CREATED + times::COMMIT / 1000 + 1;
        let record = invent(world, who, Body::Reveal(reveal_of(contest.id, roster, created)), true);
        shout(world, who, record.bytes());
    } else if due(world, who, 2, times::PROVE + 3_000) {
        let mut submissions = statements(world, contest.id);
        submissions.pop();
        let created = CREATED + times::PROVE / 1000 + 1;
        let record =
            invent(world, who, Body::Close(Close { competition: contest.id, submissions, created }), true);
        shout(world, who, record.bytes());
    }
}

/// A roster with an entry of another competition, a record that is no entry, and one that does not exist: nobody can
/// be sure that he would know them, so the reveal is kept, and they count for nothing.
fn list_strangers(world: &mut World, who: usize, contest: Contest) {
    if !due(world, who, 1, times::COMMIT + 4_000) {
        return;
    }
    let mut roster = entries(world, contest.id);
    let others: Vec<RecordId> = world.contests.iter().map(|contest| contest.id).collect();
    let elsewhere: Vec<RecordId> = others.iter().flat_map(|other| entries(world, *other)).collect();
    // Half of the hosts list what every node knows, too.
    if world.rng.gen_bool(0.5) {
        roster.extend(elsewhere.choose_multiple(&mut world.rng, 3));
        roster.push(others[0]);
    }
    // One half knows it and not the reveal, the other half the reveal and not it.
    let fresh = fresh_elsewhere(world, who);
    roster.extend(fresh.as_ref().map(Signed::id));
    roster.push(RecordId::new(world.rng.r#gen()));
    roster.sort_unstable();
    roster.dedup();
    let created = CREATED + times::COMMIT / 1000 + 1;
    let record = invent(world, who, Body::Reveal(reveal_of(contest.id, roster, created)), true);
    show_half(world, who, &record, 0);
    if let Some(fresh) = fresh {
        show_half(world, who, &fresh, 1);
    }
}

/// Two reveals that nobody keeps are misbehaviour all the same: the accusation is kept, what is in it is not.
fn accuse_oneself(world: &mut World, who: usize, contest: Contest, second: &Signed) {
    let key = world.rogues[who].key;
    let first = world.truth.public_where(|fact| {
        fact.author == author(&person(key))
            && matches!(&fact.body, Some(Body::Reveal(body)) if body.competition == contest.id)
    });
    let first = first.first().and_then(|id| world.truth.fact(*id)).and_then(Fact::signed);
    if let Some(first) = first.filter(|first| first.id() != second.id() && world.rogues[who].own.len() < 3) {
        let pair = Misbehaviour::of(contest.id, &first, second);
        if pair.open().is_ok() {
            let record = invent(world, who, Body::Misbehaviour(pair), true);
            shout(world, who, record.bytes());
        }
    }
}

/// An entry in an open competition that nobody has seen yet.
fn fresh_elsewhere(world: &mut World, who: usize) -> Option<Signed> {
    let (key, created) = (world.rogues[who].key, world.seconds());
    let open = world.contests.iter().find(|contest| !contest.sealed)?.id;
    let model = world.truth.new_model(key, 100)?;
    let body = entry(open, &person(key), classes()[0], model, created);
    Some(invent(world, who, Body::Entry(Box::new(body)), true))
}

/// None of these opens a seal in order.
fn reveal_wrongly(world: &mut World, who: usize, contest: Contest) {
    let created = CREATED + times::COMMIT / 1000 + 1;
    let roster = entries(world, contest.id);
    if roster.is_empty() {
        return;
    }
    let right = reveal_of(contest.id, roster.clone(), created);
    let others: Vec<Contest> = world.contests.clone();
    let other = others[world.rng.gen_range(0..others.len())];
    let wrong = match world.rogues[who].step % 5 {
        0 => Reveal { salt: world.rng.r#gen(), ..right },
        1 => Reveal { rows: right.rows - 1, ..right },
        2 => Reveal { created: created - 20, ..right },
        3 => Reveal { test_set: BlobRef::of(b"another test set"), ..right },
        _ => Reveal { competition: other.id, ..right },
    };
    if wrong.competition == contest.id && wrong == reveal_of(contest.id, roster, created) {
        return;
    }
    if wrong.competition == contest.id || other.host != world.rogues[who].key {
        let record = invent(world, who, Body::Reveal(wrong), false);
        shout(world, who, record.bytes());
        accuse_oneself(world, who, contest, &record);
    }
}
