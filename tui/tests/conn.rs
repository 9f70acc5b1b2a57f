//! The connection against a daemon that misbehaves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::path::Path;
use std::time::Duration;

use api::{Body, Command, Event, MAX_LINE_BYTES};
use common::daemon::Daemon;
use common::*;
use tokio::net::UnixListener;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tui::conn::{Config, Down, FromConn, ToConn, run};

struct Client {
    commands: Sender<ToConn>,
    answers: Receiver<FromConn>,
    /// Ends with the test.
    _task: JoinSet<()>,
}

impl Client {
    fn start(socket: &Path) -> Self {
        let config = Config {
            retry_first: Duration::from_millis(10),
            retry_max: Duration::from_millis(40),
            reply_timeout: Duration::from_millis(1_500),
            ..Config::new(socket)
        };
        let (commands, to_conn) = channel(8);
        let (from_conn, answers) = channel(8);
        let mut task = JoinSet::new();
        task.spawn(run(config, to_conn, from_conn));
        Self { commands, answers, _task: task }
    }

    async fn next(&mut self) -> FromConn {
        let wait = tokio::time::timeout(Duration::from_secs(20), self.answers.recv());
        wait.await.expect("the connection says something").expect("the task goes on")
    }

    async fn lost(&mut self) -> Down {
        match self.next().await {
            FromConn::Lost { why, .. } => why,
            other => panic!("expected a loss, got {other:?}"),
        }
    }

    async fn connected(&mut self) {
        let next = self.next().await;
        assert!(matches!(next, FromConn::Connected(_)), "{next:?}");
    }

    async fn ask(&mut self, command: Command) {
        self.commands.send(ToConn::Send(command)).await.unwrap();
    }
}

