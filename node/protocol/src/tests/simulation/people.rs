//! Honest people: hosts and competitors. Each hands in records at one node, again and again until that node has
//! acknowledged them.

use super::{
    invariants::Failure,
    network::{Event, Ix, Ms},
    world::{Contest, World, times},
};
use crate::{
    BlobRef, Body, Caps, Close, Competition, Entry, Kind, Misbehaviour, RecordId, Reveal, Seal, Signed,
    Submission, TestSetTerms, Withdrawal,
    testing::{
        CREATED, SALT, author, classes, competition, entry, key_bytes, person, rows, submission_after,
        test_set_bytes,
    },
};
use rand::{Rng, seq::SliceRandom};
use std::{collections::BTreeMap, sync::Arc};

/// Keys of honest hosts: the first one's competition is open.
const HOSTS: [u8; 3] = [1, 2, 3];
/// Keys of honest competitors begin here.
const COMPETITORS: u8 = 10;

pub(super) struct Person {
    key: u8,
    node: Ix,
    /// What the node has not acknowledged yet.
    pending: BTreeMap<RecordId, Arc<[u8]>>,
    task: Task,
}

enum Task {
    Host { contest: Contest, revealed: bool, closed: bool },
    Competitor(Vec<Joined>),
}

/// A competition that somebody takes part in.
struct Joined {
    contest: Contest,
    enter_at: Ms,
    withdraws: bool,
    entries: Vec<Entered>,
}

#[derive(Clone)]
struct Entered {
    id: RecordId,
    body: Entry,
    model: u8,
    at: Ms,
    withdrawn: bool,
    submitted: u32,
}

/// A competition by this host, with the phases of every run.
pub(super) fn contest_of(title: &str, host: u8, sealed: bool) -> Competition {
    let blob = BlobRef::of(&test_set_bytes());
    let second = |at: Ms| CREATED + at / 1000;
    let seal = Seal::of(&author(&person(host)), &blob, rows() as u64, &SALT);
    let terms =
        TestSetTerms::Sealed { seal, min_rows: rows() as u64, commit_deadline: second(times::COMMIT) };
    let open = competition(title);
    Competition {
        prove_deadline: second(times::PROVE),
        test_set: if sealed { terms } else { open.test_set },
        caps: Caps { entries: 2, withdrawals: u32::from(sealed), submissions: 3 },
        ..open
    }
}

/// The reveal of such a competition.
pub(super) fn reveal_of(competition: RecordId, roster: Vec<RecordId>, created: u64) -> Reveal {
    let (test_set, rows) = (BlobRef::of(&test_set_bytes()), rows() as u64);
    Reveal { competition, test_set, rows, salt: SALT, roster, created }
}

/// Hosts with their competitions; competitors later, when those of rogue hosts are known as well.
pub(super) fn settle_in(world: &mut World) {
    for blob in classes().map(key_bytes).into_iter().chain([test_set_bytes()]) {
        world.blobs.insert(BlobRef::of(&blob).id, blob.into());
    }
    for (at, key) in HOSTS.into_iter().enumerate() {
        let sealed = at > 0;
        let body = Body::Competition(Box::new(contest_of(&format!("honest {at}"), key, sealed)));
        let record = world.invent("host", key, body, (true, true));
        let contest = Contest { id: record.id(), host: key, sealed };
        world.contests.push(contest);
        // Not the eclipsed node, and none that joins late.
        let node = 2 + 10 * (at % (world.plan.nodes / 10));
        let test_set = BlobRef::of(&test_set_bytes()).id;
        let blobs = world.blobs.iter().filter(|(id, _)| !sealed || **id != test_set);
        world.nodes[node].ledger.blobs.extend(blobs.map(|(id, bytes)| (*id, Arc::clone(bytes))));
        let pending = BTreeMap::from([(record.id(), Arc::clone(record.bytes()))]);
        let task = Task::Host { contest, revealed: false, closed: false };
        world.people.push(Person { key, node, pending, task });
    }
    for at in 0..world.plan.competitors {
        let (key, node) = (COMPETITORS + at as u8, world.rng.gen_range(0..world.plan.nodes));
        let task = Task::Competitor(Vec::new());
        world.people.push(Person { key, node, pending: BTreeMap::new(), task });
    }
    for who in 0..world.people.len() {
        let at = world.rng.gen_range(500..3000);
        world.queue.push(at, Event::Person(who));
    }
}

