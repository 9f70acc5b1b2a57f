//! Clients of the local socket, polite ones and others.

use super::*;
use api::Hello;

struct Server {
    dir: tempfile::TempDir,
    events: broadcast::Sender<Event>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = Socket::bind(&dir.path().join("s")).await.unwrap();
        let (sender, mut calls) = mpsc::channel::<Call>(limits::API_QUEUE);
        let (events, _) = broadcast::channel(4);
        let task = tokio::spawn(socket.serve(sender, events.clone()));
        tokio::spawn(async move {
            while let Some(call) = calls.recv().await {
                let hello = Hello {
                    api_version: api::API_VERSION,
                    agent: "test".into(),
                    peer_id: "p".into(),
                    listen: Vec::new(),
                    data_dir: "d".into(),
                };
                let _ = call.answer.send(Body::Hello(hello));
            }
        });
        Self { dir, events, task }
    }

    async fn connect(&self) -> BufReader<UnixStream> {
        BufReader::new(UnixStream::connect(self.dir.path().join("s")).await.unwrap())
    }
}

async fn ask(stream: &mut BufReader<UnixStream>, request: &str) -> Reply {
    stream.get_mut().write_all(request.as_bytes()).await.unwrap();
    next(stream).await
}

async fn next(stream: &mut BufReader<UnixStream>) -> Reply {
    let mut line = Vec::new();
    assert!(read_line(stream, &mut line).await.unwrap());
    serde_json::from_slice(&line).unwrap()
}

const HELLO: &str = "{\"id\":7,\"command\":{\"name\":\"hello\"}}\n";
const SUBSCRIBE: &str = "{\"id\":8,\"command\":{\"name\":\"subscribe\"}}\n";

#[tokio::test]
async fn several_clients_get_their_own_answers_and_the_events() {
    let server = Server::start().await;
    let (mut a, mut b) = (server.connect().await, server.connect().await);
    assert_eq!(ask(&mut a, SUBSCRIBE).await, Reply { id: 8, body: Body::Done });
    assert!(matches!(ask(&mut b, HELLO).await, Reply { id: 7, body: Body::Hello(_) }));
    let event = Event::PeerConnected { peer_id: "q".into() };
    server.events.send(event.clone()).unwrap();
    assert_eq!(next(&mut a).await, Reply { id: 8, body: Body::Event(event) });
    assert!(matches!(ask(&mut a, HELLO).await, Reply { id: 7, body: Body::Hello(_) }));
}

#[tokio::test]
async fn a_slow_client_is_told_what_it_missed() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    assert_eq!(ask(&mut client, SUBSCRIBE).await.body, Body::Done);
    // No await in between: the client's task cannot run before all ten are there.
    for n in 0..10u64 {
        server.events.send(Event::BlobFetched { blob: String::new(), bytes: n }).unwrap();
    }
    assert_eq!(next(&mut client).await.body, Body::Event(Event::Lagged { missed: 6 }));
}

#[tokio::test]
async fn nonsense_and_endless_lines_are_answered_and_end_the_connection() {
    let server = Server::start().await;
    for bad in ["nonsense\n", "{\"id\":1,\"command\":{\"name\":\"hello\",\"x\":1},\"y\":0}\n", "\n"] {
        let mut client = server.connect().await;
        let reply = ask(&mut client, bad).await;
        assert!(matches!(reply.body, Body::Error { kind: ErrorKind::BadRequest, .. }), "{bad}");
        assert!(!read_line(&mut client, &mut Vec::new()).await.unwrap());
    }
    let client = server.connect().await;
    let (read, mut write) = client.into_inner().into_split();
    let endless = tokio::spawn(async move {
        let _ = write.write_all(&vec![b'x'; MAX_LINE_BYTES + 1]).await;
        write
    });
    let mut line = Vec::new();
    assert!(read_line(&mut BufReader::new(read), &mut line).await.unwrap());
    assert!(String::from_utf8_lossy(&line).contains("bad_request"));
    drop(endless.await.unwrap());
    assert!(matches!(ask(&mut server.connect().await, HELLO).await.body, Body::Hello(_)));
}

#[tokio::test]
async fn a_live_socket_is_in_use_a_stale_one_is_replaced_and_a_file_is_left_alone() {
    let server = Server::start().await;
    let path = server.dir.path().join("s");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert!(matches!(Socket::bind(&path).await, Err(SocketError::InUse { .. })));
    server.task.abort();
    let _ = server.task.await;
    let stale = server.dir.path().join("stale");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    assert!(stale.exists());
    drop(Socket::bind(&stale).await.unwrap());
    assert!(!stale.exists(), "the socket goes with its owner");
    let file = server.dir.path().join("file");
    std::fs::write(&file, b"precious").unwrap();
    assert!(matches!(Socket::bind(&file).await, Err(SocketError::NotASocket { .. })));
    assert_eq!(std::fs::read(&file).unwrap(), b"precious");
}

