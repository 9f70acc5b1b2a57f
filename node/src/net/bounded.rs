//! Identify reports every address at which a peer claims to see this node, and those who listen (AutoNAT) keep all of
//! them for ever. Here is the bound.

use crate::limits;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use std::collections::HashSet;
use std::task::{Context, Poll};

/// A behaviour that may name at most [`ADDRESS_CANDIDATES`](limits::ADDRESS_CANDIDATES) external addresses.
pub struct Bounded<B> {
    inner: B,
    candidates: HashSet<Multiaddr>,
}

impl<B> Bounded<B> {
    /// Over another behaviour.
    pub fn new(inner: B) -> Self {
        Self { inner, candidates: HashSet::new() }
    }

    /// The addresses that it has named.
    pub fn candidates(&self) -> impl Iterator<Item = &Multiaddr> {
        self.candidates.iter()
    }

    /// Whether there is room for this candidate, or it is known.
    fn admit(&mut self, address: &Multiaddr) -> bool {
        if address.len() > limits::ADDRESS_MAX_BYTES {
            return false;
        }
        self.candidates.contains(address)
            || self.candidates.len() < limits::ADDRESS_CANDIDATES && self.candidates.insert(address.clone())
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for Bounded<B> {
    type ConnectionHandler = B::ConnectionHandler;
    type ToSwarm = B::ToSwarm;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.inner.handle_pending_inbound_connection(id, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.inner.handle_pending_outbound_connection(id, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_outbound_connection(id, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            match self.inner.poll(cx) {
                Poll::Ready(ToSwarm::NewExternalAddrCandidate(address)) if !self.admit(&address) => {}
                other => return other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::ping;

    #[test]
    fn one_candidate_beyond_the_limit_is_not_passed_on() {
        let mut bounded = Bounded::new(ping::Behaviour::default());
        let address = |n: usize| -> Multiaddr { format!("/ip4/8.8.8.8/tcp/{}", n + 1).parse().unwrap() };
        for n in 0..limits::ADDRESS_CANDIDATES {
            assert!(bounded.admit(&address(n)));
        }
        assert!(!bounded.admit(&address(limits::ADDRESS_CANDIDATES)));
        assert!(bounded.admit(&address(0)), "a known one is not new");
    }

    #[test]
    fn a_long_candidate_is_not_passed_on() {
        let mut bounded = Bounded::new(ping::Behaviour::default());
        let name = "a".repeat(limits::ADDRESS_MAX_BYTES);
        assert!(!bounded.admit(&format!("/dns4/{name}/tcp/1").parse().unwrap()));
    }
}
