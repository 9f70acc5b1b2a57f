//! What comes back: events of the two contracts.

use crate::bindings::{Competitions::CompetitionsEvents, Verifier::VerifierEvents};
use alloy_primitives::Log;
use alloy_sol_types::SolEventInterface;

/// An event of one of the contracts. The caller has seen to it that the log is of a contract that it trusts.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Of the verifier.
    Verifier(VerifierEvents),
    /// Of the competitions.
    Competitions(Box<CompetitionsEvents>),
}

/// A log that is no event of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an event of the contracts, got a log of {address} with the topic {topic}")]
pub struct EventError {
    /// Whose log it is.
    pub address: String,
    /// Its first topic, in hex.
    pub topic: String,
}

/// Decodes a log.
///
/// # Errors
/// If it is no event of ours.
pub fn event(log: &Log) -> Result<Event, EventError> {
    if let Ok(event) = CompetitionsEvents::decode_log(log) {
        return Ok(Event::Competitions(Box::new(event.data)));
    }
    if let Ok(event) = VerifierEvents::decode_log(log) {
        return Ok(Event::Verifier(event.data));
    }
    let topic = log.topics().first().map(|topic| topic.to_string()).unwrap_or_default();
    Err(EventError { address: log.address.to_string(), topic })
}
