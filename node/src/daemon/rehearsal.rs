//! Both sides of a catch-up in one process: what it moves, without a network.

use super::catch_up::{self, CatchUp, Part, Step};
use crate::ledger::Parts;
use crate::limits;
use crate::net::{Request, Response, Summary};
use protocol::{Fingerprint, Kind, RecordId, wire};
use std::time::Instant;

/// What a catch-up took, without the records themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// Questions, each with its answer.
    pub rounds: usize,
    /// Bytes of questions and answers, as they stand on the wire.
    pub bytes: u64,
    /// Records that were found missing here.
    pub missing: usize,
    /// Own records that were found missing at the peer.
    pub lacking: usize,
}

/// Catches up by the messages of the wire with a peer that has these entries of a competition.
///
/// # Errors
/// If one side does not understand the other, or a message is not encoded.
pub fn rehearse(own: &[RecordId], theirs: &[RecordId]) -> std::io::Result<Rehearsal> {
    let part: Part = (RecordId::new([1; 32]), Kind::Entry as u8);
    let parts = |ids: &[RecordId]| {
        let mut parts = Parts::default();
        ids.iter().for_each(|id| parts.insert(part.0, (part.1, *id)));
        parts
    };
    let (mut own, mut theirs) = (parts(own), parts(theirs));
    let (mut sync, mut took) = (CatchUp::new(Instant::now(), 0), Rehearsal::default());
    loop {
        match sync.next() {
            Step::Summary { after } => {
                let (page, more) = theirs.competitions(after, limits::SUMMARY_PAGE);
                let summary = |competition| Summary { competition, parts: theirs.digests(competition) };
                let competitions: Vec<Summary> = page.into_iter().map(summary).collect();
                sync.on_summary(after, &competitions, more, |id| own.digests(id))
                    .map_err(std::io::Error::other)?;
                let fingerprint = Fingerprint::of(std::iter::empty());
                let answer = Response::Summary { competitions, more, total: 0, time: 0 };
                took.count(&Request::Summary { after, fingerprint }, &answer)?;
            }
            Step::Begin { part } => {
                let storage = own.storage(part.0, part.1);
                sync.begin(part, &storage, |_| true).map_err(std::io::Error::other)?;
            }
            Step::Reconcile { messages } => {
                let asked: Vec<Part> = messages.iter().map(|m| (m.competition, m.kind)).collect();
                let storages: Vec<_> = asked.iter().map(|part| theirs.storage(part.0, part.1)).collect();
                let answers = catch_up::answer(&storages, &messages).map_err(std::io::Error::other)?;
                let finished = sync.on_messages(&asked, &answers, |_| true).map_err(std::io::Error::other)?;
                took.lacking += finished.iter().map(|finished| finished.lacks.len()).sum::<usize>();
                took.count(&Request::Reconcile { messages }, &Response::Reconciled { messages: answers })?;
            }
            Step::Records { ids } => took.missing += ids.len(),
            Step::Done => return Ok(took),
        }
    }
}

impl Rehearsal {
    fn count(&mut self, request: &Request, response: &Response) -> std::io::Result<()> {
        let request = wire::encode(request).map_err(std::io::Error::other)?;
        let response = wire::encode(response).map_err(std::io::Error::other)?;
        self.rounds += 1;
        self.bytes += (request.len() + response.len()) as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_difference_of_large_sets_moves_little() {
        let ids = |numbers: std::ops::Range<u32>| -> Vec<RecordId> {
            numbers.map(|n| RecordId::of(&n.to_be_bytes())).collect()
        };
        let took = rehearse(&ids(0..100_000), &ids(5..100_005)).unwrap();
        println!("100,000 ids on each side, 10 of them different: {took:?}");
        assert_eq!((took.missing, took.lacking), (5, 5));
        assert!(took.bytes <= 100_000 && took.rounds < 10, "{took:?}");
        let took = rehearse(&ids(0..10), &ids(0..10)).unwrap();
        assert_eq!((took.rounds, took.missing, took.lacking), (1, 0, 0), "equal parts are not gone into");
        let took = rehearse(&[], &ids(0..10_000)).unwrap();
        assert_eq!((took.missing, took.lacking), (10_000, 0));
    }
}
