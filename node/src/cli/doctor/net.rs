//! Ports, clock, peers.

use super::super::run::Settings;
use super::{Finding, Running};
use crate::limits;
use crate::net::{self, NetConfig};
use api::Reachability;
use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{Multiaddr, PeerId};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A peer that answers at all does so within this time.
const DIAL_PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn all(settings: &Settings, running: Option<&Running>, offline: bool) -> Vec<Finding> {
    let mut findings = match running {
        Some(running) => vec![reached(running)],
        None => settings.listen.iter().map(port).collect(),
    };
    findings.extend(settings.metrics.filter(|_| running.is_none()).map(metrics));
    findings.push(clock(running.and_then(|running| running.health.clock_offset_s), synchronised()));
    findings.extend(peers(settings, offline));
    findings
}

/// Whether strangers can dial the running node.
fn reached(running: &Running) -> Finding {
    let listen = running.hello.listen.join(", ");
    match running.health.reachability {
        Reachability::Public => {
            Finding::ok("ports", format!("strangers reach {}", running.health.external.join(", ")))
        }
        Reachability::Private => Finding::warning(
            "ports",
            format!("listens at {listen}, and strangers cannot dial it"),
            "forward the port on the router and in the firewall; through relays it works, slower",
        ),
        Reachability::Unknown => Finding::ok(
            "ports",
            format!("listens at {listen}; nobody has tried yet whether strangers can dial it"),
        ),
    }
}

/// The socket address that an address to listen on begins with, and whether it is for UDP.
fn socket(address: &Multiaddr) -> Option<(SocketAddr, bool)> {
    let mut parts = address.iter();
    let ip: IpAddr = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some((SocketAddr::new(ip, port), false)),
        Protocol::Udp(port) => Some((SocketAddr::new(ip, port), true)),
        _ => None,
    }
}

/// Whether a node could listen there.
fn port(address: &Multiaddr) -> Finding {
    const CHECK: &str = "ports";
    let Some((socket, udp)) = socket(address) else {
        return Finding::warning(
            CHECK,
            format!("{address} cannot be tried"),
            "start the node and look at its log",
        );
    };
    let bound = if udp { UdpSocket::bind(socket).map(drop) } else { TcpListener::bind(socket).map(drop) };
    match bound {
        Ok(()) => Finding::ok(CHECK, format!("{address} is free")),
        Err(error) => Finding::problem(
            CHECK,
            format!("cannot listen at {address}: {error}"),
            "end the other program or choose another --listen; ports below 1024 are for the system",
        ),
    }
}

fn metrics(address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok("metrics", format!("{address} is free")),
        Err(error) => Finding::problem(
            "metrics",
            format!("cannot listen at {address}: {error}"),
            "choose another --metrics",
        ),
    }
}

/// Whether the kernel's clock is kept right, as far as systemd tells.
fn synchronised() -> Option<bool> {
    let mut command = Command::new("timedatectl");
    command
        .args(["show", "--property=NTPSynchronized", "--value"])
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    match String::from_utf8(command.output().ok()?.stdout).ok()?.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn clock(offset: Option<i64>, synchronised: Option<bool>) -> Finding {
    const ADVICE: &str =
        "set the clock and switch NTP on (`timedatectl set-ntp true`): deadlines depend on it";
    match (offset, synchronised) {
        (Some(offset), _) if offset.abs() > limits::CLOCK_OFF_S => {
            Finding::problem("clock", format!("peers' clocks less this one: {offset} s"), ADVICE)
        }
        (Some(offset), _) => Finding::ok("clock", format!("peers' clocks less this one: {offset} s")),
        (None, Some(true)) => Finding::ok("clock", "synchronised; no peers to compare with"),
        (None, Some(false)) => {
            Finding::warning("clock", "not synchronised, and no peers to compare with", ADVICE)
        }
        (None, None) => Finding::ok("clock", "no peers to compare with, and the system does not tell"),
    }
}

/// Whether the bootstrap peers answer, and are who they should be.
fn peers(settings: &Settings, offline: bool) -> Vec<Finding> {
    const CHECK: &str = "peers";
    if settings.bootstrap.is_empty() {
        let advice =
            "nodes on the same network find each other; others need --bootstrap with a peer's address";
        return vec![if settings.no_mdns {
            Finding::warning(CHECK, "no bootstrap peers, and no search on the local network", advice)
        } else {
            Finding::ok(CHECK, "no bootstrap peers: only the local network is searched")
        }];
    }
    if offline {
        return vec![Finding::ok(
            CHECK,
            format!("{} bootstrap peers, not dialled", settings.bootstrap.len()),
        )];
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return vec![Finding::problem(CHECK, error.to_string(), "see the system's limits")],
    };
    settings.bootstrap.iter().map(|address| runtime.block_on(dial(address))).collect()
}

/// Dials as a stranger with a key of its own: somebody who runs with this identity already is not disturbed.
async fn dial(address: &Multiaddr) -> Finding {
    let advice =
        "check the address, and whether that node runs and its port is open; the node goes on trying";
    match tokio::time::timeout(DIAL_PATIENCE, connect(address)).await {
        Ok(Ok(peer)) => Finding::ok("peers", format!("{address} answers as {peer}")),
        Ok(Err(reason)) => Finding::warning("peers", format!("{address} does not answer: {reason}"), advice),
        Err(_) => {
            let seconds = DIAL_PATIENCE.as_secs();
            Finding::warning("peers", format!("{address} does not answer within {seconds} s"), advice)
        }
    }
}

async fn connect(address: &Multiaddr) -> Result<PeerId, String> {
    let mut swarm =
        net::start(&Keypair::generate_ed25519(), &NetConfig::default()).map_err(|error| error.to_string())?;
    let opts = match net::target_of(address) {
        Some(peer) => DialOpts::peer_id(peer).addresses(vec![address.clone()]).build(),
        None => DialOpts::unknown_peer_id().address(address.clone()).build(),
    };
    swarm.dial(opts).map_err(|error| error.to_string())?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => return Ok(peer_id),
            SwarmEvent::OutgoingConnectionError { error, .. } => return Err(error.to_string()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_taken_port_is_a_problem_and_a_free_one_is_not() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address: Multiaddr =
            format!("/ip4/127.0.0.1/tcp/{}", taken.local_addr().unwrap().port()).parse().unwrap();
        assert_eq!(port(&address).level, Level::Problem);
        drop(taken);
        assert_eq!(port(&address).level, Level::Ok);
        assert_eq!(port(&"/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()).level, Level::Ok);
        assert_eq!(port(&"/dns4/a.example/tcp/1".parse().unwrap()).level, Level::Warning);
    }

    #[test]
    fn a_clock_is_judged_by_peers_first() {
        assert_eq!(clock(Some(61), Some(true)).level, Level::Problem);
        assert_eq!(clock(Some(-61), None).level, Level::Problem);
        assert_eq!(clock(Some(60), Some(false)).level, Level::Ok);
        assert_eq!(clock(None, Some(false)).level, Level::Warning);
        assert_eq!(clock(None, None).level, Level::Ok);
    }
}
