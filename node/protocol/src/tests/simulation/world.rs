//! The whole: participants, people, what they know, and the loop that lets things happen.

use super::{
    invariants::{Failure, Watch},
    network::{Event, Ix, Links, Message, Ms, Queue},
    node::Node,
    people::Person,
    rogues::{Rogue, Role},
    truth::{Fact, Truth},
    wishes::{Note, Out, Sabotage},
};
use crate::{
    BlobId, Body, Outcome, RecordId, Signed,
    testing::{CREATED, person, signed},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// What a run is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) nodes: usize,
    pub(super) competitors: usize,
    pub(super) sabotage: Option<Sabotage>,
}

/// Phases of every run, in virtual milliseconds.
pub(super) mod times {
    use super::Ms;
    /// Entries until here.
    pub(crate) const COMMIT: Ms = 60_000;
    /// Submissions until here.
    pub(crate) const PROVE: Ms = 130_000;
    /// Attackers invent nothing after this, and nothing breaks any more.
    pub(crate) const CALM: Ms = 150_000;
    /// By now everybody must agree.
    pub(crate) const END: Ms = 1_200_000;
}

/// A competition of this run.
#[derive(Clone, Copy)]
pub(super) struct Contest {
    pub(super) id: RecordId,
    pub(super) host: u8,
    pub(super) sealed: bool,
}

/// What happened, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) events: u64,
    /// Records that were made by anybody.
    pub(super) records: u64,
    /// Records that every honest node has in the end.
    pub(super) kept: u64,
    pub(super) cut_off: u64,
    pub(super) crashes: u64,
    /// By role and reason.
    pub(super) refusals: BTreeMap<(&'static str, String), u64>,
    /// Virtual time until everybody agreed.
    pub(super) agreed_ms: Ms,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.records += other.records;
        self.kept += other.kept;
        self.cut_off += other.cut_off;
        self.crashes += other.crashes;
        for (key, count) in &other.refusals {
            *self.refusals.entry(key.clone()).or_default() += count;
        }
    }
}

pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) now: Ms,
    pub(super) rng: StdRng,
    pub(super) queue: Queue,
    pub(super) links: Links,
    pub(super) nodes: Vec<Node>,
    pub(super) people: Vec<Person>,
    pub(super) rogues: Vec<Rogue>,
    pub(super) truth: Truth,
    pub(super) contests: Vec<Contest>,
    /// Blobs that hosts have.
    pub(super) blobs: BTreeMap<BlobId, Arc<[u8]>>,
    pub(super) counts: Counts,
    pub(super) watch: Watch,
    /// The last events, for whoever looks for a failure's cause.
    pub(super) last: VecDeque<String>,
    log: blake3::Hasher,
}

