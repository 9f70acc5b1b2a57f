//! What comes over the network and the local socket, and bundles as files.

use super::{archive, decoders::message};
use protocol::wire::{Bytes, Request, Response, WireError, decode, decode_response, encode};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// Files of each kind that an archive may have here.
const BOUNDS: archive::Bounds = archive::Bounds { records: 6, blobs: 3 };

/// Requests and responses of the exchange protocol: what is read has one encoding, and is never one that is not sent.
pub fn exchange(data: &[u8]) {
    fn one<T: Serialize + DeserializeOwned + Debug + PartialEq>(data: &[u8]) {
        match decode::<T>(data) {
            Ok(read) => {
                let again = encode(&read).unwrap();
                assert_eq!(again, data, "another encoding was read");
                // Cut off anywhere it is nobody's fault.
                for cut in [0, data.len() / 2, data.len().saturating_sub(1)] {
                    let error = decode::<T>(&data[..cut]);
                    assert!(matches!(error, Err(WireError::Truncated { .. })), "cut at {cut}: {error:?}");
                }
            }
            Err(error) => message(&error),
        }
    }
    one::<Request>(data);
    one::<Response>(data);
    assert_eq!(decode_response(&Bytes::copy_from_slice(data)), decode::<Response>(data));
}

/// Lines of the local socket, both ways.
pub fn socket(data: &[u8]) {
    fn one<T: Serialize + DeserializeOwned + Debug + PartialEq>(data: &[u8]) {
        if let Ok(read) = serde_json::from_slice::<T>(data) {
            let line = serde_json::to_vec(&read).unwrap();
            assert!(!line.contains(&b'\n'), "one message takes two lines");
            assert_eq!(serde_json::from_slice::<T>(&line).unwrap(), read);
        }
    }
    one::<api::Request>(data);
    one::<api::Reply>(data);
}

/// Bundles as files.
pub fn tar(data: &[u8]) {
    match archive::read(data, BOUNDS) {
        Ok(bundle) => {
            assert!(bundle.records.len() <= BOUNDS.records && bundle.blobs.len() <= BOUNDS.blobs);
            let bytes: usize = bundle.records.iter().chain(&bundle.blobs).map(Vec::len).sum();
            assert!(bytes <= data.len(), "{bytes} bytes out of {}", data.len());
            let again = archive::read(&archive::to_bytes(&bundle).unwrap()[..], BOUNDS).unwrap();
            assert_eq!((again.records, again.blobs), (bundle.records, bundle.blobs));
        }
        Err(error) => message(&error),
    }
}
