//! Where a competition, an entry and a submission stand, from what is kept.

use super::Contest;
use crate::{Kind, RecordId, StatementId};
use serde::Serialize;

/// Where a competition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Sealed, and nobody has entered yet.
    Announced,
    /// Sealed: models are being entered, or the host's reveal is awaited.
    Committing,
    /// The test set is known; nothing has been proved yet.
    Revealed,
    /// Scores are being proved.
    Proving,
    /// The prove deadline has passed, or the host has closed it.
    Closed,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryStanding {
    /// It counts: the competition is open, or its test set is not revealed yet.
    Entered,
    /// Its competitor has taken it back.
    Withdrawn,
    /// Others of its competitor take the places, unless one of them is withdrawn before the reveal.
    BeyondCap,
    /// The host has put it on the roster.
    OnRoster,
    /// The host has revealed without it.
    LeftOut,
}

/// Where a submission stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The host has not closed the competition yet.
    Pending,
    /// The host says that it was there in time.
    Final,
    /// The host has closed without it.
    LeftOut,
}

impl<M> Contest<M> {
    /// Where it stands at `now` (seconds since 1970). Deadlines are the host's claims.
    pub fn phase_at(&self, now: u64) -> Phase {
        let rules = self.competition().item.body();
        if self.is_closed() || now > rules.prove_deadline {
            return Phase::Closed;
        }
        if rules.is_open() {
            return Phase::Proving;
        }
        match (self.reveals().is_empty(), self.counts()) {
            (true, counts) if counts.entries == 0 && now <= rules.entry_deadline() => Phase::Announced,
            (true, _) => Phase::Committing,
            (false, counts) if counts.submissions == 0 => Phase::Revealed,
            (false, _) => Phase::Proving,
        }
    }

    /// Whether the host has closed it.
    pub fn is_closed(&self) -> bool {
        !self.closes().is_empty()
    }

    /// What the host has signed two of, or is accused of by a record that shows it.
    pub fn disputes(&self) -> Vec<Kind> {
        let twice = |kind, count: usize| (count > 1 || self.misbehaviour(kind).is_some()).then_some(kind);
        let kinds = [twice(Kind::Reveal, self.reveals().len()), twice(Kind::Close, self.closes().len())];
        kinds.into_iter().flatten().collect()
    }

    /// Where a kept entry stands.
    pub fn entry_standing(&self, entry: RecordId) -> Option<EntryStanding> {
        let author = self.entry(entry)?.item.record().author();
        let revealed = self.reveals().iter().any(|reveal| reveal.item.body().lists(entry));
        Some(match () {
            () if revealed => EntryStanding::OnRoster,
            () if self.withdrawal_of(entry).is_some() => EntryStanding::Withdrawn,
            () if self.is_full(&author) || !self.admissible_of(&author).any(|id| id == entry) => {
                EntryStanding::BeyondCap
            }
            () if !self.reveals().is_empty() => EntryStanding::LeftOut,
            () => EntryStanding::Entered,
        })
    }

    /// Whether every roster has given a competitor as many places as the cap admits: whatever he enters or withdraws
    /// then, with whatever time, nothing of his was left out.
    fn is_full(&self, author: &crate::Author) -> bool {
        let cap = self.competition().item.body().caps.entries as usize;
        let mut reveals = self.reveals().iter().map(|reveal| reveal.item.id()).peekable();
        reveals.peek().is_some() && reveals.all(|id| self.entries_after(author, Some(id)).count() >= cap)
    }

    /// A competitor's entries that a roster may hold: those that are not withdrawn, as many as the cap admits.
    pub fn admissible_of(&self, author: &crate::Author) -> impl Iterator<Item = RecordId> {
        let cap = self.competition().item.body().caps.entries as usize;
        self.order_of_author(author)
            .map(|key| key.2)
            .filter(|entry| self.withdrawal_of(*entry).is_none())
            .take(cap)
    }

    /// All entries that a roster may hold, ascending.
    pub fn admissible(&self) -> Vec<RecordId> {
        let mut ids: Vec<RecordId> =
            self.authors().iter().flat_map(|author| self.admissible_of(author)).collect();
        ids.sort_unstable();
        ids
    }

    /// Rows of the test set (N), unless it is still sealed.
    pub fn rows(&self) -> Option<u64> {
        match self.competition().item.body().open_scoring() {
            Some(scoring) => Some(scoring.rows),
            // Two reveals open the same seal, which binds the rows.
            None => self.reveals().first().map(|reveal| reveal.item.body().rows),
        }
    }

    /// The test set, unless it is still sealed. Two reveals open the same seal, which binds it.
    pub fn test_set(&self) -> Option<crate::BlobRef> {
        match self.competition().item.body().open_scoring() {
            Some(scoring) => Some(scoring.test_set),
            None => self.reveals().first().map(|reveal| reveal.item.body().test_set),
        }
    }

    /// A competitor's entries that count after a reveal (none in an open competition): those on its roster, as many as
    /// the cap admits, whatever the host has listed.
    fn entries_after(
        &self,
        author: &crate::Author,
        reveal: Option<RecordId>,
    ) -> impl Iterator<Item = RecordId> {
        let cap = self.competition().item.body().caps.entries as usize;
        let listed = reveal.and_then(|id| self.reveal(id)).map(|kept| kept.item.body());
        self.order_of_author(author)
            .map(|key| key.2)
            .filter(move |entry| listed.is_none_or(|reveal| reveal.lists(*entry)))
            .take(cap)
    }

    /// How many entries of a competitor count.
    pub fn entries_that_count(&self, author: &crate::Author) -> u64 {
        let after = |reveal| self.entries_after(author, reveal).count() as u64;
        let ids = self.reveals().iter().map(|reveal| Some(reveal.item.id()));
        ids.map(after).max().unwrap_or_else(|| after(None))
    }

    /// A competitor's submissions that count, with their standing.
    pub(crate) fn counted_of(
        &self,
        author: &crate::Author,
    ) -> impl Iterator<Item = (Standing, &crate::ProvedSubmission)> {
        let reveals: Vec<Option<RecordId>> = match self.competition().item.body().is_open() {
            true => vec![None],
            false => self.reveals().iter().map(|reveal| Some(reveal.item.id())).collect(),
        };
        let counted: Vec<(Option<RecordId>, RecordId)> = reveals
            .into_iter()
            .flat_map(|reveal| self.entries_after(author, reveal).map(move |entry| (reveal, entry)))
            .collect();
        counted.into_iter().flat_map(|(reveal, entry)| {
            let of_reveal =
                move |submission: &&crate::ProvedSubmission| submission.record().body().reveal == reveal;
            let submissions = self.submissions_of(entry).map(|kept| &kept.item).filter(of_reveal);
            submissions.map(|submission| (self.standing(submission.statement()), submission))
        })
    }

    /// Where a kept submission stands. Where the host has closed twice, it is final if both say so.
    pub fn standing(&self, statement: StatementId) -> Standing {
        match self.closes() {
            [] => Standing::Pending,
            closes if closes.iter().all(|close| close.item.body().lists(statement)) => Standing::Final,
            _ => Standing::LeftOut,
        }
    }
}
