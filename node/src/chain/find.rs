//! Competitions on the chain: found by the events of the contract, so that everybody recovers the terms, which the
//! contract does not keep.

use super::error::ChainError;
use super::rpc::Rpc;
use super::site::Site;
use crate::limits;
use alloy_primitives::B256;
use alloy_sol_types::SolEvent;
use contracts::bindings::Competitions::{CompetitionsEvents, Posted};
use contracts::{Event, Terms, competition_id, event};

/// A posted competition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnChain {
    /// Its id.
    pub id: B256,
    /// Its terms, which hash to the id.
    pub terms: Terms,
}

/// Competitions that were posted from block `from` on, the newest first: the one of this id, or all.
///
/// # Errors
/// If the chain's node does not answer.
pub fn posted(rpc: &Rpc, site: &Site, id: Option<B256>, from: u64) -> Result<Vec<OnChain>, ChainError> {
    let topics = [Some(Posted::SIGNATURE_HASH), id];
    let mut found = Vec::new();
    events(rpc, site, &topics[..1 + usize::from(id.is_some())], from, &mut |event| {
        // Whoever's node this is: terms that do not hash to their id are not this competition's.
        if let CompetitionsEvents::Posted(Posted { id, terms, .. }) = event
            && competition_id(&site.at, &terms) == id
        {
            found.push(OnChain { id, terms });
        }
        id.is_none() || found.is_empty()
    })?;
    Ok(found)
}

/// Goes through events, the newest first, until `take` has enough. Nodes bound how many blocks they search at once:
/// spans become shorter until they are taken.
fn events(
    rpc: &Rpc,
    site: &Site,
    topics: &[Option<B256>],
    from: u64,
    take: &mut dyn FnMut(CompetitionsEvents) -> bool,
) -> Result<(), ChainError> {
    let mut end: u64 = rpc.head()?.number.to();
    let mut span = end.saturating_sub(from).saturating_add(1);
    loop {
        let start = end.saturating_sub(span.saturating_sub(1)).max(from);
        let logs = match rpc.logs(site.at.contract, topics, start, end) {
            Err(ChainError::Rpc { .. } | ChainError::Down { .. }) if span > limits::CHAIN_LOG_SPAN => {
                span = (span / 4).max(limits::CHAIN_LOG_SPAN);
                continue;
            }
            logs => logs?,
        };
        for log in logs.iter().rev().filter_map(super::rpc::Logged::log) {
            let ours = log.address == site.at.contract;
            if let (true, Ok(Event::Competitions(event))) = (ours, event(&log))
                && !take(*event)
            {
                return Ok(());
            }
        }
        if start <= from {
            return Ok(());
        }
        end = start - 1;
    }
}
