//! Records of every kind, more of them than are kept; what the rules keep, worked out anew; and invalid ones.

use crate::{
    Author, Body, Caps, Close, Competition, Entry, Kind, Misbehaviour, RecordId, Reveal, Signed, StatementId,
    Submission, Withdrawal, statement_id,
    testing::{
        COMMIT_DEADLINE, CREATED, DEADLINE, by_host, classes, close, competition, enter, entry, host, person,
        reveal, sealed, signed, submission_after, submit, withdrawal,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// A valid record, taken apart.
pub(super) struct Item {
    pub signed: Signed,
    pub kind: Kind,
    pub competition: RecordId,
}

impl Item {
    pub(super) fn id(&self) -> RecordId {
        self.signed.id()
    }
}

/// What is fed to nodes in the properties.
pub(super) struct Pool {
    pub valid: Vec<Item>,
    pub invalid: Vec<Signed>,
}

impl Pool {
    pub(super) fn get(&self, id: RecordId) -> Option<&Item> {
        self.valid.iter().find(|item| item.id() == id)
    }

    fn add(&mut self, record: &Signed) {
        let body = body_of(record);
        let (kind, competition) = (body.kind(), body.competition().unwrap_or(record.id()));
        self.valid.push(Item { signed: record.clone(), kind, competition });
    }
}

fn body_of(record: &Signed) -> Body {
    Body::from_payload(record.payload()).unwrap()
}

const WHO: std::ops::Range<u8> = 2..5;

/// A sealed and an open competition. `beyond`: whether rosters list entries beyond the caps, and what is no entry.
pub(super) fn pool(beyond: bool) -> Pool {
    let mut pool = Pool { valid: Vec::new(), invalid: Vec::new() };
    let open = host(Competition {
        caps: Caps { entries: 2, withdrawals: 0, submissions: 2 },
        ..competition("open")
    });
    pool.add(&open);
    let entries: Vec<_> = WHO.flat_map(|who| entries(&mut pool, open.id(), who, 3)).collect();
    let statements: Vec<_> =
        entries.iter().flat_map(|(who, body, record)| scores(&mut pool, *who, body, record, None)).collect();
    let some: BTreeSet<StatementId> = statements.into_iter().step_by(2).collect();
    pool.add(&by_host(Body::Close(close(open.id(), &some.into_iter().collect::<Vec<_>>()))));

    let caps = Caps { entries: 2, withdrawals: 1, submissions: 2 };
    let hosted = host(Competition { caps, ..sealed("sealed") });
    pool.add(&hosted);
    fill_sealed(&mut pool, hosted.id(), open.id(), beyond);
    invalid_by_host(&mut pool, hosted.id(), open.id());
    pool
}

type Made = (u8, Entry, Signed);

/// A competitor's entries, in the order of the caps; pairs of them claim the same time.
fn entries(pool: &mut Pool, competition: RecordId, who: u8, count: u8) -> Vec<Made> {
    let keys = person(who);
    let make = |model: u8| {
        let class = classes()[usize::from(model % 2)];
        let body = entry(competition, &keys, class, 10 * who + model, CREATED + u64::from(model / 2));
        (who, body.clone(), enter(&keys, body))
    };
    let mut made: Vec<Made> = (0..count).map(make).collect();
    made.sort_by_key(|(_, body, record)| (body.created, record.id()));
    for (_, body, record) in &made {
        pool.add(record);
        let mut forged = body.clone();
        forged.model_proof.0[3] ^= 1;
        forged.created = CREATED - 1;
        pool.invalid.push(enter(&keys, forged));
        pool.invalid.push(enter(&person(who + 100), body.clone()));
        pool.invalid.push(enter(&keys, Entry { created: DEADLINE + 1, ..body.clone() }));
    }
    made
}

/// Submissions of one entry after one reveal: three statements where two are admitted, one of them made twice.
fn scores(
    pool: &mut Pool,
    who: u8,
    body: &Entry,
    record: &Signed,
    after: Option<(RecordId, &Reveal)>,
) -> Vec<StatementId> {
    let keys = person(who);
    let make = |correct: u64, later, randomness| {
        let created = COMMIT_DEADLINE + 10 + later;
        submission_after(after, record, body, &keys, &[correct, 1, 0], created, randomness)
    };
    let first = 30 + u64::from(record.id().as_bytes()[0] % 8);
    let good = [make(first, 3, 0), make(first + 9, 2, 0), make(first + 9, 1, 1), make(first + 5, 2, 0)];
    for one in &good {
        pool.add(&submit(&keys, one.clone()));
    }
    let mut forged = good[0].clone();
    forged.chunks[0].correct += 1;
    let mut long = good[1].clone();
    long.chunks.push(long.chunks[0]);
    let late = Submission { created: DEADLINE + 1, ..good[2].clone() };
    let other_field = Submission {
        reveal: if after.is_some() { None } else { Some(RecordId::new([5; 32])) },
        ..good[3].clone()
    };
    pool.invalid.extend([forged, long, late, other_field].map(|bad| submit(&keys, bad)));
    pool.invalid.push(submit(&person(who + 100), good[0].clone()));
    good.iter().map(|one| statement_id(&record.author(), one)).collect()
}

fn fill_sealed(pool: &mut Pool, id: RecordId, open: RecordId, beyond: bool) {
    let made: Vec<Vec<Made>> = WHO.map(|who| entries(pool, id, who, 5)).collect();
    for own in &made {
        for (at, later) in [(1, 0), (1, 1), (4, 0)] {
            let body = withdrawal(id, own[at].2.id());
            let body = Withdrawal { created: body.created + later, ..body };
            pool.add(&signed(&person(own[0].0), Body::Withdrawal(body)));
            pool.invalid.push(signed(&person(9), Body::Withdrawal(body)));
        }
        let late = Withdrawal { created: COMMIT_DEADLINE + 1, ..withdrawal(id, own[0].2.id()) };
        pool.invalid.push(signed(&person(own[0].0), Body::Withdrawal(late)));
    }
    let listed: [&[usize]; 3] = match beyond {
        false => [&[0, 2], &[0, 1], &[0]],
        true => [&[0, 3], &[0, 1, 2], &[4]],
    };
    let mut reveals = Vec::new();
    let mut statements = Vec::new();
    for (listed, later) in listed.into_iter().zip([0, 1, 1]) {
        let on = made.iter().flat_map(|own| listed.iter().map(|at| &own[*at]));
        let mut roster: Vec<RecordId> = on.clone().map(|one| one.2.id()).collect();
        if beyond {
            roster.extend([open, RecordId::new([5; 32])]);
        }
        let body = Reveal { created: COMMIT_DEADLINE + 1 + later, ..reveal(id, &roster) };
        let record = by_host(Body::Reveal(body.clone()));
        pool.add(&record);
        for (who, entry, entered) in on {
            statements.extend(scores(pool, *who, entry, entered, Some((record.id(), &body))));
        }
        // One that is not on this roster.
        let (who, entry, entered) = &made[0][if beyond && later == 1 { 3 } else { 4 }];
        if !body.lists(entered.id()) {
            let after = Some((record.id(), &body));
            let bad = submission_after(after, entered, entry, &person(*who), &[9, 0, 0], DEADLINE, 0);
            pool.invalid.push(submit(&person(*who), bad));
        }
        reveals.push(record);
    }
    let bad = Reveal { salt: [0; 32], ..reveal(id, &[made[0][0].2.id()]) };
    let bad = by_host(Body::Reveal(bad));
    let closes: Vec<Signed> = [0, 0, 1]
        .into_iter()
        .zip([2, 3, 5])
        .map(|(later, every)| {
            let some: Vec<_> = statements.iter().step_by(every).copied().collect();
            let some: BTreeSet<_> = some.into_iter().chain([StatementId::new([5; 32])]).collect();
            let body = close(id, &some.into_iter().collect::<Vec<_>>());
            by_host(Body::Close(Close { created: body.created + later, ..body }))
        })
        .collect();
    closes.iter().for_each(|record| pool.add(record));
    let pairs = [(7, &reveals[0], &reveals[1]), (8, &reveals[0], &reveals[2]), (7, &reveals[2], &reveals[1])];
    // A reveal that does not open the seal is none; that the host has signed it shows all the same.
    let pairs = pairs.into_iter().chain([
        (7, &reveals[0], &bad),
        (7, &closes[2], &closes[1]),
        (8, &closes[0], &closes[1]),
    ]);
    for (who, a, b) in pairs {
        pool.add(&signed(&person(who), Body::Misbehaviour(Misbehaviour::of(id, a, b))));
    }
    pool.invalid.push(bad);
}

fn invalid_by_host(pool: &mut Pool, id: RecordId, open: RecordId) {
    let some = [RecordId::new([5; 32])];
    let good = reveal(id, &some);
    let early = Reveal { created: COMMIT_DEADLINE, ..good.clone() };
    let late = Reveal { created: DEADLINE + 1, ..good.clone() };
    let rows = Reveal { rows: good.rows - 1, ..good.clone() };
    let in_open = reveal(open, &some);
    pool.invalid.extend([early, late, rows, in_open].map(|body| by_host(Body::Reveal(body))));
    pool.invalid.push(signed(&person(2), Body::Reveal(good.clone())));
    for competition in [id, open] {
        let body = close(competition, &[]);
        pool.invalid.push(by_host(Body::Close(Close { created: DEADLINE, ..body.clone() })));
        pool.invalid.push(signed(&person(2), Body::Close(body.clone())));
        // Two of somebody who is not the host.
        let two = [0, 1].map(|later| {
            signed(&person(2), Body::Close(Close { created: body.created + later, ..body.clone() }))
        });
        pool.invalid
            .push(signed(&person(7), Body::Misbehaviour(Misbehaviour::of(competition, &two[0], &two[1]))));
    }
    // No pairs at all, and noise.
    let one = by_host(Body::Close(close(id, &[])));
    let raw = |body: Body| Signed::seal(&person(7), body.to_payload().unwrap()).unwrap();
    pool.invalid.push(raw(Body::Misbehaviour(Misbehaviour::of(id, &one, &one))));
    pool.invalid.push(raw(Body::Reveal(Reveal { roster: Vec::new(), ..good })));
    pool.invalid.push(Signed::seal(&person(7), vec![crate::VERSION, 0xa0]).unwrap());
    pool.invalid.push(Signed::seal(&person(7), vec![crate::VERSION + 1]).unwrap());
}

/// The ids that the rules keep of these records, invalid ones aside: see the module `set`.
pub(super) fn model(pool: &Pool, records: &[&Signed]) -> BTreeSet<RecordId> {
    let mut valid: BTreeMap<RecordId, (Author, Body)> = BTreeMap::new();
    for record in records {
        let Some(item) = pool.get(record.id()) else { continue };
        let body = body_of(&item.signed);
        if let Body::Misbehaviour(about) = &body {
            for half in about.open().unwrap().records.iter().filter(|half| pool.get(half.id()).is_some()) {
                valid.insert(half.id(), (half.author(), body_of(half)));
            }
        }
        valid.insert(item.id(), (item.signed.author(), body));
    }
    let mut kept = BTreeSet::new();
    for (id, (_, body)) in &valid {
        if let Body::Competition(rules) = body {
            kept.insert(*id);
            kept.extend(model_of(*id, rules, &valid));
        }
    }
    kept
}

fn model_of(
    competition: RecordId,
    rules: &Competition,
    valid: &BTreeMap<RecordId, (Author, Body)>,
) -> Vec<RecordId> {
    let here = || valid.iter().filter(|(_, (_, body))| body.competition() == Some(competition));
    let mut kept = Vec::new();
    let (mut reveals, mut closes, mut accusations) = (Vec::new(), Vec::new(), BTreeMap::new());
    let mut entries: BTreeMap<Author, Vec<(u64, RecordId)>> = BTreeMap::new();
    for (id, (author, body)) in here() {
        match body {
            Body::Reveal(body) => reveals.push((body.created, *id, body)),
            Body::Close(body) => closes.push((body.created, *id)),
            Body::Entry(body) => entries.entry(*author).or_default().push((body.created, *id)),
            Body::Misbehaviour(body) => drop(accusations.entry(body.open().unwrap().kind).or_insert(*id)),
            _ => {}
        }
    }
    reveals.sort_by_key(|(created, id, _)| (*created, *id));
    reveals.truncate(2);
    closes.sort_unstable();
    kept.extend(accusations.into_values());
    kept.extend(closes.into_iter().take(2).map(|(_, id)| id));
    kept.extend(reveals.iter().map(|(_, id, _)| *id));
    let most = (rules.caps.entries + rules.caps.withdrawals) as usize;
    for mut own in entries.into_values() {
        own.sort_unstable();
        for (at, (_, entry)) in own.into_iter().enumerate() {
            let listed = reveals.iter().any(|(_, _, reveal)| reveal.roster.contains(&entry));
            if at >= most && !listed {
                continue;
            }
            kept.push(entry);
            let withdrawals = here().filter_map(|(id, (_, body))| match body {
                Body::Withdrawal(body) if body.entry == entry => Some((body.created, *id)),
                _ => None,
            });
            kept.extend(withdrawals.min().map(|(_, id)| id));
            let reveals = reveals.iter().map(|(_, id, _)| Some(*id)).chain([None]);
            kept.extend(reveals.flat_map(|reveal| first_submissions(rules, entry, reveal, valid)));
        }
    }
    kept
}

fn first_submissions(
    rules: &Competition,
    entry: RecordId,
    reveal: Option<RecordId>,
    valid: &BTreeMap<RecordId, (Author, Body)>,
) -> Vec<RecordId> {
    let mut first: BTreeMap<StatementId, (u64, RecordId)> = BTreeMap::new();
    for (id, (by, body)) in valid {
        let Body::Submission(body) = body else { continue };
        if body.entry == entry && body.reveal == reveal {
            let place = first.entry(statement_id(by, body)).or_insert((body.created, *id));
            *place = (*place).min((body.created, *id));
        }
    }
    let mut places: Vec<_> = first.into_values().collect();
    places.sort_unstable();
    places.into_iter().take(rules.caps.submissions as usize).map(|(_, id)| id).collect()
}
