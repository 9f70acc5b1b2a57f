//! The names, against their documentation; the page, against readers good and bad.

use super::server::OPEN_METRICS;
use super::*;
use crate::limits;
use prometheus_client::encoding::text::encode;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn text(registry: &Registry) -> String {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    text
}

#[test]
fn the_documentation_names_every_metric_and_no_other() {
    let mut registry = Registry::default();
    let _metrics = Metrics::new(&mut registry, 7);
    let encoded = text(&registry);
    let types = encoded.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let (ours, others): (BTreeMap<&str, &str>, BTreeMap<&str, &str>) =
        types.partition(|(name, _)| name.starts_with("podium_"));
    let table = include_str!("../../deploy/metrics.md").lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `podium_")?.split('|').map(str::trim);
        Some((format!("podium_{}", cells.next()?.trim_end_matches('`')), cells.next()?.to_owned()))
    });
    let documented: BTreeMap<String, String> = table.collect();
    let had: BTreeMap<String, String> =
        ours.into_iter().map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect();
    assert_eq!(documented, had);
    assert!(others.keys().all(|name| name.starts_with("libp2p_")), "{others:?}");
    for (label, values) in
        [("reason", &REASONS[..]), ("queue", &QUEUES), ("direction", &DIRECTIONS), ("result", &RESULTS)]
    {
        for value in values {
            assert!(
                encoded.contains(&format!("kind=\"{value}\"")),
                "{label} {value} is there from the start"
            );
            assert!(
                include_str!("../../deploy/metrics.md").contains(&format!("`{value}`")),
                "{label} {value}"
            );
        }
    }
}

#[test]
fn what_happens_is_counted() {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry, 7);
    metrics.accepted(Kind::Entry);
    metrics.refused(&Refusal::Busy);
    metrics.checked(true, 1_500);
    metrics.batch(64);
    metrics.answered(true, &Response::Records { records: vec![vec![0; 1000].into()] });
    metrics.answered(false, &Response::Chunk { total: 3000, bytes: vec![0; 2000].into() });
    metrics.banned();
    metrics.observe(&Health { records: 12, fetches: 3, clock_offset_s: Some(-4), ..Health::default() }, 5);
    let text = text(&registry);
    for line in [
        "podium_records_accepted_total{kind=\"entry\"} 1",
        "podium_records_accepted_total{kind=\"close\"} 0",
        "podium_records_refused_total{kind=\"busy\"} 1",
        "podium_check_seconds_count{kind=\"valid\"} 1",
        "podium_check_seconds_sum{kind=\"valid\"} 0.0015",
        "podium_check_batch_size_sum 64.0",
        "podium_exchange_bytes_total{kind=\"in\"} 1000",
        "podium_blob_bytes_total{kind=\"out\"} 2000",
        "podium_bans_total 1",
        "podium_records 12",
        "podium_queue_length{kind=\"fetches\"} 3",
        "podium_queue_length{kind=\"writes\"} 5",
        "podium_clock_offset_seconds -4",
        "podium_start_time_seconds 7",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
}

async fn server() -> SocketAddr {
    let mut registry = Registry::default();
    let _metrics = Metrics::new(&mut registry, 7);
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), Arc::new(registry)).await.unwrap();
    let address = server.address().unwrap();
    tokio::spawn(server.serve());
    address
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await; // a reset is an end, too
    answer
}

#[tokio::test]
async fn one_page_is_served_to_those_who_ask_for_it() {
    let address = server().await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let answer = ask(address, &get("/metrics")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(&format!("content-type: {OPEN_METRICS}")) && answer.ends_with("# EOF\n"));
    assert!(ask(address, &get("/")).await.starts_with("HTTP/1.1 404"));
    assert!(
        ask(address, "POST /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 405")
    );
    assert!(ask(address, "nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    let long = format!("GET /metrics HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(limits::METRICS_REQUEST_BYTES));
    assert!(ask(address, &long).await.starts_with("HTTP/1.1 431"));
    assert!(Server::bind(address, Arc::default()).await.is_err(), "the address is taken");
}

#[tokio::test]
async fn who_sends_nothing_is_cut_off_and_keeps_others_waiting_no_longer() {
    let address = server().await;
    let start = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..limits::METRICS_CONNECTIONS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /metrics HT").await.unwrap();
        silent.push(stream);
    }
    // All places are taken: this one is answered when the others have been cut off, and not before.
    let answer = ask(address, "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let waited = start.elapsed();
    let limit = limits::METRICS_HEADER_TIMEOUT;
    assert!(waited >= limit && waited < 3 * limit, "{waited:?}");
    for mut stream in silent {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await; // a reset is an end, too
        assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    }
}
