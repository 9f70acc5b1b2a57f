//! Own records until others hold them, and a disk without room.

use super::*;
use api::OwnRecord;
use std::time::Instant;

/// A competition of this identity, of which nothing needs to be proved.
fn competition(home: &Home, title: &str) -> Signed {
    described(title, String::new(), &home.identity().unwrap().keypair)
}

async fn publish(victim: &Victim, record: &Signed) -> Result<Body, ClientError> {
    victim.try_ask(Command::Publish { record: hex::encode(record.bytes()) }).await
}

async fn held(victim: &Victim, record: &Signed) -> OwnRecord {
    match victim.ask(Command::Held { id: record.id().to_string() }).await {
        Body::Own { mut records } => records.pop().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Answers everything that the victim asks, as somebody with no records does; what it says to `Have` is given.
async fn answer(
    stranger: &mut Stranger,
    lasting: Duration,
    have: impl Fn(&[RecordId]) -> Vec<RecordId>,
) -> usize {
    let mut asked = 0;
    let end = tokio::time::sleep(lasting);
    tokio::pin!(end);
    loop {
        let event = tokio::select! {
            () = &mut end => return asked,
            event = stranger.swarm.select_next_some() => event,
        };
        let SwarmEvent::Behaviour(BehaviourEvent::Exchange(Event::Message {
            message: Message::Request { request, channel, .. },
            ..
        })) = event
        else {
            continue;
        };
        let response = match request {
            Request::Have { ids } => {
                asked += 1;
                Response::Held { ids: have(&ids) }
            }
            Request::Summary { .. } => {
                Response::Summary { competitions: Vec::new(), more: false, total: 0, time: 0 }
            }
            _ => Response::NotHere,
        };
        let _ = stranger.swarm.behaviour_mut().exchange.send_response(channel, response);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_record_is_confirmed_within_a_second_and_that_outlives_a_restart() {
    let victim = Victim::start().await;
    let dir = tempfile::tempdir().unwrap();
    let homes = ["b", "c"].map(|name| Home::new(Some(dir.path().join(name)), None).unwrap());
    let alone = competition(&victim.home, "Alone");
    publish(&victim, &alone).await.unwrap();
    assert_eq!((held(&victim, &alone).await.held_by, held(&victim, &alone).await.waiting), (0, true));
    let mut others = Vec::new();
    for home in &homes {
        others.push(Victim::meet(home, &victim).await);
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while held(&victim, &alone).await.held_by < 2 {
        assert!(Instant::now() < deadline, "what waited goes out when peers are met");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for round in 0..3 {
        let record = competition(&victim.home, &format!("Round {round}"));
        let start = Instant::now();
        publish(&victim, &record).await.unwrap();
        while held(&victim, &record).await.held_by < 2 {
            assert!(start.elapsed() < Duration::from_secs(1), "round {round}: not within a second");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        println!("round {round}: held by both peers after {:?}", start.elapsed());
        assert!(!held(&victim, &record).await.waiting);
    }
    for home in homes {
        let socket = home.socket();
        tokio::task::spawn_blocking(move || {
            Client::connect(&socket).unwrap().ask(Command::Shutdown).unwrap()
        })
        .await
        .unwrap();
    }
    for other in others {
        other.await.unwrap();
    }
    assert_eq!(victim.ask(Command::Shutdown).await, Body::Done);
    victim.task.await.unwrap();
    let home = victim.home.clone();
    let (ready, started) = oneshot::channel();
    let task = tokio::spawn(async move {
        Box::pin(run(home, loopback(), |hello| ready.send(hello.clone()).unwrap())).await.unwrap();
    });
    started.await.unwrap();
    let victim = Victim { task, ..victim };
    let Body::Own { records } = victim.ask(Command::Own).await else { panic!("expected own records") };
    let all: Vec<_> = records.iter().map(|own| (own.held_by, own.waiting, own.kind.as_str())).collect();
    assert_eq!(all, [(2, false, "competition"); 4]);
    assert!(records.is_sorted_by(|a, b| a.first_seen >= b.first_seen), "newest first: {records:?}");
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_have_it_yet_is_asked_again_with_pauses_and_counts_only_once() {
    let victim = Victim::start().await;
    let mut stranger = Stranger::meet(&victim).await;
    let record = competition(&victim.home, "Nobody has it");
    publish(&victim, &record).await.unwrap();
    let asked = answer(&mut stranger, Duration::from_secs(2), |_| Vec::new()).await;
    // After 100 ms, then with pauses of 200, 400, 800 ...
    assert!((2..=6).contains(&asked), "{asked} times in two seconds");
    assert_eq!((held(&victim, &record).await.held_by, held(&victim, &record).await.waiting), (0, true));
    assert_eq!(victim.peers().await[0].refused, 0, "not to have it is no fault");
    let another = competition(&victim.home, "Another");
    publish(&victim, &another).await.unwrap();
    let asked = answer(&mut stranger, Duration::from_secs(1), <[RecordId]>::to_vec).await;
    assert!((1..=3).contains(&asked), "{asked} times, though it has confirmed all");
    for record in [&record, &another] {
        assert_eq!((held(&victim, record).await.held_by, held(&victim, record).await.waiting), (1, false));
    }
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_that_he_holds_what_was_not_asked_is_blamed_and_not_counted() {
    let victim = Victim::start().await;
    let mut stranger = Stranger::meet(&victim).await;
    let record = competition(&victim.home, "Asked");
    publish(&victim, &record).await.unwrap();
    let lie = |ids: &[RecordId]| [ids, &[RecordId::new([7; 32])]].concat();
    answer(&mut stranger, Duration::from_millis(600), lie).await;
    let twice = |ids: &[RecordId]| [ids, ids].concat();
    answer(&mut stranger, Duration::from_secs(2), twice).await;
    let peers = victim.peers().await;
    assert!(peers[0].refused >= 2, "{peers:?}");
    assert_eq!((held(&victim, &record).await.held_by, held(&victim, &record).await.waiting), (0, true));
    victim.stop().await;
}

#[tokio::test]
async fn a_question_is_answered_for_so_many_records_and_only_for_what_is_on_disk() {
    let victim = Victim::start().await;
    let record = competition(&victim.home, "Here");
    publish(&victim, &record).await.unwrap();
    let mut stranger = Stranger::meet(&victim).await;
    let nobodys = |n: usize| RecordId::of(&n.to_be_bytes());
    let mut ids: Vec<RecordId> = (1..limits::HAVE_IDS).map(nobodys).collect();
    ids.push(record.id());
    assert_eq!(ids.len(), limits::HAVE_IDS);
    let response = stranger.request(Request::Have { ids: ids.clone() }).await;
    assert_eq!(response, Response::Held { ids: vec![record.id()] });
    ids.insert(0, nobodys(0));
    assert_eq!(stranger.request(Request::Have { ids }).await, Response::Held { ids: Vec::new() });
    let unknown = victim.try_ask(Command::Held { id: nobodys(0).to_string() }).await;
    assert!(
        matches!(unknown, Err(ClientError::Refused { kind: api::ErrorKind::NotFound, .. })),
        "{unknown:?}"
    );
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_on_the_disk_records_are_refused_for_now_and_taken_again_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
        .arg(dir.path())
        .output();
    if !mounted.as_ref().is_ok_and(|output| output.status.success()) {
        println!("skipped: no tmpfs could be mounted, which takes root: {mounted:?}");
        return;
    }
    let disk = dir.path().to_owned();
    Home::new(Some(disk.clone()), None).unwrap().init().unwrap();
    let victim = Victim::start_in(dir, loopback()).await;
    let (before, during) = (competition(&victim.home, "Before"), competition(&victim.home, "During"));
    publish(&victim, &before).await.unwrap();
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![7; 18 << 20]).unwrap();
    let refused = publish(&victim, &during).await;
    let Err(ClientError::Refused { kind: api::ErrorKind::Busy, message }) = refused else {
        panic!("{refused:?}")
    };
    assert!(message.contains("almost full") && message.contains("bytes are free"), "{message}");
    let Body::Competitions { competitions } = victim.ask(Command::Competitions).await else { panic!() };
    assert!(competitions.iter().any(|known| known.title == "Before"), "reading goes on");
    let mut stranger = Stranger::meet(&victim).await;
    let ids = vec![before.id()];
    let served = Response::Records { records: vec![before.bytes().to_vec().into()] };
    assert_eq!(stranger.request(Request::Records { ids }).await, served, "serving goes on");
    std::fs::remove_file(&ballast).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while publish(&victim, &during).await.is_err() {
        assert!(Instant::now() < deadline, "it goes on by itself");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(held(&victim, &during).await.kind, "competition");
    victim.stop().await;
    let _ = std::process::Command::new("umount").arg("--lazy").arg(&disk).status(); // it goes with the machine
}
