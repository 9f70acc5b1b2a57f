//! What is really so: which records were ever made, by whom and whether in order, and how good every model is. Nodes
//! never see it.

use super::network::Ms;
use crate::{
    Author, Body, RecordId, Reveal, Signed, Submission,
    testing::{author, person, rows},
};
use circuits::{ClassId, statement::Chunk};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A record that somebody made.
pub(super) struct Fact {
    pub(super) body: Option<Body>,
    pub(super) author: Author,
    pub(super) bytes: Arc<[u8]>,
    /// The role of who made it.
    pub(super) by: &'static str,
    pub(super) honest: bool,
    /// Whether any node may keep it.
    pub(super) valid: bool,
    pub(super) made: Ms,
}

/// A model: how good it is, and who has its weights.
pub(super) struct Model {
    owner: Author,
    /// Rows of a thousand that it gets right.
    permille: u64,
}

#[derive(Default)]
pub(super) struct Truth {
    facts: BTreeMap<RecordId, Fact>,
    /// Commitments in miniature are one byte.
    models: BTreeMap<u8, Model>,
    /// What nodes have promised to keep.
    pub(super) acknowledged: BTreeMap<RecordId, BTreeSet<usize>>,
    /// In the order in which they were made: what an adversary knows.
    pub(super) public: Vec<RecordId>,
    /// Bytes that are no records, by whom.
    pub(super) garbage: BTreeMap<RecordId, &'static str>,
}

impl Truth {
    /// A model of its own for this person; none when all are given away.
    pub(super) fn new_model(&mut self, key: u8, permille: u64) -> Option<u8> {
        let number = u8::try_from(self.models.len() + 1).ok().filter(|number| *number < 250)?;
        self.models.insert(number, Model { owner: author(&person(key)), permille });
        Some(number)
    }

    /// What a model really gets right, chunk by chunk.
    pub(super) fn hits(&self, model: u8, class: ClassId) -> Vec<u64> {
        let permille = self.models.get(&model).map_or(0, |model| model.permille);
        Chunk::all(rows(), class.class()).iter().map(|chunk| chunk.len() * permille / 1000).collect()
    }

    pub(super) fn note(&mut self, fact: Fact) -> RecordId {
        let id = RecordId::of(&fact.bytes);
        self.facts.entry(id).or_insert_with(|| {
            self.public.push(id);
            fact
        });
        id
    }

    pub(super) fn fact(&self, id: RecordId) -> Option<&Fact> {
        self.facts.get(&id)
    }

    /// The role of who made these bytes.
    pub(super) fn maker(&self, id: RecordId) -> &'static str {
        let garbage = self.garbage.get(&id).copied();
        self.facts.get(&id).map(|fact| fact.by).or(garbage).unwrap_or("nobody")
    }

    pub(super) fn facts(&self) -> impl Iterator<Item = (&RecordId, &Fact)> {
        self.facts.iter()
    }

    /// Whether a node may keep this record. The error says why not.
    pub(super) fn may_be_kept(&self, id: RecordId) -> Result<(), String> {
        let fact = self.facts.get(&id).ok_or_else(|| format!("nobody made {id:?}"))?;
        if !fact.valid {
            return Err(format!("{id:?} was made by the {} to be refused", fact.by));
        }
        match &fact.body {
            Some(Body::Submission(submission)) => self.is_true(fact, submission),
            _ => Ok(()),
        }
    }

    /// The claims are true of a model that its own competitor entered, before the test set was known.
    fn is_true(&self, fact: &Fact, submission: &Submission) -> Result<(), String> {
        let entered = self.facts.get(&submission.entry).ok_or("an entry that nobody made")?;
        let Some(Body::Entry(entry)) = &entered.body else { return Err("not an entry".to_owned()) };
        let [number, ..] = entry.commitment.0;
        let model = self.models.get(&number).ok_or("a model that nobody has")?;
        if model.owner != fact.author || entered.author != fact.author {
            return Err(format!("model {number} is somebody else's"));
        }
        let hits = self.hits(number, entry.class);
        let claimed: Vec<u64> = submission.chunks.iter().map(|chunk| chunk.correct).collect();
        if hits.len() != claimed.len() || hits.iter().zip(&claimed).any(|(hits, claimed)| claimed > hits) {
            return Err(format!("model {number} has {hits:?} rows right, claimed are {claimed:?}"));
        }
        let Some(reveal) = submission.reveal else { return Ok(()) };
        let revealed = self.facts.get(&reveal).ok_or("a reveal that nobody made")?;
        match &revealed.body {
            Some(Body::Reveal(body)) if body.lists(submission.entry) && entered.made < revealed.made => {
                Ok(())
            }
            _ => Err("the model was not fixed before the reveal".to_owned()),
        }
    }

    /// Whether the rules let a node drop this record: of honest people's, only what is bound to the third of a host's
    /// reveals, or later.
    pub(super) fn may_be_displaced(&self, id: RecordId) -> bool {
        let Some(fact) = self.facts.get(&id).filter(|fact| fact.honest) else { return true };
        match &fact.body {
            Some(Body::Submission(Submission { competition, reveal: Some(reveal), .. })) => {
                !self.first_reveals(*competition).contains(reveal)
            }
            _ => false,
        }
    }

    fn first_reveals(&self, competition: RecordId) -> Vec<RecordId> {
        let mut reveals: Vec<(u64, RecordId)> =
            self.reveals(competition).map(|(id, body)| (body.created, id)).collect();
        reveals.sort_unstable();
        reveals.into_iter().take(2).map(|(_, id)| id).collect()
    }

    /// The valid reveals of a competition.
    pub(super) fn reveals(&self, competition: RecordId) -> impl Iterator<Item = (RecordId, &Reveal)> {
        self.facts.iter().filter(|(_, fact)| fact.valid).filter_map(move |(id, fact)| match &fact.body {
            Some(Body::Reveal(body)) if body.competition == competition => Some((*id, body)),
            _ => None,
        })
    }

    /// The records of one kind of body, in the order in which they were made.
    pub(super) fn public_where(&self, wanted: impl Fn(&Fact) -> bool) -> Vec<RecordId> {
        self.public.iter().filter(|id| self.facts.get(id).is_some_and(&wanted)).copied().collect()
    }
}

impl Fact {
    pub(super) fn signed(&self) -> Option<Signed> {
        Signed::open(&self.bytes).ok()
    }
}
