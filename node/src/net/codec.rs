//! How messages of the exchange protocol are read and written on a stream.
//!
//! libp2p tells nobody of a request that could not be read. Bytes that no honest peer sends are therefore a message too,
//! [`Request::Malformed`] or [`Response::Malformed`], so that their sender can be blamed. A stream that ends early is
//! an error of the stream: perhaps the connection broke.

use crate::limits;
use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{StreamProtocol, request_response};
use protocol::wire::{self, Request, Response, WireError};
use serde::Serialize;
use std::io;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Codec;

/// Read at once. Room for a whole message would have to be cleared first; this one stays in the processor's cache.
const READ_BYTES: usize = 16 << 10;

async fn read<T>(
    io: &mut (impl AsyncRead + Unpin + Send),
    most: u64,
    decode: impl Fn(&Bytes) -> Result<T, WireError> + Send,
    malformed: impl Fn(String) -> T + Send,
) -> io::Result<T> {
    let (mut bytes, mut part) = (Vec::new(), vec![0; READ_BYTES]);
    let mut io = io.take(most + 1);
    loop {
        let count = io.read(&mut part).await?;
        let Some(read) = part.get(..count).filter(|read| !read.is_empty()) else { break };
        if !bytes.is_empty() {
            // A long one: it grows once.
            bytes.reserve_exact(usize::try_from(io.limit()).unwrap_or(0) + count);
        }
        bytes.extend_from_slice(read);
    }
    if bytes.len() as u64 > most {
        return Ok(malformed(format!("expected at most {most} bytes")));
    }
    match decode(&bytes.into()) {
        Ok(message) => Ok(message),
        Err(error @ WireError::Truncated { .. }) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, error)),
        Err(error) => Ok(malformed(error.to_string())),
    }
}

