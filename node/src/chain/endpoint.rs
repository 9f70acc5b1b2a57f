//! The address of a chain's node, and how it is spoken to: plain HTTP, one request a connection, nothing without a
//! bound. No TLS, no proxy, no redirect: what a request says is what is asked of that very node.

use super::ChainError;
use super::error::cut;
use crate::limits;
use alloy_json_rpc::{RequestPacket, ResponsePacket, RpcError};
use alloy_transport::{TransportError, TransportErrorKind, TransportFut};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

/// Where a chain's node listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
    /// With what may be a secret: it is never shown.
    path: String,
}

const EXPECTED: &str = "http://HOST[:PORT][/PATH], a node of the chain on this machine or in reach";
const NO_TLS: &str = "http://: no TLS is spoken here. Use a node on this machine, or a tunnel to one \
    (ssh -L 8545:localhost:8545 HOST) or a local proxy that speaks TLS to the outside, and give its http:// address";
const NO_USER: &str = "an address without name and password: a local proxy can add them";

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// If it is none, or one that is not spoken to.
    pub fn parse(text: &str) -> Result<Self, ChainError> {
        // What is shown of a bad address: never more than scheme and host, as the rest may hold a provider's key.
        let shown = |uri: Option<&Uri>| match uri.and_then(|uri| uri.scheme_str().zip(uri.host())) {
            Some((scheme, host)) => format!("{scheme}://{}", cut(host)),
            None => "the address of the chain's node".to_owned(),
        };
        let uri: Uri =
            text.parse().map_err(|_| ChainError::Endpoint { expected: EXPECTED, got: shown(None) })?;
        let refuse = |expected| ChainError::Endpoint { expected, got: shown(Some(&uri)) };
        match uri.scheme_str() {
            Some("http") => {}
            Some("https" | "wss") => return Err(refuse(NO_TLS)),
            _ => return Err(refuse(EXPECTED)),
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(refuse(NO_USER));
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| refuse(EXPECTED))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self { host: host.to_owned(), port: uri.port_u16().unwrap_or(80), path: path.to_owned() })
    }

    /// Host and port.
    pub fn shown(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    async fn ask(self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let body = request.serialize().map_err(RpcError::SerError)?;
        let whole = self.exchange(body.get().to_owned().into());
        let body = timeout(limits::CHAIN_REQUEST_TIMEOUT, whole).await.map_err(|_| {
            let seconds = limits::CHAIN_REQUEST_TIMEOUT.as_secs();
            TransportErrorKind::custom_str(&format!("expected an answer within {seconds} s"))
        })??;
        serde_json::from_slice(&body).map_err(|error| {
            let text = cut(&String::from_utf8_lossy(body.get(..body.len().min(200)).unwrap_or_default()));
            TransportErrorKind::custom_str(&format!("expected JSON-RPC, got {text:?} ({error})"))
        })
    }

    async fn exchange(&self, body: Bytes) -> Result<Bytes, TransportError> {
        let said = |what: &str, error: &dyn std::fmt::Display| {
            TransportErrorKind::custom_str(&format!("{what}: {error}"))
        };
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let connect = TcpStream::connect((host, self.port));
        let stream = timeout(limits::CHAIN_CONNECT_TIMEOUT, connect)
            .await
            .map_err(|_| TransportErrorKind::custom_str("no connection in time"))?
            .map_err(|error| said("no connection", &error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| said("no HTTP", &error))?;
        let request = Request::post(&self.path)
            .header(HOST, self.shown())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| said("the request", &error))?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(|error| said("no answer", &error))?;
            let status = response.status();
            let limited = Limited::new(response.into_body(), limits::CHAIN_ANSWER_BYTES);
            let body = limited.collect().await.map_err(|error| said("the answer", &error))?.to_bytes();
            // Some nodes send JSON-RPC's errors with a status of their own; what is no JSON-RPC says so below.
            if !status.is_success() && !body.starts_with(b"{") {
                let got = format!("expected HTTP status 200, got {status}");
                return Err(TransportErrorKind::custom_str(&got));
            }
            Ok(body)
        };
        tokio::pin!(answer, connection);
        tokio::select! {
            biased;
            done = &mut answer => done,
            // It ends when the other side hangs up; whether all of the answer was there, the answer says.
            _ = &mut connection => answer.await,
        }
    }
}

