//! A daemon that says what a test tells it to.

use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use api::{Body, Command, Reply, Request};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

use super::{World, hello, news};

/// One connection of the made-up daemon.
pub struct Daemon {
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
}

impl Daemon {
    pub async fn accept(listener: &UnixListener) -> Self {
        let (stream, _): (UnixStream, _) = listener.accept().await.unwrap();
        let (read, writer) = stream.into_split();
        Self { lines: BufReader::new(read).lines(), writer }
    }

    /// The next request; `None` when the client has hung up.
    pub async fn request(&mut self) -> Option<Request> {
        let line = self.lines.next_line().await.ok()??;
        Some(serde_json::from_str(&line).unwrap())
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        // The client may hang up while it is told too much.
        let _ = self.writer.write_all(bytes).await;
    }

    pub async fn reply(&mut self, id: u64, body: Body) {
        let mut line = serde_json::to_vec(&Reply { id, body }).unwrap();
        line.push(b'\n');
        self.raw(&line).await;
    }

    /// Answers the greeting and the subscription; returns the subscription's id.
    pub async fn greet(&mut self) -> u64 {
        let request = self.request().await.unwrap();
        assert_eq!(request.command, Command::Hello);
        self.reply(request.id, Body::Hello(hello())).await;
        let request = self.request().await.unwrap();
        assert_eq!(request.command, Command::Subscribe);
        self.reply(request.id, Body::Done).await;
        request.id
    }

    /// Answers everything that the board asks for until it hangs up; tells one event after the peers.
    pub async fn serve(mut self, world: World) {
        let mut subscription = None;
        while let Some(Request { id, command }) = self.request().await {
            if command == Command::Subscribe {
                subscription = Some(id);
            }
            let body = world.answer(&command);
            let last = matches!(body, Body::Peers { .. });
            self.reply(id, body).await;
            if let Some(subscription) = subscription.take_if(|_| last) {
                self.reply(subscription, Body::Event(news())).await;
            }
        }
    }
}

/// Serves the socket on a thread until the test ends.
pub fn run(socket: &Path, world: World) {
    let socket = socket.to_owned();
    let (ready, up) = sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = UnixListener::bind(&socket).unwrap();
            ready.send(()).unwrap();
            loop {
                let connection = Daemon::accept(&listener).await;
                tokio::spawn(connection.serve(world.clone()));
            }
        });
    });
    up.recv_timeout(Duration::from_secs(30)).unwrap();
}