impl World {
    pub(super) fn new(seed: u64, plan: Plan) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let (nodes, rogues) = topology(plan.nodes, &mut rng);
        let mut world = Self {
            plan,
            now: 0,
            queue: Queue::default(),
            links: Links::new(plan.nodes + rogues.len()),
            nodes,
            people: Vec::new(),
            rogues,
            truth: Truth::default(),
            contests: Vec::new(),
            blobs: BTreeMap::new(),
            counts: Counts::default(),
            watch: Watch::default(),
            last: VecDeque::new(),
            log: blake3::Hasher::new(),
            rng,
        };
        super::people::settle_in(&mut world);
        super::rogues::settle_in(&mut world);
        world.plan_disasters();
        world
    }

    /// Late joiners, crashes and two splits.
    fn plan_disasters(&mut self) {
        for ix in 0..self.plan.nodes {
            let late = ix % 10 == 7;
            let at = if late { self.rng.gen_range(20_000..times::CALM) } else { self.rng.gen_range(0..500) };
            self.queue.push(at, Event::Start(ix));
            if !late && self.rng.gen_bool(0.4) {
                let crash = self.rng.gen_range(5_000..times::CALM - 20_000);
                let down = self.rng.gen_range(500..15_000);
                self.queue.push(crash, Event::Crash(ix));
                self.queue.push(crash + down, Event::Start(ix));
            }
        }
        for (from, until) in [(15_000, 35_000), (70_000, 110_000)] {
            let split = self.rng.gen_range(from..until - 10_000);
            let heal = self.rng.gen_range(split + 5_000..until);
            self.queue.push(split, Event::Split);
            self.queue.push(heal, Event::Heal);
        }
    }

    /// Runs to the end, or to the first invariant that fails.
    pub(super) fn run(&mut self) -> Result<(), Failure> {
        let mut check_at = 10_000;
        while let Some((at, event)) = self.queue.pop() {
            self.now = at;
            self.note(&event);
            self.step(event)?;
            if self.now >= check_at {
                check_at += 10_000;
                super::invariants::at_intervals(self)?;
                if self.now > times::CALM + 10_000 && super::invariants::everybody_agrees(self).is_ok() {
                    break;
                }
            }
            if self.now > times::END {
                break;
            }
        }
        self.counts.agreed_ms = self.now;
        super::invariants::at_the_end(self)
    }

    fn note(&mut self, event: &Event) {
        let line = format!("{:>7} {}", self.now, event.name());
        self.log.update(line.as_bytes());
        self.counts.events += 1;
        self.last.push_back(line);
        if self.last.len() > 40 {
            self.last.pop_front();
        }
    }

    /// Equal for equal runs.
    pub(super) fn log_hash(&self) -> String {
        self.log.finalize().to_hex().to_string()
    }

    fn step(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Deliver { from, to, message } if to >= self.plan.nodes => {
                super::rogues::on_message(self, to - self.plan.nodes, from, message);
                Ok(())
            }
            Event::Deliver { from, to, message } => {
                self.with(to, |node, out| node.deliver(from, message, out))
            }
            Event::Wake { node, epoch, timer } if self.nodes[node].epoch == epoch => {
                self.with(node, |node, out| node.on_timer(timer, out))
            }
            Event::Wake { .. } => Ok(()),
            Event::Person(who) => super::people::act(self, who),
            Event::Rogue(who) => {
                super::rogues::act(self, who);
                Ok(())
            }
            Event::Crash(ix) => {
                self.counts.crashes += 1;
                self.nodes[ix].crash();
                super::invariants::after_crash(self, ix)
            }
            Event::Start(ix) => {
                self.nodes[ix].up = true;
                self.with(ix, Node::start)
            }
            Event::Split => {
                self.links.split(&mut self.rng);
                Ok(())
            }
            Event::Heal => {
                self.links.heal();
                Ok(())
            }
        }
    }

    /// Lets a node do something, takes care of its wishes, and looks at what has become of it.
    pub(super) fn with(&mut self, ix: Ix, what: impl FnOnce(&mut Node, &mut Out<'_>)) -> Result<(), Failure> {
        let node = &mut self.nodes[ix];
        if !node.up {
            return Ok(());
        }
        let (now, sabotage) = (self.now, self.plan.sabotage);
        let (sends, timers, notes) = (Vec::new(), Vec::new(), Vec::new());
        let mut out = Out { now, rng: &mut self.rng, sabotage, sends, timers, notes };
        what(node, &mut out);
        let Out { sends, timers, notes, .. } = out;
        let epoch = node.epoch;
        for (delay, timer) in timers {
            self.queue.push(now + delay, Event::Wake { node: ix, epoch, timer });
        }
        for (to, message) in sends {
            self.send(ix, to, message);
        }
        self.count(&notes);
        super::invariants::after_event(self, ix, &notes)
    }

    pub(super) fn send(&mut self, from: Ix, to: Ix, message: Message) {
        for delay in self.links.delays(from, to, &mut self.rng) {
            self.queue.push(self.now + delay, Event::Deliver { from, to, message: message.clone() });
        }
    }

    fn count(&mut self, notes: &[Note]) {
        for note in notes {
            match note {
                Note::Refused { id, refusal } => {
                    let by = self.truth.maker(*id);
                    let reason = label(&Outcome::Refused(refusal.clone()));
                    *self.counts.refusals.entry((by, reason)).or_default() += 1;
                }
                Note::CutOff(_) => self.counts.cut_off += 1,
                Note::Kept { .. } | Note::Acknowledged(_) => {}
            }
        }
    }

    /// Signs a record and writes down what is true of it.
    pub(super) fn invent(
        &mut self,
        by: &'static str,
        key: u8,
        body: Body,
        (honest, valid): (bool, bool),
    ) -> Signed {
        let record = signed(&person(key), body.clone());
        self.put_down(by, &record, Some(body), (honest, valid));
        record
    }

    pub(super) fn put_down(
        &mut self,
        by: &'static str,
        record: &Signed,
        body: Option<Body>,
        (honest, valid): (bool, bool),
    ) {
        let (author, bytes, made) = (record.author(), Arc::clone(record.bytes()), self.now);
        self.truth.note(Fact { body, author, bytes, by, honest, valid, made });
        self.counts.records += 1;
    }

    /// Seconds since 1970.
    pub(super) fn seconds(&self) -> u64 {
        CREATED + self.now / 1000
    }
}

/// The refusal's variants, without what is in them.
fn label(outcome: &Outcome) -> String {
    let text = format!("{outcome:?}");
    let inner = text.trim_start_matches("Refused(");
    inner.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '(').collect()
}

/// Rings of honest nodes with shortcuts, so that they hold together without the rogues; every rogue knows some of
/// them. Node 0 is almost eclipsed: all its peers but one are rogues.
fn topology(nodes: usize, rng: &mut StdRng) -> (Vec<Node>, Vec<Rogue>) {
    let mut peers: Vec<Vec<Ix>> = vec![Vec::new(); nodes + Role::ALL.len()];
    let mut link = |a: Ix, b: Ix| {
        if a != b && !peers[a].contains(&b) {
            peers[a].push(b);
            peers[b].push(a);
        }
    };
    let honest: Vec<Ix> = (1..nodes).collect();
    for (at, ix) in honest.iter().enumerate() {
        link(*ix, honest[(at + 1) % honest.len()]);
        link(*ix, honest[(at + 2) % honest.len()]);
        for other in honest.choose_multiple(rng, 2) {
            link(*ix, *other);
        }
    }
    link(0, 1);
    for rogue in nodes..nodes + Role::ALL.len() {
        link(rogue, 0);
        for other in honest.choose_multiple(rng, 8) {
            link(rogue, *other);
        }
    }
    let rogues = Role::ALL.iter().zip(nodes..);
    let rogues = rogues.map(|(role, ix)| Rogue::new(*role, ix, peers[ix].clone())).collect();
    let nodes = peers.into_iter().take(nodes).enumerate().map(|(ix, peers)| Node::new(ix, peers)).collect();
    (nodes, rogues)
}
