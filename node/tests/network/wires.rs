//! What connects the nodes of a cluster, and how it is cut.

use super::proxy::Proxy;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// How nodes reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Each in a network namespace of its own, one pair of virtual interfaces a wire: what is cut is silent.
    Namespaces,
    /// On loopback, through a proxy a wire: what is cut is hung up.
    Proxies,
}

/// All wires of a cluster. A wire leads from the node that dials to the one that listens.
pub struct Wires {
    pub way: Way,
    ends: Vec<(usize, usize)>,
    proxies: Vec<Proxy>,
    namespaces: Vec<String>,
}

static CLUSTERS: AtomicU32 = AtomicU32::new(0);

fn ip(arguments: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(arguments.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Way {
    /// Namespaces where this process may make them.
    pub fn best() -> Self {
        let name = format!("podium-{}-probe", std::process::id());
        let made = ip(&format!("netns add {name}"));
        let pair = made && ip(&format!("link add v0 netns {name} type veth peer name v1 netns {name}"));
        if made {
            ip(&format!("netns del {name}"));
        }
        if pair { Self::Namespaces } else { Self::Proxies }
    }
}

impl Wires {
    pub fn new(way: Way, nodes: usize, ends: &[(usize, usize)]) -> Self {
        let number = CLUSTERS.fetch_add(1, Ordering::SeqCst);
        let mut wires = Self { way, ends: ends.to_vec(), proxies: Vec::new(), namespaces: Vec::new() };
        if way == Way::Proxies {
            wires.proxies = ends.iter().map(|_| Proxy::start()).collect();
            return wires;
        }
        for node in 0..nodes {
            let name = format!("podium-{}-{number}-{node}", std::process::id());
            assert!(ip(&format!("netns add {name}")), "no namespace {name}");
            wires.namespaces.push(name.clone());
            assert!(ip(&format!("-n {name} link set lo up")));
        }
        for (wire, (near, far)) in ends.iter().enumerate() {
            let (a, b) = (&wires.namespaces[*near], &wires.namespaces[*far]);
            assert!(ip(&format!("link add v{wire} netns {a} type veth peer name v{wire} netns {b}")));
            for (space, host) in [(a, 1), (b, 2)] {
                assert!(ip(&format!("-n {space} addr add 10.77.{wire}.{host}/30 dev v{wire}")));
                assert!(ip(&format!("-n {space} link set v{wire} up")));
            }
        }
        wires
    }

    /// What a node's command is put behind.
    pub fn within(&self, node: usize) -> Vec<String> {
        match self.namespaces.get(node) {
            Some(space) => ["ip", "netns", "exec", space].map(str::to_owned).to_vec(),
            None => Vec::new(),
        }
    }

    /// Where a node is to listen.
    pub fn listen(&self, port: u16) -> String {
        match self.way {
            // Each has its ports for itself.
            Way::Namespaces => format!("/ip4/0.0.0.0/tcp/{}", if port == 0 { 4001 } else { port }),
            Way::Proxies => format!("/ip4/127.0.0.1/tcp/{port}"),
        }
    }

    /// A node listens on this port.
    pub fn listens(&self, node: usize, port: u16) {
        for (proxy, _) in self.proxies.iter().zip(&self.ends).filter(|(_, (_, far))| *far == node) {
            proxy.lead_to(port);
        }
    }

    /// Where the far end of a wire is to be dialled.
    pub fn address(&self, wire: usize, port: u16) -> String {
        match self.way {
            Way::Namespaces => format!("/ip4/10.77.{wire}.2/tcp/{port}"),
            Way::Proxies => format!("/ip4/127.0.0.1/tcp/{}", self.proxies[wire].port),
        }
    }

    /// The wires that a node dials by, and whom it reaches so.
    pub fn dials(&self, node: usize) -> impl Iterator<Item = (usize, usize)> {
        self.ends.iter().enumerate().filter(move |(_, (near, _))| *near == node).map(|(n, ends)| (n, ends.1))
    }

    /// Cuts or heals every wire whose ends this says yes to.
    pub fn set(&self, up: bool, concerns: impl Fn(usize, usize) -> bool) {
        for (wire, (near, far)) in self.ends.iter().enumerate().filter(|(_, ends)| concerns(ends.0, ends.1)) {
            match self.namespaces.get(*near).zip(self.namespaces.get(*far)) {
                Some((space, _)) => {
                    let state = if up { "up" } else { "down" };
                    assert!(ip(&format!("-n {space} link set v{wire} {state}")));
                }
                None => self.proxies[wire].set_up(up),
            }
        }
    }

    /// Slows a wire of proxies down.
    pub fn slow(&self, wire: usize, bytes_per_second: u64) {
        self.proxies[wire].slow_to(bytes_per_second);
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        for space in &self.namespaces {
            ip(&format!("netns del {space}"));
        }
    }
}

/// Everybody dials everybody before him.
pub fn full(nodes: usize) -> Vec<(usize, usize)> {
    (0..nodes).flat_map(|node| (0..node).map(move |other| (node, other))).collect()
}

/// Everybody dials the first.
pub fn star(nodes: usize) -> Vec<(usize, usize)> {
    (1..nodes).map(|node| (node, 0)).collect()
}

/// Everybody dials the one before him.
pub fn chain(nodes: usize) -> Vec<(usize, usize)> {
    (1..nodes).map(|node| (node, node - 1)).collect()
}
