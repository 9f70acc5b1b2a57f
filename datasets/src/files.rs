//! Reading files of other people: never more bytes than agreed.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// The whole file, or its length if it has more than `max_bytes`.
pub(crate) enum Bounded {
    /// All bytes.
    Bytes(Vec<u8>),
    /// Too long: this many bytes, as far as known.
    TooLong(u64),
}

/// Reads a file of at most `max_bytes`, also if its length is unknown or grows while it is read.
pub(crate) fn read_bounded(path: &Path, max_bytes: u64) -> io::Result<Bounded> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > max_bytes {
        return Ok(Bounded::TooLong(length));
    }
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    let length = bytes.len() as u64;
    Ok(if length > max_bytes { Bounded::TooLong(length) } else { Bounded::Bytes(bytes) })
}
