//! Records of a few competitions, competitors and times, so close to each other that every rule has a chance.

use super::{input::Input, records::changed_payload};
use circuits::{model::CATALOGUE, statement::Chunk};
use protocol::{
    Author, Body, ClaimRule, Close, Competition, Entry, Kind, Misbehaviour, RecordId, Reveal, Signed,
    StatementId, TestSetTerms, TieRule, WellFormed, statement_id,
    testing::{
        COMMIT_DEADLINE, CREATED, DEADLINE, author, classes, close, competition, entry, person, reveal, rows,
        sealed, submission_after, withdrawal,
    },
};
use std::{cell::RefCell, collections::HashMap};

/// Most signatures that are remembered.
const MAX_SIGNED: usize = 4096;

thread_local! {
    /// Signing takes most of the time, and inputs that are alike sign the same.
    static SIGNED: RefCell<HashMap<(u8, Vec<u8>), Signed>> = RefCell::default();
}

fn seal(who: u8, payload: Vec<u8>) -> Option<Signed> {
    SIGNED.with_borrow_mut(|known| {
        if let Some(signed) = known.get(&(who, payload.clone())) {
            return Some(signed.clone());
        }
        let signed = Signed::seal(&person(who), payload.clone()).ok()?;
        if known.len() >= MAX_SIGNED {
            known.clear();
        }
        known.insert((who, payload), signed.clone());
        Some(signed)
    })
}

/// The payload of a body that breaks no rule by itself.
fn payload_of(body: &Body) -> Option<Vec<u8>> {
    let payload = body.to_payload().ok()?;
    Body::from_payload(&payload).ok().map(|_| payload)
}

const UNKNOWN: RecordId = RecordId::new([9; 32]);
const NAMES: [&str; 4] = ["Ada", "\u{410}da", "ada", "Bob"];

/// What has been made so far.
#[derive(Default)]
pub struct Scene {
    /// Signed bytes, and bytes that are no record.
    pub made: Vec<Vec<u8>>,
    /// Author, kind and competition of those that are records.
    pub known: HashMap<RecordId, (Author, Kind, RecordId)>,
    bodies: Vec<(u8, Body)>,
    hosted: Vec<(RecordId, u8, Competition)>,
    entered: Vec<(Signed, u8, Entry)>,
    revealed: Vec<(Signed, Reveal)>,
    submitted: Vec<(RecordId, StatementId)>,
    closed: Vec<(Signed, Close)>,
}

fn when(input: &mut Input<'_>) -> u64 {
    let later = input.below(8) as u64;
    match input.below(6) {
        0..=2 => CREATED + later,
        3 => COMMIT_DEADLINE - 2 + later,
        4 => COMMIT_DEADLINE + 1 + later,
        _ => DEADLINE - 2 + later,
    }
}

impl Scene {
    /// Makes a record, perhaps one that breaks a rule; none if it could not be made.
    pub fn make(&mut self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let bytes = match input.below(20) {
            0..=1 => self.competition(input),
            2..=6 => self.entry(input),
            7 => self.withdrawal(input),
            8..=9 => self.reveal(input),
            10..=14 => self.submission(input),
            15 => self.close(input),
            16 => self.accusation(input),
            17..=18 => self.changed(input),
            _ => self.damaged(input),
        }?;
        self.made.push(bytes.clone());
        Some(bytes)
    }

    fn sign(&mut self, who: u8, body: &Body) -> Option<Signed> {
        let signed = seal(who, payload_of(body)?)?;
        self.bodies.push((who, body.clone()));
        self.learn(&signed);
        Some(signed)
    }

    fn learn(&mut self, signed: &Signed) {
        if let Ok(record) = WellFormed::parse(signed) {
            self.known.insert(record.id(), (record.author(), record.kind(), record.competition()));
        }
    }

