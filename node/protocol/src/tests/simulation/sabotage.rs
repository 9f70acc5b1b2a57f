//! Every invariant can fail: something is broken on purpose, and the invariant is named.

use super::{
    Plan,
    invariants::{self, Failure},
    node::Sabotage,
    world::World,
};
use crate::{
    CommitmentBytes, KeyFacts, ProofBytes, ProofChecker, ProofError,
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

const SMALL: Plan = Plan { nodes: 20, competitors: 12, sabotage: None };

fn sabotaged(sabotage: Sabotage) -> Failure {
    let mut world = World::new(1, Plan { sabotage: Some(sabotage), ..SMALL });
    world.run().expect_err("the invariant does not notice")
}

/// A run without faults, to be spoilt afterwards.
fn finished() -> World {
    let mut world = World::new(1, SMALL);
    assert_eq!(world.run(), Ok(()));
    world
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