fn listen() -> (tempfile::TempDir, UnixListener, Client) {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("podium.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let client = Client::start(&socket);
    (dir, listener, client)
}

fn reason(down: Down) -> String {
    match down {
        Down::Other(reason) => reason,
        other => panic!("expected a reason, got {other:?}"),
    }
}

#[tokio::test]
async fn questions_are_matched_with_answers_in_any_order_and_events_come_between() {
    let (_dir, listener, mut client) = listen();
    let mut daemon = Daemon::accept(&listener).await;
    let subscription = daemon.greet().await;
    client.connected().await;
    client.ask(Command::Peers).await;
    client.ask(Command::Competitions).await;
    let peers_id = daemon.request().await.unwrap().id;
    let competitions_id = daemon.request().await.unwrap().id;
    daemon.reply(competitions_id, Body::Competitions { competitions: competitions() }).await;
    daemon.reply(subscription, Body::Event(Event::PeerConnected { peer_id: peer_id("x") })).await;
    daemon.reply(4_711, Body::Done).await;
    daemon.reply(peers_id, Body::Peers { peers: peers(), banned: Vec::new() }).await;
    let first = client.next().await;
    assert!(matches!(first, FromConn::Answer { command: Command::Competitions, .. }), "{first:?}");
    let second = client.next().await;
    assert!(matches!(second, FromConn::Event(Event::PeerConnected { .. })), "{second:?}");
    let third = client.next().await;
    assert!(matches!(third, FromConn::Answer { command: Command::Peers, .. }), "{third:?}");
}

#[tokio::test]
async fn it_waits_for_a_daemon_and_finds_it() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("podium.sock");
    let mut client = Client::start(&socket);
    assert_eq!(client.lost().await, Down::NoDaemon);
    assert_eq!(client.lost().await, Down::NoDaemon);
    let listener = UnixListener::bind(&socket).unwrap();
    let mut daemon = Daemon::accept(&listener).await;
    daemon.greet().await;
    loop {
        match client.next().await {
            FromConn::Lost { why, .. } => assert_eq!(why, Down::NoDaemon),
            FromConn::Connected(_) => break,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_socket_that_nobody_listens_at_any_more_is_no_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("podium.sock");
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    assert_eq!(Client::start(&socket).lost().await, Down::NoDaemon);
}

#[tokio::test]
async fn after_a_break_it_connects_again() {
    let (_dir, listener, mut client) = listen();
    for _ in 0..3 {
        let mut daemon = Daemon::accept(&listener).await;
        daemon.greet().await;
        client.connected().await;
        drop(daemon);
        assert!(reason(client.lost().await).contains("closed the connection"));
    }
}

#[tokio::test]
async fn half_a_line_is_no_reply() {
    let (_dir, listener, mut client) = listen();
    let mut daemon = Daemon::accept(&listener).await;
    daemon.greet().await;
    client.connected().await;
    daemon.raw(br#"{"id":1,"body":{"name":"done"}}"#).await;
    drop(daemon);
    assert!(reason(client.lost().await).contains("closed the connection"));
}

#[tokio::test]
async fn another_version_is_told_even_if_its_greeting_looks_different() {
    let (_dir, listener, mut client) = listen();
    let mut daemon = Daemon::accept(&listener).await;
    daemon.request().await.unwrap();
    daemon.raw(b"{\"id\":0,\"body\":{\"name\":\"hello\",\"api_version\":99,\"who\":[]}}\n").await;
    assert_eq!(client.lost().await, Down::Version { expected: api::API_VERSION, got: 99 });
    assert_eq!(daemon.request().await, None, "nothing more is asked of it");
    // It is tried again: the daemon may have been replaced.
    let mut daemon = Daemon::accept(&listener).await;
    daemon.greet().await;
    client.connected().await;
}

#[tokio::test]
async fn malformed_lines_cost_the_connection() {
    let lines: [&[u8]; 7] = [
        b"not json\n",
        b"\n",
        b"{}\n",
        b"{\"id\":1}\n",
        b"{\"id\":1,\"body\":{\"name\":\"no such body\"}}\n",
        b"{\"id\":-1,\"body\":{\"name\":\"done\"}}\n",
        b"\"\xff\xfe\"\n",
    ];
    let (_dir, listener, mut client) = listen();
    for line in lines {
        let mut daemon = Daemon::accept(&listener).await;
        daemon.greet().await;
        client.connected().await;
        daemon.raw(line).await;
        let reason = reason(client.lost().await);
        assert!(reason.contains("not a reply"), "{reason}");
        assert!(!reason.chars().any(char::is_control), "{reason:?}");
    }
}

#[tokio::test]
async fn deep_nesting_does_not_overflow_the_stack() {
    let (_dir, listener, mut client) = listen();
    let mut daemon = Daemon::accept(&listener).await;
    daemon.greet().await;
    client.connected().await;
    let mut line = "[".repeat(1 << 20).into_bytes();
    line.push(b'\n');
    daemon.raw(&line).await;
    assert!(reason(client.lost().await).contains("not a reply"));
}

#[tokio::test]
async fn a_line_that_never_ends_is_cut_at_the_limit() {
    let (_dir, listener, mut client) = listen();
    let mut daemon = Daemon::accept(&listener).await;
    daemon.greet().await;
    client.connected().await;
    daemon.raw(&vec![b' '; MAX_LINE_BYTES + 1]).await;
    let reason = reason(client.lost().await);
    assert!(reason.contains(&MAX_LINE_BYTES.to_string()), "{reason}");
}

#[tokio::test]
async fn a_line_of_just_the_limit_is_read() {
    let (_dir, listener, mut client) = listen();
    let mut daemon = Daemon::accept(&listener).await;
    daemon.greet().await;
    client.connected().await;
    client.ask(Command::Peers).await;
    let id = daemon.request().await.unwrap().id;
    let mut line =
        format!("{{\"id\":{id},\"body\":{{\"name\":\"peers\",\"peers\":[],\"banned\":[]}}}}").into_bytes();
    line.resize(MAX_LINE_BYTES, b' ');
    line.push(b'\n');
    daemon.raw(&line).await;
    let next = client.next().await;
    assert!(matches!(next, FromConn::Answer { command: Command::Peers, .. }), "{next:?}");
}

#[tokio::test]
async fn a_silent_daemon_is_given_up() {
    let (_dir, listener, mut client) = listen();
    let _silent = Daemon::accept(&listener).await;
    assert!(reason(client.lost().await).contains("1500 ms"));
    let mut daemon = Daemon::accept(&listener).await;
    daemon.greet().await;
    client.connected().await;
    client.ask(Command::Peers).await;
    assert!(reason(client.lost().await).contains("1500 ms"), "an answer is missing");
}

#[tokio::test]
async fn a_quiet_daemon_is_not_given_up() {
    let (_dir, listener, mut client) = listen();
    let mut daemon = Daemon::accept(&listener).await;
    daemon.greet().await;
    client.connected().await;
    let quiet = tokio::time::timeout(Duration::from_secs(2), client.answers.recv()).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

#[tokio::test]
async fn names_from_the_network_are_clean_before_anybody_sees_them() {
    let (_dir, listener, mut client) = listen();
    let mut daemon = Daemon::accept(&listener).await;
    daemon.greet().await;
    client.connected().await;
    client.ask(Command::Competitions).await;
    let id = daemon.request().await.unwrap().id;
    let mut nasty = competition("bad", "\u{1b}]0;owned\u{7}\u{202e}\u{9b}2J", true);
    nasty.size_classes = vec!["\u{1b}c".to_owned()];
    daemon.reply(id, Body::Competitions { competitions: vec![nasty] }).await;
    let FromConn::Answer { body, .. } = client.next().await else { panic!("an answer") };
    let Body::Competitions { competitions } = *body else { panic!("competitions") };
    assert_eq!(competitions[0].title, "\u{FFFD}]0;owned\u{FFFD}\u{FFFD}\u{FFFD}2J");
    assert_eq!(competitions[0].size_classes, ["\u{FFFD}c"]);
}

/// Not one text of any answer or event comes through as it was sent: whatever fields there are, and will be.
#[tokio::test]
async fn every_text_of_every_answer_is_cleaned() {
    let world = World::default();
    let (_dir, listener, mut client) = listen();
    let mut daemon = Daemon::accept(&listener).await;
    let subscription = daemon.greet().await;
    client.connected().await;
    let competition = || id("3fa9c1");
    for command in [
        Command::Competitions,
        Command::Board { competition: competition() },
        Command::Outline { competition: competition() },
        Command::Entries { competition: competition() },
        Command::Submissions { competition: competition() },
        Command::Submission { id: id("5001") },
        Command::Peers,
        Command::Own,
        Command::Work,
        Command::Fetches,
        Command::Health,
    ] {
        client.ask(command.clone()).await;
        let request = daemon.request().await.unwrap();
        let clean = serde_json::to_value(world.answer(&command)).unwrap();
        let reply = serde_json::json!({ "id": request.id, "body": dirtied(&clean) });
        daemon.raw(format!("{reply}\n").as_bytes()).await;
        let FromConn::Answer { body, .. } = client.next().await else { panic!("an answer to {command:?}") };
        let said = format!("{body:?}");
        assert!(said.contains('\u{FFFD}') && !said.contains("u{1b}") && !said.contains("u{202e}"), "{said}");
    }
    let work = Event::Work { work: work() };
    let told = dirtied(&serde_json::to_value(Body::Event(work)).unwrap());
    let reply = serde_json::json!({ "id": subscription, "body": told });
    daemon.raw(format!("{reply}\n").as_bytes()).await;
    let FromConn::Event(event) = client.next().await else { panic!("an event") };
    let said = format!("{event:?}");
    assert!(said.contains('\u{FFFD}') && !said.contains("u{1b}"), "{said}");
}

/// Every text with an escape sequence and a turned direction in it, but for those that name a kind of something.
fn dirtied(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    let kinds = ["name", "event", "phase", "standing", "setup", "reachability"];
    match value {
        Value::String(text) => Value::String(format!("{text}\u{1b}[2J\u{202e}")),
        Value::Array(items) => items.iter().map(dirtied).collect(),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                let kept = kinds.contains(&name.as_str());
                (name.clone(), if kept { value.clone() } else { dirtied(value) })
            };
            Value::Object(fields.iter().map(field).collect())
        }
        other => other.clone(),
    }
}

#[tokio::test]
async fn reconnect_does_not_wait() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("podium.sock");
    let config = Config { retry_first: Duration::from_secs(3_600), ..Config::new(&socket) };
    let (commands, to_conn) = channel(8);
    let (from_conn, mut answers) = channel(8);
    let mut task = JoinSet::new();
    task.spawn(run(config, to_conn, from_conn));
    for _ in 0..3 {
        assert!(matches!(answers.recv().await, Some(FromConn::Lost { why: Down::NoDaemon, .. })));
        commands.send(ToConn::Reconnect).await.unwrap();
    }
    drop(commands);
    drop(answers);
    let ended = tokio::time::timeout(Duration::from_secs(20), task.join_next()).await;
    assert!(ended.is_ok(), "the task ends with the board");
}