/// Competitors choose, once all competitions are known.
pub(super) fn choose(world: &mut World) {
    let (contests, rng) = (&world.contests, &mut world.rng);
    for person in &mut world.people {
        let Task::Competitor(joined) = &mut person.task else { continue };
        for contest in contests.choose_multiple(rng, 2) {
            let until = if contest.sealed { times::COMMIT - 15_000 } else { times::PROVE - 40_000 };
            let (enter_at, withdraws) = (rng.gen_range(5_000..until), contest.sealed && rng.gen_bool(0.4));
            joined.push(Joined { contest: *contest, enter_at, withdraws, entries: Vec::new() });
        }
    }
}

pub(super) fn act(world: &mut World, who: usize) -> Result<(), Failure> {
    // Taken out, so that person and world can both be changed.
    let mut task = std::mem::replace(&mut world.people[who].task, Task::Competitor(Vec::new()));
    match &mut task {
        Task::Host { contest, revealed, closed } => host(world, who, *contest, revealed, closed),
        Task::Competitor(joined) => {
            joined.iter_mut().for_each(|joined| compete(world, who, joined));
            if who.is_multiple_of(5) {
                accuse(world, who);
            }
        }
    }
    world.people[who].task = task;
    hand_in(world, who)?;
    if world.now < times::END {
        let at = world.now + world.rng.gen_range(800..1600);
        world.queue.push(at, Event::Person(who));
    }
    Ok(())
}

fn hand_in(world: &mut World, who: usize) -> Result<(), Failure> {
    let node = world.people[who].node;
    let acknowledged = &world.truth.acknowledged;
    world.people[who].pending.retain(|id, _| acknowledged.get(id).is_none_or(|at| !at.contains(&node)));
    let pending: Vec<Arc<[u8]>> = world.people[who].pending.values().cloned().collect();
    for bytes in pending {
        world.with(node, |node, out| node.hand_in(&bytes, out))?;
    }
    Ok(())
}

/// Makes a record in order, to be handed in.
fn publish(world: &mut World, who: usize, body: Body) -> Signed {
    let by = match (&world.people[who].key, &body) {
        (_, Body::Misbehaviour(_)) => "watcher",
        (key, _) if HOSTS.contains(key) => "host",
        _ => "competitor",
    };
    let key = world.people[who].key;
    let record = world.invent(by, key, body, (true, true));
    world.people[who].pending.insert(record.id(), Arc::clone(record.bytes()));
    record
}

fn host(world: &mut World, who: usize, contest: Contest, revealed: &mut bool, closed: &mut bool) {
    let (node, created) = (world.people[who].node, world.seconds());
    let Some(kept) = world.nodes[node].state.set().contest(contest.id) else { return };
    if contest.sealed && !*revealed && world.now > times::COMMIT + 5_000 {
        let roster = kept.admissible();
        if roster.is_empty() {
            return;
        }
        *revealed = true;
        let test_set: Arc<[u8]> = test_set_bytes().into();
        world.nodes[node].ledger.blobs.insert(BlobRef::of(&test_set).id, test_set);
        publish(world, who, Body::Reveal(reveal_of(contest.id, roster, created)));
    } else if !*closed && world.now > times::PROVE + 5_000 {
        *closed = true;
        let submissions = kept.submissions().map(|kept| kept.item.statement()).collect();
        publish(world, who, Body::Close(Close { competition: contest.id, submissions, created }));
    }
}