impl Service<RequestPacket> for Endpoint {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().ask(request))
    }
}

#[cfg(test)]
mod tests {
    use super::super::rpc::Rpc;
    use super::*;
    use std::io::{Read, Write};

    /// A chain's node that answers one request with these bytes, in pieces.
    fn answering(head: String, body: Vec<u8>) -> Endpoint {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            let _ = stream.write_all(&body); // whoever has enough hangs up
        });
        endpoint
    }

    #[test]
    fn what_a_node_answers_is_bounded_and_what_is_no_answer_is_told() {
        let ask = |head: &str, body: &[u8]| {
            let rpc = Rpc::new(answering(format!("HTTP/1.1 {head}\r\n\r\n"), body.to_owned())).unwrap();
            rpc.chain().map_err(|error| error.to_string())
        };
        let good = br#"{"jsonrpc":"2.0","id":0,"result":"0x5"}"#;
        let length = |body: &[u8]| format!("200 OK\r\ncontent-length: {}", body.len());
        assert_eq!(ask(&length(good), good), Ok(5));
        // Without a length it is read until its end, and no further than the bound.
        let mut long = br#"{"jsonrpc":"2.0","id":0,"result":""#.to_vec();
        long.resize(limits::CHAIN_ANSWER_BYTES + 1, b'0');
        for head in ["200 OK".to_owned(), length(&long)] {
            assert!(ask(&head, &long).unwrap_err().contains("length limit exceeded"));
        }
        for (head, body, expected) in [
            (length(b"<html>"), &b"<html>"[..], "expected JSON-RPC, got"),
            ("502 Bad Gateway\r\ncontent-length: 4".to_owned(), b"oops", "expected HTTP status 200, got 502"),
            ("200 OK\r\ncontent-length: 40".to_owned(), good, "the answer"),
            ("301 Moved\r\nlocation: http://192.0.2.1/\r\ncontent-length: 0".to_owned(), b"", "got 301"),
            ("nonsense".to_owned(), b"", "no answer"),
            (
                length(br#"{"jsonrpc":"2.0","id":0,"result":"no"}"#),
                br#"{"jsonrpc":"2.0","id":0,"result":"no"}"#,
                "something else",
            ),
            (
                length(br#"{"jsonrpc":"2.0","id":0,"error":{"code":-32005,"message":"slow\u0007 down"}}"#),
                br#"{"jsonrpc":"2.0","id":0,"error":{"code":-32005,"message":"slow\u0007 down"}}"#,
                "refused eth_chainId: slow  down (code -32005)",
            ),
        ] {
            let error = ask(&head, body).unwrap_err();
            assert!(error.contains(expected) && error.len() < 600, "{head}: {error}");
        }
    }

    #[test]
    fn addresses_are_plain_http_and_show_no_secret() {
        let good = Endpoint::parse("http://127.0.0.1:8545/v3/secret?key=1").unwrap();
        assert_eq!((good.shown().as_str(), good.is_local()), ("127.0.0.1:8545", true));
        assert_eq!(good.path, "/v3/secret?key=1");
        assert_eq!(Endpoint::parse("http://example.org").unwrap().shown(), "example.org:80");
        assert!(Endpoint::parse("http://[::1]:1").unwrap().is_local());
        assert!(!Endpoint::parse("http://10.0.0.1:1").unwrap().is_local());
        for (bad, what) in [
            ("https://example.org/secret", "tunnel"),
            ("wss://example.org/secret", "tunnel"),
            ("http://me:secret@example.org", "without name and password"),
            ("ftp://example.org/secret", "http://HOST"),
            ("localhost:8545", "http://HOST"),
            ("secret", "http://HOST"),
            ("", "http://HOST"),
        ] {
            let error = Endpoint::parse(bad).unwrap_err().to_string();
            assert!(error.contains(what) && !error.contains("secret"), "{bad}: {error}");
        }
    }
}
