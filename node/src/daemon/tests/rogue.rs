//! A peer that keeps to nothing: it sends any bytes, at any pace, on the streams of the exchange protocol, and gossips
//! what it likes.

use super::{Stranger, Victim, loopback, run_for};
use crate::limits;
use crate::net::{self, EXCHANGE, Request, Response};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, Event, Message, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{PeerId, StreamProtocol, Swarm, SwarmBuilder, gossipsub, noise, tcp, yamux};
use protocol::wire;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// What goes out on a stream.
#[derive(Clone, Debug)]
pub(super) enum Script {
    /// These bytes, and the end.
    Bytes(Vec<u8>),
    /// These bytes, one at a time.
    Drip(Vec<u8>, Duration),
    /// Bytes without end, as fast as they are taken.
    Endless,
    /// Nothing, and no end.
    Silence,
    /// These bytes, and nothing is read of what comes back.
    Deaf(Vec<u8>),
}

impl Script {
    /// A message as it ought to be.
    pub(super) fn response(response: &Response) -> Self {
        Self::Bytes(wire::encode(response).unwrap())
    }

    /// A request as it ought to be.
    pub(super) fn request(request: &Request) -> Self {
        Self::Bytes(wire::encode(request).unwrap())
    }

    async fn play(self, io: &mut (impl AsyncWrite + Unpin + Send)) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) | Self::Deaf(bytes) => io.write_all(&bytes).await,
            Self::Drip(bytes, pause) => {
                for byte in bytes {
                    io.write_all(&[byte]).await?;
                    io.flush().await?;
                    tokio::time::sleep(pause).await;
                }
                Ok(())
            }
            Self::Endless => loop {
                io.write_all(&[0x41; 4096]).await?;
            },
            Self::Silence => std::future::pending().await,
        }
    }
}

/// Bytes as they come, scripts as they are. Every stream has one of its own.
#[derive(Clone, Copy, Default)]
pub(super) struct RawCodec {
    deaf: bool,
}

async fn read(io: &mut (impl AsyncRead + Unpin + Send)) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io.take(1 << 24).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// Either way: what is sent is a script, what comes are bytes.
#[derive(Clone, Debug)]
pub(super) enum Raw {
    Sent(Script),
    Got(Vec<u8>),
}

impl Raw {
    async fn play(self, io: &mut (impl AsyncWrite + Unpin + Send)) -> io::Result<()> {
        match self {
            Self::Sent(script) => script.play(io).await,
            Self::Got(_) => Ok(()),
        }
    }
}

impl request_response::Codec for RawCodec {
    type Protocol = StreamProtocol;
    type Request = Raw;
    type Response = Raw;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Raw> {
        read(io).await.map(Raw::Got)
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Raw> {
        if self.deaf {
            return std::future::pending().await;
        }
        read(io).await.map(Raw::Got)
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Raw,
    ) -> io::Result<()> {
        self.deaf = matches!(request, Raw::Sent(Script::Deaf(_)));
        request.play(io).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        response: Raw,
    ) -> io::Result<()> {
        response.play(io).await
    }
}

/// Gossip without limits, and raw streams.
#[derive(NetworkBehaviour)]
pub(super) struct RawBehaviour {
    pub gossip: gossipsub::Behaviour,
    pub exchange: request_response::Behaviour<RawCodec>,
}

/// See the module.
pub(super) struct Rogue {
    pub swarm: Swarm<RawBehaviour>,
    pub peer: PeerId,
    victim: PeerId,
}

/// A rogue that answers by itself, until it is dropped.
pub(super) struct Answering {
    pub peer: PeerId,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Answering {
    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Rogue {
    pub(super) async fn meet(victim: &Victim) -> Self {
        let signed = |keys: &Keypair| gossipsub::MessageAuthenticity::Signed(keys.clone());
        Self::with(victim, EXCHANGE, signed).await
    }

    /// One that speaks this protocol, and signs its gossip so.
    pub(super) async fn with(
        victim: &Victim,
        protocol: &'static str,
        authenticity: impl FnOnce(&Keypair) -> gossipsub::MessageAuthenticity,
    ) -> Self {
        let keypair = Keypair::generate_ed25519();
        let config = gossipsub::ConfigBuilder::default()
            .validation_mode(gossipsub::ValidationMode::None)
            .max_transmit_size(8 << 20)
            .heartbeat_initial_delay(Duration::from_millis(50))
            .build()
            .unwrap();
        let mut gossip = gossipsub::Behaviour::new(authenticity(&keypair), config).unwrap();
        gossip.subscribe(&net::topic()).unwrap();
        let exchange = request_response::Behaviour::with_codec(
            RawCodec::default(),
            [(StreamProtocol::new(protocol), ProtocolSupport::Full)],
            request_response::Config::default()
                .with_request_timeout(Duration::from_secs(600))
                .with_max_concurrent_streams(10_000),
        );
        let mut swarm = SwarmBuilder::with_existing_identity(keypair)
            .with_tokio()
            .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|_| RawBehaviour { gossip, exchange })
            .unwrap()
            .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(600)))
            .build();
        swarm.listen_on(loopback().listen[0].clone()).unwrap();
        swarm.dial(victim.address.clone()).unwrap();
        let peer = *swarm.local_peer_id();
        let mut rogue = Self { swarm, peer, victim: victim.peer };
        rogue.until(|event| matches!(event, SwarmEvent::ConnectionEstablished { .. })).await;
        rogue
    }

