//! What the chain says of the prizes that records name, for boards. Hosts may name what they like: only a competition
//! in a contract with our code, with terms that hash to its id, is shown as a prize.

use super::asset::Asset;
use super::compare::differences;
use super::endpoint::Endpoint;
use super::error::ChainError;
use super::find;
use super::rpc::Rpc;
use super::site::Site;
use crate::limits;
use alloy_primitives::{Address, B256, U256};
use api::PrizeStatus;
use contracts::{Phase, Terms};
use protocol::{Competition, Prize, Record, RecordId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where one looks, and what never changes of what was found there.
#[derive(Debug)]
pub struct Watch {
    endpoint: Endpoint,
    from_block: u64,
    sites: BTreeMap<Address, Site>,
    terms: BTreeMap<B256, (Terms, Asset)>,
}

impl Watch {
    /// Nothing is asked yet. Events are looked for from block `from_block` on.
    pub fn new(endpoint: Endpoint, from_block: u64) -> Self {
        Self { endpoint, from_block, sites: BTreeMap::new(), terms: BTreeMap::new() }
    }

    /// Whether the chain's node is on this machine.
    pub fn is_local(&self) -> bool {
        self.endpoint.is_local()
    }

    /// What the chain says of these competitions; `now` is seconds since 1970. Blocks, and takes no runtime around it.
    pub fn look(
        &mut self,
        competitions: &[(RecordId, Arc<Record<Competition>>)],
        now: u64,
    ) -> Vec<(RecordId, PrizeStatus)> {
        let opened = Rpc::new(self.endpoint.clone()).and_then(|rpc| Ok((rpc.chain()?, rpc)));
        let (mut found, mut trouble) = (Vec::new(), None);
        for (id, record) in competitions {
            let Some(prize) = &record.body().prize else { continue };
            let status = match (&opened, &trouble) {
                (Err(error), _) | (_, Some(error)) => Err(error.to_string()),
                (Ok((chain, rpc)), None) => self.status(rpc, *chain, record, prize, now).map_err(|error| {
                    let told = error.to_string();
                    // Who does not answer once is not asked for all of them.
                    trouble = error.is_passing().then_some(error);
                    told
                }),
            };
            let unknown = |reason| PrizeStatus::Unknown { reason, looked: now };
            found.push((*id, status.unwrap_or_else(unknown)));
        }
        found
    }

    fn status(
        &mut self,
        rpc: &Rpc,
        chain: u64,
        record: &Record<Competition>,
        prize: &Prize,
        now: u64,
    ) -> Result<PrizeStatus, ChainError> {
        if prize.chain_id != chain {
            return Err(ChainError::WrongChain { expected: prize.chain_id, got: chain });
        }
        let (contract, id) = (Address::from(prize.contract), B256::from(prize.id));
        let site = self.site(rpc, chain, contract)?;
        let stored = site.competition(rpc, id)?;
        let phase = Phase::of(stored.phase).filter(|phase| *phase != Phase::None);
        let unknown = || ChainError::Unknown { id: id.to_string(), contract: contract.to_string() };
        let phase = phase.ok_or_else(unknown)?;
        let (terms, asset) = self.terms(rpc, &site, id)?.ok_or_else(unknown)?;
        let best = site.places(rpc, id)?.first().map(|place| u64::from(place.correct));
        Ok(PrizeStatus::Held {
            amount: asset.number(U256::from(terms.prize)),
            token: (!asset.is_coin()).then(|| asset.token.to_string()),
            phase: phase.name().to_owned(),
            entries: stored.entries.into(),
            proved: stored.proved.into(),
            best,
            differences: differences(&site.at, id, &terms, record.body(), &record.author()),
            looked: now,
        })
    }

    fn site(&mut self, rpc: &Rpc, chain: u64, contract: Address) -> Result<Site, ChainError> {
        if let Some(site) = self.sites.get(&contract).filter(|site| site.at.chain == chain) {
            return Ok(*site);
        }
        let site = Site::check(rpc, chain, contract)?;
        bounded(&mut self.sites).insert(contract, site);
        Ok(site)
    }

    /// Terms are in an event that is looked for once.
    fn terms(&mut self, rpc: &Rpc, site: &Site, id: B256) -> Result<Option<(Terms, Asset)>, ChainError> {
        if let Some(known) = self.terms.get(&id) {
            return Ok(Some(known.clone()));
        }
        let Some(posted) = find::posted(rpc, site, Some(id), self.from_block)?.pop() else { return Ok(None) };
        let known = (posted.terms.clone(), Asset::of(rpc, posted.terms.token)?);
        bounded(&mut self.terms).insert(id, known.clone());
        Ok(Some(known))
    }
}

/// What is looked up again does no harm; what grows without end does.
fn bounded<K: Ord, V>(map: &mut BTreeMap<K, V>) -> &mut BTreeMap<K, V> {
    if map.len() >= limits::CHAIN_REMEMBERED {
        map.clear();
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut map = BTreeMap::new();
        for i in 0..limits::CHAIN_REMEMBERED + 3 {
            bounded(&mut map).insert(i, ());
        }
        assert_eq!(map.len(), 3);
    }
}