    fn competition(&mut self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let title = input.pick(&["first", "second"]);
        let mut body = if input.rarely(2) { competition(title) } else { sealed(title) };
        body.caps.entries = 1 + input.below(2) as u32;
        body.caps.submissions = 1 + input.below(2) as u32;
        body.tie_rule = input.pick(&[TieRule::SharedRank, TieRule::EntryId]);
        if input.rarely(4) {
            body.claims = ClaimRule::Levels(vec![5000, 8000, 10_000]);
        }
        match input.below(16) {
            0 => body.size_classes[1].key_digest[0] ^= 1,
            1 => body.size_classes[0].verifying_key.bytes += 1,
            2 => body.size_classes[0].verifying_key = body.size_classes[1].verifying_key,
            3 => body.task.classes[0] = "perhaps".to_owned(),
            4 => match &mut body.test_set {
                TestSetTerms::Open { rows, .. } => *rows -= 1,
                TestSetTerms::Sealed { min_rows, .. } => *min_rows += 1 << 10,
            },
            5 => body.size_classes.truncate(1),
            _ => {}
        }
        let who = if input.rarely(8) { 7 } else { 1 };
        let signed = self.sign(who, &Body::Competition(Box::new(body.clone())))?;
        self.hosted.push((signed.id(), who, body));
        Some(signed.bytes().to_vec())
    }

    /// The id of a competition, most often of one that was made.
    fn contest(&self, input: &mut Input<'_>) -> (RecordId, u8) {
        let strangers = [(UNKNOWN, 1)];
        let stranger = self.hosted.is_empty() || input.rarely(32);
        if stranger {
            return input.pick(&strangers);
        }
        let (id, who, _) = &self.hosted[input.below(self.hosted.len())];
        (*id, *who)
    }

    fn entry(&mut self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let ((competition, _), who) = (self.contest(input), 2 + input.byte() % 3);
        let class = input.pick(&[classes()[0], classes()[0], classes()[1], CATALOGUE[2].id]);
        let model = input.byte() % 4;
        let mut body = entry(competition, &person(who), class, model, when(input));
        body.display_name = input.pick(&NAMES).to_owned();
        if input.rarely(8) {
            body.model_proof.0[0] ^= 1;
        }
        let signer = if input.rarely(16) { 5 } else { who };
        let signed = self.sign(signer, &Body::Entry(Box::new(body.clone())))?;
        self.entered.push((signed.clone(), who, body));
        Some(signed.bytes().to_vec())
    }

    fn some_entry(&self, input: &mut Input<'_>) -> Option<(Signed, u8, Entry)> {
        let at = input.below(self.entered.len().max(1));
        self.entered.get(at).cloned()
    }

    fn withdrawal(&mut self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let (entered, who, body) = self.some_entry(input)?;
        let competition = if input.rarely(16) { self.contest(input).0 } else { body.competition };
        let mut body = withdrawal(competition, entered.id());
        body.created = when(input);
        let who = if input.rarely(16) { 5 } else { who };
        Some(self.sign(who, &Body::Withdrawal(body))?.bytes().to_vec())
    }

    fn reveal(&mut self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let (competition, who) = self.contest(input);
        let (mask, wide) = (input.byte(), input.rarely(16));
        let of_it = self.entered.iter().filter(|(_, _, body)| wide || body.competition == competition);
        let listed = of_it
            .enumerate()
            .filter(|(at, _)| mask >> (at % 8) & 1 == 0)
            .map(|(_, (signed, ..))| signed.id());
        let mut roster: Vec<RecordId> = listed.collect();
        if input.rarely(16) || roster.is_empty() {
            roster.push(UNKNOWN);
        }
        if input.rarely(16) {
            roster.push(competition);
        }
        roster.sort_unstable();
        roster.dedup();
        let mut body = reveal(competition, &roster);
        body.created = COMMIT_DEADLINE + input.below(4) as u64;
        match input.below(32) {
            0 => body.rows += 1,
            1 => body.salt[0] ^= 1,
            2 => body.created = DEADLINE + 1,
            _ => {}
        }
        let who = if input.rarely(16) { 5 } else { who };
        let signed = self.sign(who, &Body::Reveal(body.clone()))?;
        self.revealed.push((signed.clone(), body));
        Some(signed.bytes().to_vec())
    }

