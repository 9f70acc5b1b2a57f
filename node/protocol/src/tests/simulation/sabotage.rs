//! Every invariant can fail: something is broken on purpose, and the invariant is named.

use super::{
    Plan,
    invariants::{self, Failure},
    wishes::Sabotage,
    world::World,
};
use crate::{
    Caps, CommitmentBytes, KeyFacts, ProofBytes, ProofChecker, ProofError,
    testing::{FakeChecker, FakeKey, FakeModel},
};
use circuits::{
    TestSet,
    statement::{Scope, ScoreClaim},
};

/// Believes every score.
pub(super) struct Gullible;

impl ProofChecker for Gullible {
    type Key = FakeKey;
    type Model = FakeModel;

    fn load_key(&self, bytes: &[u8]) -> Result<FakeKey, ProofError> {
        FakeChecker.load_key(bytes)
    }

    fn key_facts(&self, key: &FakeKey) -> KeyFacts {
        FakeChecker.key_facts(key)
    }

    fn check_model(
        &self,
        key: &FakeKey,
        scope: &Scope,
        commitment: &CommitmentBytes,
        proof: &ProofBytes,
    ) -> Result<FakeModel, ProofError> {
        FakeChecker.check_model(key, scope, commitment, proof)
    }

    fn check_score(
        &self,
        _: &FakeKey,
        _: &TestSet,
        _: &FakeModel,
        _: &ScoreClaim,
        _: &ProofBytes,
    ) -> Result<(), ProofError> {
        Ok(())
    }
}

const SMALL: Plan = Plan { nodes: 12, competitors: 10, sabotage: None };

fn sabotaged(sabotage: Sabotage) -> Failure {
    let mut world = World::new(1, Plan { sabotage: Some(sabotage), ..SMALL });
    world.run().expect_err("the invariant does not notice")
}

#[test]
fn a_checker_that_believes_everything_is_noticed() {
    assert_eq!(sabotaged(Sabotage::BelievesProofs).invariant, invariants::NOTHING_INVALID);
}

#[test]
fn an_early_acknowledgement_is_noticed() {
    assert_eq!(sabotaged(Sabotage::AcknowledgesEarly).invariant, invariants::ACKNOWLEDGED_STAYS);
}

#[test]
fn a_board_that_depends_on_the_node_is_noticed() {
    assert_eq!(sabotaged(Sabotage::StaleBoard).invariant, invariants::EQUAL_BOARDS);
}

#[test]
fn an_inbox_without_bound_is_noticed() {
    assert_eq!(sabotaged(Sabotage::OpenInbox).invariant, invariants::BOUNDED);
}

#[test]
fn blame_for_what_nobody_can_judge_is_noticed() {
    assert_eq!(sabotaged(Sabotage::BlamesForUnknown).invariant, invariants::HONEST_PEERS);
}

#[test]
fn a_node_that_takes_nothing_from_others_is_noticed() {
    assert_eq!(sabotaged(Sabotage::Deaf).invariant, invariants::NOTHING_LOST);
}

/// After a run in which nothing was broken.
#[test]
fn a_node_that_is_spoilt_afterwards_is_noticed() {
    let mut world = World::new(1, SMALL);
    assert_eq!(world.run(), Ok(()));
    assert_eq!(invariants::at_the_end(&mut world), Ok(()));
    let full =
        world.nodes[2].state.set().contests().find(|contest| contest.counts().submissions > 1).unwrap();
    let caps = full.competition().item.body().caps;
    assert_eq!(invariants::counted(2, full, caps), Ok(()));
    let none = Caps { submissions: 0, ..caps };
    assert_eq!(invariants::counted(2, full, none).unwrap_err().invariant, invariants::CAPS);

    let id = full.id();
    let rows = std::mem::take(&mut world.nodes[2].boards.get_mut(&id).unwrap().rows);
    assert_eq!(invariants::at_intervals(&world).unwrap_err().invariant, invariants::UPDATED_BOARDS);
    world.nodes[2].boards.get_mut(&id).unwrap().rows = rows;
    assert_eq!(invariants::at_intervals(&world), Ok(()));

    world.nodes[4].crash();
    assert_eq!(invariants::everybody_agrees(&world).unwrap_err().invariant, invariants::AGREEMENT);
    assert_eq!(invariants::at_the_end(&mut world).unwrap_err().invariant, invariants::NOTHING_LOST);
}