    /// Drives its network until something happens.
    pub(super) async fn until(&mut self, mut happened: impl FnMut(&SwarmEvent<RawBehaviourEvent>) -> bool) {
        let found = async { while !happened(&self.swarm.select_next_some().await) {} };
        tokio::time::timeout(Duration::from_secs(30), found).await.expect("it did not happen");
    }

    /// Waits until the victim is known to want gossip.
    pub(super) async fn subscribed(&mut self) {
        use libp2p::gossipsub::Event::Subscribed;
        self.until(|event| {
            matches!(event, SwarmEvent::Behaviour(RawBehaviourEvent::Gossip(Subscribed { .. })))
        })
        .await;
    }

    /// Drives its network for a while; whether the victim has hung up.
    pub(super) async fn run_for(&mut self, time: Duration) -> bool {
        run_for(&mut self.swarm, time).await
    }

    /// Sends a request of any bytes.
    pub(super) fn ask(&mut self, script: Script) {
        self.swarm.behaviour_mut().exchange.send_request(&self.victim, Raw::Sent(script));
    }

    /// Sends a request and waits for its answer; `None` if the stream ended without one.
    pub(super) async fn answer(&mut self, script: Script) -> Option<Response> {
        self.ask(script);
        let mut answer = None;
        self.until(|event| match event {
            SwarmEvent::Behaviour(RawBehaviourEvent::Exchange(Event::Message {
                message: Message::Response { response: Raw::Got(bytes), .. },
                ..
            })) => {
                answer = wire::decode(bytes).ok();
                true
            }
            SwarmEvent::Behaviour(RawBehaviourEvent::Exchange(Event::OutboundFailure { .. })) => true,
            SwarmEvent::ConnectionClosed { .. } => true,
            _ => false,
        })
        .await;
        answer
    }

    /// Answers every request as it is told, in the background.
    pub(super) fn answering(
        mut self,
        mut answer: impl FnMut(Request) -> Script + Send + 'static,
    ) -> Answering {
        let asked = Arc::new(AtomicUsize::new(0));
        let (peer, count) = (self.peer, Arc::clone(&asked));
        let task = tokio::spawn(async move {
            loop {
                if let SwarmEvent::Behaviour(RawBehaviourEvent::Exchange(Event::Message {
                    message: Message::Request { request: Raw::Got(bytes), channel, .. },
                    ..
                })) = self.swarm.select_next_some().await
                {
                    count.fetch_add(1, Ordering::SeqCst);
                    let script = answer(wire::decode(&bytes).unwrap());
                    let _ = self.swarm.behaviour_mut().exchange.send_response(channel, Raw::Sent(script));
                }
            }
        });
        Answering { peer, asked, task }
    }
}

/// How many of a peer's messages the victim has refused; `None` if it is not connected.
pub(super) async fn refused(victim: &Victim, peer: PeerId) -> Option<u64> {
    let id = peer.to_string();
    victim.peers().await.into_iter().find(|known| known.peer_id == id).map(|known| known.refused)
}

/// Waits until this holds.
pub(in crate::daemon) async fn eventually(
    what: &str,
    within: Duration,
    mut holds: impl AsyncFnMut() -> bool,
) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The victim answers somebody else within a bound.
pub(super) async fn serves_others(victim: &Victim) {
    let start = Instant::now();
    let mut honest = Stranger::meet(victim).await;
    let fingerprint = protocol::Fingerprint::new([7; 32]);
    let response = honest.request(Request::Summary { after: None, fingerprint }).await;
    assert!(matches!(response, Response::Summary { .. }), "{response:?}");
    assert!(start.elapsed() < limits::REQUEST_TIMEOUT / 3, "{:?}", start.elapsed());
}