/// A server whose commands nobody answers.
async fn unanswered() -> (tempfile::TempDir, mpsc::Receiver<Call>) {
    let dir = tempfile::tempdir().unwrap();
    let socket = Socket::bind(&dir.path().join("s")).await.unwrap();
    let (sender, calls) = mpsc::channel::<Call>(limits::API_QUEUE);
    let (events, _) = broadcast::channel(limits::API_EVENTS);
    tokio::spawn(socket.serve(sender, events));
    (dir, calls)
}

async fn connect(dir: &tempfile::TempDir) -> BufReader<UnixStream> {
    BufReader::new(UnixStream::connect(dir.path().join("s")).await.unwrap())
}

#[tokio::test]
async fn one_client_too_many_is_told_so_and_takes_the_place_of_one_that_leaves() {
    let server = Server::start().await;
    let mut clients = Vec::new();
    for _ in 0..limits::API_CLIENTS {
        let mut client = server.connect().await;
        assert!(matches!(ask(&mut client, HELLO).await.body, Body::Hello(_)));
        clients.push(client);
    }
    let mut beyond = server.connect().await;
    assert!(matches!(next(&mut beyond).await.body, Body::Error { kind: ErrorKind::Busy, .. }));
    drop(clients.pop());
    for _ in 0..100 {
        let mut again = server.connect().await;
        if matches!(ask(&mut again, HELLO).await.body, Body::Hello(_)) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("its place was not given to another");
}

#[tokio::test]
async fn one_client_has_so_many_commands_answered_at_once_and_all_have_so_many_waiting() {
    let (dir, mut calls) = unanswered().await;
    let mut greedy = connect(&dir).await;
    for _ in 0..limits::API_IN_FLIGHT + 1 {
        greedy.get_mut().write_all(HELLO.as_bytes()).await.unwrap();
    }
    let mut held = Vec::new();
    for _ in 0..limits::API_IN_FLIGHT {
        held.push(calls.recv().await.unwrap());
    }
    let pause = std::time::Duration::from_millis(200);
    assert!(tokio::time::timeout(pause, calls.recv()).await.is_err(), "one too many");
    held.pop().unwrap().answer.send(Body::Done).unwrap();
    held.push(calls.recv().await.unwrap());

    let (dir, calls) = unanswered().await;
    let mut clients = Vec::new();
    for _ in 0..limits::API_QUEUE / limits::API_IN_FLIGHT {
        let mut client = connect(&dir).await;
        for _ in 0..limits::API_IN_FLIGHT {
            client.get_mut().write_all(HELLO.as_bytes()).await.unwrap();
        }
        clients.push(client);
    }
    while calls.len() < limits::API_QUEUE {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let beyond = ask(&mut connect(&dir).await, HELLO).await;
    assert!(matches!(beyond, Reply { id: 7, body: Body::Error { kind: ErrorKind::Busy, .. } }));
}

#[tokio::test]
async fn lines_that_are_cut_off_nested_or_of_another_version_are_answered() {
    let server = Server::start().await;
    let deep = format!("{{\"id\":1,\"command\":{}\n", "[".repeat(1 << 20));
    let maps = format!("{}\n", "{\"id\":".repeat(1 << 18));
    let long = format!("{{\"id\":1,\"command\":{{\"name\":\"{}\"}}}}\n", "x".repeat(1 << 20));
    let wrong = ["{\"id\":-1,\"command\":{\"name\":\"hello\"}}\n", "{\"id\":1}\n", "[]\n", "null\n"];
    for bad in [deep.as_str(), maps.as_str(), long.as_str()].into_iter().chain(wrong) {
        let mut client = server.connect().await;
        let reply = ask(&mut client, bad).await;
        let Body::Error { kind: ErrorKind::BadRequest, message } = reply.body else { panic!("{reply:?}") };
        assert!(message.len() < 4096, "the answer repeats {} bytes", message.len());
    }
    // The end of the stream in the middle of a line.
    let mut cut = server.connect().await;
    cut.get_mut().write_all(&HELLO.as_bytes()[..20]).await.unwrap();
    cut.get_mut().shutdown().await.unwrap();
    assert!(matches!(next(&mut cut).await.body, Body::Error { kind: ErrorKind::BadRequest, .. }));
    assert!(matches!(ask(&mut server.connect().await, HELLO).await.body, Body::Hello(_)));
}
