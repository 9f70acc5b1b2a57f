//! What the network reports, and who takes care of it.

use super::Daemon;
use crate::limits;
use crate::net::BehaviourEvent;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, gossipsub, identify, mdns, relay, request_response};
use std::collections::HashMap;

type ExchangeEvent = request_response::Event<crate::net::Request, crate::net::Response>;

impl Daemon {
    pub(super) fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::NewListenAddr { address, .. } => {
                // A relay names an address again whenever the place is renewed.
                if self.listen.len() < limits::MAX_ADDRESSES && !self.listen.contains(&address) {
                    tracing::info!(%address, "listening");
                    self.listen.push(address);
                }
                self.declare_relay();
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.listen.retain(|known| *known != address);
                self.declare_relay();
            }
            SwarmEvent::ListenerClosed { listener_id, addresses, reason } => {
                let reason = reason.map_or_else(|error| error.to_string(), |()| "given up".to_owned());
                self.on_listener_closed(listener_id, &addresses, &reason);
            }
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.on_disconnected(peer_id, connection_id, num_established);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.on_not_dialled(connection_id, &error);
            }
            SwarmEvent::ExternalAddrConfirmed { address } => self.on_external(address),
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener has trouble"),
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Gossip(gossipsub::Event::Message { propagation_source, message_id, message }) => {
                self.count_in(propagation_source, message.data.len() as u64);
                self.on_gossip(propagation_source, message_id, &message.data);
            }
            BehaviourEvent::Gossip(gossipsub::Event::Subscribed { .. }) => self.offer_outbox(),
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                self.on_identified(peer_id, &info);
            }
            BehaviourEvent::Ping(event) => self.on_ping(&event),
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => {
                let mut peers: HashMap<PeerId, Vec<Multiaddr>> = HashMap::new();
                for (peer, address) in found.into_iter().take(limits::MAX_ADDRESSES) {
                    peers.entry(peer).or_default().push(address);
                }
                for (peer, addresses) in peers {
                    self.dial_at(peer, addresses);
                }
            }
            BehaviourEvent::Exchange(event) => self.on_exchange(event),
            BehaviourEvent::Kad(event) => self.on_kad(event),
            BehaviourEvent::Autonat(event) => self.on_autonat(event),
            BehaviourEvent::Relay(event) => tracing::debug!(?event, "relay"),
            BehaviourEvent::RelayClient(relay::client::Event::ReservationReqAccepted {
                relay_peer_id,
                ..
            }) => self.on_place(relay_peer_id),
            BehaviourEvent::Dcutr(event) => match event.result {
                Ok(_) => {
                    tracing::info!(peer = %event.remote_peer_id, "connected directly, no longer by relay")
                }
                Err(error) => tracing::debug!(peer = %event.remote_peer_id, %error, "still by relay"),
            },
            _ => {}
        }
    }

    fn on_exchange(&mut self, event: ExchangeEvent) {
        match event {
            ExchangeEvent::Message { peer, message, .. } => match message {
                request_response::Message::Request { request_id, request, channel } => {
                    self.count_in(peer, request.payload_bytes());
                    self.on_request(peer, request_id, request, channel);
                }
                request_response::Message::Response { request_id, response } => {
                    self.count_in(peer, response.payload_bytes());
                    self.on_response(peer, request_id, response);
                }
            },
            ExchangeEvent::ResponseSent { request_id, .. }
            | ExchangeEvent::InboundFailure { request_id, .. } => self.served(request_id),
            ExchangeEvent::OutboundFailure { peer, request_id, error, .. } => {
                tracing::debug!(%peer, %error, "a request was not answered");
                self.on_no_response(peer, request_id);
            }
        }
    }
}