fn compete(world: &mut World, who: usize, joined: &mut Joined) {
    let until = if joined.contest.sealed { times::COMMIT - 5_000 } else { times::PROVE - 30_000 };
    let wanted = 1 + usize::from(joined.withdraws);
    let may_enter = joined.entries.iter().all(|entered| entered.withdrawn) && joined.entries.len() < wanted;
    if world.now >= joined.enter_at && world.now < until && may_enter {
        joined.entries.extend(enter(world, who, joined.contest));
    }
    for entered in &mut joined.entries {
        if joined.withdraws && !entered.withdrawn && world.now > entered.at + 4_000 && world.now < until {
            joined.withdraws = false;
            entered.withdrawn = true;
            let (competition, entry, created) = (joined.contest.id, entered.id, world.seconds());
            publish(world, who, Body::Withdrawal(Withdrawal { competition, entry, created }));
        } else if !entered.withdrawn && world.now < times::PROVE - 3_000 && entered.submitted < 2 {
            submit(world, who, joined.contest, entered);
        }
    }
    // Who has withdrawn enters again.
    if joined.entries.len() == 1 && joined.entries.iter().all(|entered| entered.withdrawn) {
        joined.enter_at = joined.enter_at.min(world.now);
        if world.now < until {
            joined.entries.extend(enter(world, who, joined.contest));
        }
    }
}

fn enter(world: &mut World, who: usize, contest: Contest) -> Option<Entered> {
    let (key, created) = (world.people[who].key, world.seconds());
    let permille = world.rng.gen_range(300..980);
    let model = world.truth.new_model(key, permille)?;
    let class = *classes().choose(&mut world.rng)?;
    let body = entry(contest.id, &person(key), class, model, created);
    let id = publish(world, who, Body::Entry(Box::new(body.clone()))).id();
    Some(Entered { id, body, model, at: world.now, withdrawn: false, submitted: 0 })
}

/// Claims what is true or less, as soon as the node shows what scores are about.
fn submit(world: &mut World, who: usize, contest: Contest, entered: &mut Entered) {
    let (key, node, created) = (world.people[who].key, world.people[who].node, world.seconds());
    let Some(kept) = world.nodes[node].state.set().contest(contest.id) else { return };
    let reveal = kept.reveals().iter().find(|reveal| reveal.item.body().lists(entered.id));
    let reveal = reveal.map(|reveal| (reveal.item.id(), reveal.item.body().clone()));
    if contest.sealed && reveal.is_none() || world.now < entered.at + 3_000 * u64::from(1 + entered.submitted)
    {
        return;
    }
    let Some(record) = world.truth.fact(entered.id).and_then(|fact| fact.signed()) else { return };
    entered.submitted += 1;
    let mut claims = world.truth.hits(entered.model, entered.body.class);
    let less = u64::from(entered.submitted);
    claims.iter_mut().for_each(|claim| *claim = claim.saturating_sub(less));
    let about = reveal.as_ref().map(|(id, body)| (*id, body));
    let submission: Submission =
        submission_after(about, &record, &entered.body, &person(key), &claims, created, less as u8);
    publish(world, who, Body::Submission(submission));
}

/// Shows everybody the two records of a host who has signed two.
fn accuse(world: &mut World, who: usize) {
    if world.now > times::CALM {
        return;
    }
    let node = world.people[who].node;
    let mut accusations = Vec::new();
    for kept in world.nodes[node].state.set().contests() {
        let pairs = [
            (Kind::Reveal, kept.reveals().iter().map(|kept| kept.item.bytes()).collect::<Vec<_>>()),
            (Kind::Close, kept.closes().iter().map(|kept| kept.item.bytes()).collect()),
        ];
        for (kind, pair) in pairs {
            if let ([first, second], None) = (pair.as_slice(), kept.misbehaviour(kind)) {
                let opened = (Signed::open(first), Signed::open(second));
                let (Ok(first), Ok(second)) = opened else { continue };
                accusations.push(Misbehaviour::of(kept.id(), &first, &second));
            }
        }
    }
    for accusation in accusations {
        publish(world, who, Body::Misbehaviour(accusation));
    }
}