async fn write<T: Serialize + Sync>(
    io: &mut (impl AsyncWrite + Unpin + Send),
    message: &T,
) -> io::Result<()> {
    let bytes = wire::encode(message).map_err(io::Error::other)?;
    io.write_all(&bytes).await
}

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    type Request = Request;
    type Response = Response;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Request>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(
            io,
            limits::REQUEST_MAX_BYTES,
            |bytes| wire::decode(bytes),
            |reason| Request::Malformed { reason },
        )
        .await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Response>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io, limits::RESPONSE_MAX_BYTES, wire::decode_response, |reason| Response::Malformed { reason })
            .await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: Request) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &request).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        response: Response,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &response).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::io::Cursor;
    use libp2p::request_response::Codec as _;
    use protocol::wire::{EXCHANGE, PartMessage, Summary};
    use protocol::{Fingerprint, RecordId};

    const NAME: StreamProtocol = StreamProtocol::new(EXCHANGE);

    async fn request(bytes: &[u8]) -> io::Result<Request> {
        Codec.read_request(&NAME, &mut Cursor::new(bytes)).await
    }

    async fn response(bytes: &[u8]) -> io::Result<Response> {
        Codec.read_response(&NAME, &mut Cursor::new(bytes)).await
    }

    fn records(len: usize) -> Response {
        Response::Records { records: vec![vec![7; len].into()] }
    }

    #[tokio::test]
    async fn one_byte_beyond_a_limit_is_no_message() {
        let longest = |most: u64, len: usize| most as usize - len;
        let around = wire::encode(&records(1 << 20)).unwrap().len() - (1 << 20);
        for (more, ok) in [(0, true), (1, false)] {
            let bytes = wire::encode(&records(longest(limits::RESPONSE_MAX_BYTES, around) + more)).unwrap();
            assert_eq!(bytes.len() as u64, limits::RESPONSE_MAX_BYTES + more as u64);
            let got = response(&bytes).await.unwrap();
            assert_eq!(matches!(got, Response::Records { .. }), ok);
            assert_eq!(matches!(got, Response::Malformed { .. }), !ok);
        }
        let reconcile = |len: usize| {
            let (competition, message) = (RecordId::new([1; 32]), vec![7; len].into());
            Request::Reconcile { messages: vec![PartMessage { competition, kind: 1, message }] }
        };
        let around = wire::encode(&reconcile(60_000)).unwrap().len() - 60_000;
        for (more, ok) in [(0, true), (1, false)] {
            let bytes = wire::encode(&reconcile(longest(limits::REQUEST_MAX_BYTES, around) + more)).unwrap();
            assert_eq!(bytes.len() as u64, limits::REQUEST_MAX_BYTES + more as u64);
            let got = request(&bytes).await.unwrap();
            assert_eq!(matches!(got, Request::Reconcile { .. }), ok);
            assert_eq!(matches!(got, Request::Malformed { .. }), !ok);
        }
    }

    #[tokio::test]
    async fn who_breaks_off_is_not_to_blame_and_who_sends_nonsense_is() {
        let ids = vec![RecordId::new([3; 32]); 5];
        let whole = wire::encode(&Request::Records { ids }).unwrap();
        for cut in 0..whole.len() {
            let error = request(&whole[..cut]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "cut at {cut}");
        }
        let unknown_field = b"\xa1\x67Records\xa2\x61x\x00\x63ids\x80".to_vec();
        let unknown_kind = b"\xa1\x67Rubbish\xa0".to_vec();
        let deep = vec![0x81; 60_000];
        let deep_map = b"\xa1\x61a".repeat(20_000);
        let trailing = [whole.clone(), vec![0]].concat();
        for bad in [unknown_field, unknown_kind, deep, deep_map, trailing, b"\xff".to_vec(), b"\x00".to_vec()]
        {
            assert!(matches!(request(&bad).await.unwrap(), Request::Malformed { .. }), "{bad:02x?}");
            let Response::Malformed { reason } = response(&bad).await.unwrap() else { panic!("{bad:02x?}") };
            assert!(reason.len() < 400, "{reason}");
        }
    }

    #[test]
    fn a_chunk_stays_where_its_message_is_and_all_else_is_read_as_ever() {
        let chunk = Response::Chunk { total: 9, bytes: vec![7; 5000].into() };
        let message = Bytes::from(wire::encode(&chunk).unwrap());
        let read = wire::decode_response(&message).unwrap();
        assert_eq!(read, chunk);
        let Response::Chunk { bytes, .. } = read else { panic!("{read:?}") };
        assert!(message.as_ptr_range().contains(&bytes.as_ptr()), "not copied");
        let others = [
            Response::Tree { total: 9, hashes: vec![7; 64].into() },
            Response::NotHere,
            Response::Busy,
            records(3),
        ];
        let mut messages: Vec<Vec<u8>> =
            others.iter().map(|response| wire::encode(response).unwrap()).collect();
        messages.extend((0..message.len()).step_by(7).map(|cut| message[..cut].to_vec()));
        messages.push([&message[..], &[0]].concat());
        messages.push(b"\xa1\x65Chunk\xa3\x61x\x00\x65bytes\x40\x65total\x00".to_vec());
        messages.push(b"\xa1\x65Chunk\xa1\x65bytes\x40".to_vec());
        for message in messages {
            let expected = wire::decode::<Response>(&message);
            assert_eq!(wire::decode_response(&Bytes::from(message)), expected);
        }
    }

    #[tokio::test]
    async fn what_is_malformed_is_never_sent() {
        let request = Request::Malformed { reason: String::new() };
        assert!(Codec.write_request(&NAME, &mut Cursor::new(Vec::new()), request).await.is_err());
        let named = b"\xa1\x69Malformed\xa1\x66reason\x60";
        let Request::Malformed { reason } = super::tests::request(named).await.unwrap() else { panic!() };
        assert!(reason.contains("unknown variant"), "{reason}");
    }

    #[test]
    fn the_largest_messages_fit_their_limits() {
        let len = |message: &Response| wire::encode(message).unwrap().len() as u64;
        let ids = vec![RecordId::new([0xff; 32]); limits::RECORDS_PER_REQUEST];
        let request = wire::encode(&Request::Records { ids }).unwrap().len() as u64;
        assert!(request <= limits::REQUEST_MAX_BYTES, "{request}");
        let ids = vec![RecordId::new([0xff; 32]); limits::HAVE_IDS];
        let have = wire::encode(&Request::Have { ids: ids.clone() }).unwrap().len() as u64;
        let longest = have.max(len(&Response::Held { ids }));
        assert!(longest <= limits::REQUEST_MAX_BYTES.min(limits::RESPONSE_MAX_BYTES), "{longest}");
        const { assert!(limits::BLOB_MAX_BYTES / limits::CHUNK_BYTES * 32 + 64 < limits::RESPONSE_MAX_BYTES) };
        // A competition's id, a kind and the names of the fields take less than 96 bytes a part.
        const {
            assert!(
                limits::RECONCILE_BYTES + 96 * (limits::RECONCILE_PARTS as u64) < limits::REQUEST_MAX_BYTES
            )
        };
        let part = (1, u64::MAX, Fingerprint::new([0xff; 32]));
        let summary = Summary { competition: RecordId::new([0xff; 32]), parts: vec![part; 7] };
        let competitions = vec![summary; limits::SUMMARY_PAGE];
        let page = len(&Response::Summary { competitions, more: true, total: u64::MAX, time: u64::MAX });
        assert!(page <= limits::RESPONSE_MAX_BYTES, "{page}");
        const { assert!(limits::CHUNK_BYTES + 64 < limits::RESPONSE_MAX_BYTES) };
        // A page of the shortest records, and one of a single longest.
        let short = vec![
            vec![0; limits::RECORDS_PAGE_BYTES / limits::RECORDS_PER_REQUEST].into();
            limits::RECORDS_PER_REQUEST
        ];
        assert!(len(&Response::Records { records: short }) <= limits::RESPONSE_MAX_BYTES);
        const { assert!(limits::RECORDS_PAGE_BYTES >= limits::RECORD_MAX_BYTES) };
    }
}