    fn submission(&mut self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let (entered, who, of) = self.some_entry(input)?;
        let reveals: Vec<&(Signed, Reveal)> =
            self.revealed.iter().filter(|(_, body)| body.competition == of.competition).collect();
        let after = if reveals.is_empty() || input.rarely(16) { None } else { Some(input.pick(&reveals)) };
        let after = after.map(|(signed, body)| (signed.id(), body));
        let total = match input.below(4) {
            0 => input.pick(&[533, 852, 1065]),
            1 => input.below(1066) as u64,
            _ => input.below(4) as u64,
        };
        let correct = spread(total, &Chunk::all(rows(), of.class.class()));
        let randomness = input.byte() % 2;
        let created = when(input);
        let mut body = submission_after(after, &entered, &of, &person(who), &correct, created, randomness);
        match input.below(32) {
            0 => body.chunks[0].proof.0[0] ^= 1,
            1 => body.chunks[0].correct += 1,
            2 => drop(body.chunks.pop()),
            3 => body.competition = self.contest(input).0,
            4 => body.entry = UNKNOWN,
            5 => body.reveal = Some(UNKNOWN),
            _ => {}
        }
        let who = if input.rarely(16) { 5 } else { who };
        let signed = self.sign(who, &Body::Submission(body.clone()))?;
        self.submitted.push((body.competition, statement_id(&author(&person(who)), &body)));
        Some(signed.bytes().to_vec())
    }

    fn close(&mut self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let (competition, who) = self.contest(input);
        let mask = input.byte();
        let of_it = self.submitted.iter().filter(|(of, _)| *of == competition).enumerate();
        let mut listed: Vec<StatementId> =
            of_it.filter(|(at, _)| mask >> (at % 8) & 1 == 0).map(|(_, (_, statement))| *statement).collect();
        listed.sort_unstable();
        listed.dedup();
        let mut body = close(competition, &listed);
        body.created = DEADLINE + input.below(4) as u64;
        let who = if input.rarely(16) { 5 } else { who };
        let signed = self.sign(who, &Body::Close(body.clone()))?;
        self.closed.push((signed.clone(), body));
        Some(signed.bytes().to_vec())
    }

    fn accusation(&mut self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let reveals = self.revealed.iter().map(|(signed, body)| (signed, body.competition));
        let closes = self.closed.iter().map(|(signed, body)| (signed, body.competition));
        let all: Vec<(&Signed, RecordId)> =
            if input.rarely(2) { closes.collect() } else { reveals.collect() };
        let (a, competition) = *all.get(input.below(all.len().max(1)))?;
        let b = input.pick(&all).0;
        let body = Misbehaviour::of(competition, a, b);
        Some(self.sign(2 + input.byte() % 2, &Body::Misbehaviour(body))?.bytes().to_vec())
    }

    /// Something that was made, with other fields, signed again.
    fn changed(&mut self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let at = input.below(self.bodies.len().max(1));
        let (who, body) = self.bodies.get(at)?;
        let signed = seal(*who, changed_payload(body, input)?)?;
        self.learn(&signed);
        Some(signed.bytes().to_vec())
    }

    /// Bytes of something that was made, but one.
    fn damaged(&mut self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let at = input.below(self.made.len().max(1));
        let mut bytes = self.made.get(at)?.clone();
        if bytes.is_empty() || input.rarely(4) {
            return Some(input.take(100).to_vec());
        }
        let at = input.below(1 << 12) % bytes.len();
        bytes[at] ^= input.byte();
        Some(bytes)
    }
}

/// A count over all chunks, the first ones full.
fn spread(total: u64, chunks: &[Chunk]) -> Vec<u64> {
    let mut left = total;
    let part = |chunk: &Chunk| {
        let here = left.min(chunk.len());
        left -= here;
        here
    };
    chunks.iter().map(part).collect()
}
