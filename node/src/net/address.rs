//! What an address says: whose it is, how far it reaches, and whether it goes through a relay.

use crate::limits;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches, the narrowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// This machine.
    Loopback,
    /// A local network (RFC 1918, RFC 4193, RFC 6598, link-local).
    Local,
    /// The internet: names too, as nobody knows where they lead.
    Global,
}

/// How far an address reaches, that of the relay if there is one; none if it cannot be dialled at all.
pub fn scope_of(address: &Multiaddr) -> Option<Scope> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => scope_of_ip(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => scope_of_ip(ip.to_canonical()),
        Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_) => {
            Some(Scope::Global)
        }
        _ => None,
    }
}

fn scope_of_ip(ip: IpAddr) -> Option<Scope> {
    if ip.is_unspecified() || ip.is_multicast() {
        return None;
    }
    let local = match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || is_shared(ip),
        IpAddr::V6(ip) => is_unique_local(ip) || ip.is_unicast_link_local(),
    };
    match (ip.is_loopback(), local) {
        (true, _) => Some(Scope::Loopback),
        (_, true) => Some(Scope::Local),
        _ => Some(Scope::Global),
    }
}

/// 100.64.0.0/10 (RFC 6598): behind a provider's own translation.
fn is_shared(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && second & 0b1100_0000 == 64
}

/// fc00::/7 (RFC 4193).
fn is_unique_local(ip: Ipv6Addr) -> bool {
    ip.segments()[0] & 0xfe00 == 0xfc00
}

/// The addresses of a peer that are worth keeping, out of what it claims: none that reaches less far than the
/// connection over which it said so. Otherwise a stranger on the internet could have this node dial the services of
/// its own machine and network.
pub fn believable<'a>(
    claimed: impl IntoIterator<Item = &'a Multiaddr>,
    peer: PeerId,
    seen_at: Scope,
) -> Vec<Multiaddr> {
    let plausible = |address: &&Multiaddr| {
        scope_of(address).is_some_and(|scope| scope >= seen_at)
            && address.len() <= limits::ADDRESS_MAX_BYTES
            && target_of(address).is_none_or(|target| target == peer)
    };
    claimed.into_iter().filter(plausible).take(limits::PEER_ADDRESSES).cloned().collect()
}

/// Whether a connection to this address goes through a relay.
pub fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

/// The peer that an address leads to, if it says so: not the relay on the way.
pub fn target_of(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last()? {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    }
}

/// An address without the peer at its end.
pub fn without_target(address: &Multiaddr) -> Multiaddr {
    let mut bare = address.clone();
    if target_of(address).is_some() {
        bare.pop();
    }
    bare
}

/// Whether two addresses are the same, with or without the peer's id at the end.
pub fn same_address(a: &Multiaddr, b: &Multiaddr) -> bool {
    without_target(a) == without_target(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    #[test]
    fn scopes_are_told_apart() {
        let scope = |text: &str| scope_of(&address(text));
        for (text, expected) in [
            ("/ip4/127.0.0.1/tcp/1", Some(Scope::Loopback)),
            ("/ip4/127.9.9.9/tcp/1", Some(Scope::Loopback)),
            ("/ip6/::1/tcp/1", Some(Scope::Loopback)),
            ("/ip6/::ffff:127.0.0.1/tcp/1", Some(Scope::Loopback)),
            ("/ip4/10.0.0.1/tcp/1", Some(Scope::Local)),
            ("/ip4/192.168.3.4/udp/1/quic-v1", Some(Scope::Local)),
            ("/ip4/169.254.1.1/tcp/1", Some(Scope::Local)),
            ("/ip4/100.64.0.1/tcp/1", Some(Scope::Local)),
            ("/ip4/100.128.0.1/tcp/1", Some(Scope::Global)),
            ("/ip6/fd00::1/tcp/1", Some(Scope::Local)),
            ("/ip6/fe80::1/tcp/1", Some(Scope::Local)),
            ("/ip6/::ffff:10.0.0.1/tcp/1", Some(Scope::Local)),
            ("/ip4/8.8.8.8/tcp/1", Some(Scope::Global)),
            ("/ip6/2001:4860::1/tcp/1", Some(Scope::Global)),
            ("/dns4/example.org/tcp/1", Some(Scope::Global)),
            ("/dnsaddr/example.org", Some(Scope::Global)),
            ("/ip4/0.0.0.0/tcp/1", None),
            ("/ip6/::/tcp/1", None),
            ("/ip4/224.0.0.1/tcp/1", None),
            ("/memory/1", None),
        ] {
            assert_eq!(scope(text), expected, "{text}");
        }
    }

    #[test]
    fn a_stranger_cannot_name_this_machine_or_network_as_its_own() {
        let (peer, other) = (PeerId::random(), PeerId::random());
        let far = address("/ip4/8.8.8.8/tcp/1");
        let near = address("/ip4/192.168.0.1/tcp/22");
        let here = address("/ip4/127.0.0.1/tcp/6379");
        let circuit = address(&format!("/ip4/8.8.8.8/tcp/1/p2p/{other}/p2p-circuit/p2p/{peer}"));
        let foreign = address(&format!("/ip4/8.8.8.8/tcp/1/p2p/{other}"));
        let all = [far.clone(), near.clone(), here.clone(), circuit.clone(), foreign];
        assert_eq!(believable(&all, peer, Scope::Global), [far.clone(), circuit.clone()]);
        assert_eq!(believable(&all, peer, Scope::Local), [far.clone(), near.clone(), circuit.clone()]);
        assert_eq!(believable(&all, peer, Scope::Loopback), [far, near, here, circuit]);
    }

    #[test]
    fn of_many_or_long_addresses_few_are_kept() {
        let peer = PeerId::random();
        let port = |n: usize| address(&format!("/ip4/8.8.8.8/tcp/{}", n + 1));
        let many: Vec<_> = (0..=limits::PEER_ADDRESSES).map(port).collect();
        assert_eq!(believable(&many, peer, Scope::Global), many[..limits::PEER_ADDRESSES]);
        let name = |len: usize| address(&format!("/dns4/{}/tcp/1", "a".repeat(len)));
        let overhead = name(200).len() - 200;
        let fits = name(limits::ADDRESS_MAX_BYTES - overhead);
        let long = name(limits::ADDRESS_MAX_BYTES - overhead + 1);
        assert_eq!(believable([&long, &fits], peer, Scope::Global), [fits]);
    }

    #[test]
    fn the_relay_on_the_way_is_not_the_target() {
        let (relay, peer) = (PeerId::random(), PeerId::random());
        let through = address(&format!("/ip4/8.8.8.8/tcp/1/p2p/{relay}/p2p-circuit"));
        assert_eq!(target_of(&through), None);
        let full = through.clone().with(Protocol::P2p(peer));
        assert_eq!(target_of(&full), Some(peer));
        assert!(same_address(&full, &through) && is_relayed(&through));
        assert!(!same_address(&through, &address("/ip4/8.8.8.8/tcp/1")));
    }
}
