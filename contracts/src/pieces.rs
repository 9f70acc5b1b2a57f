//! Data as contract code: pieces that fit into one contract each.

use crate::bindings::Verifier::storePieceCall;
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_sol_types::SolCall;

/// Longest piece, in bytes: the longest code of a contract (EIP-170) less one.
pub const MAX_PIECE_BYTES: usize = 24_575;

/// Data cut into pieces. All but the last are stored by transactions of their own; the last one goes along with the
/// transaction that registers the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// Pieces to be stored before, in order.
    pub stored: Vec<Bytes>,
    /// The last piece.
    pub tail: Bytes,
}

impl Pieces {
    /// Cuts data, which must not be empty, into as few pieces as they fit into.
    pub fn of(data: &[u8]) -> Self {
        let mut stored: Vec<Bytes> = data.chunks(MAX_PIECE_BYTES).map(Bytes::copy_from_slice).collect();
        let tail = stored.pop().unwrap_or_default();
        Self { stored, tail }
    }

    /// Hashes of the pieces to be stored before: by them `pieceOf` tells which of them are there already.
    pub fn hashes(&self) -> Vec<B256> {
        self.stored.iter().map(keccak256).collect()
    }

    /// Calls of the verifier that store them, in order. Each may be sent again: it does nothing the second time.
    pub fn calls(&self) -> Vec<Bytes> {
        self.stored.iter().map(|piece| storePieceCall { data: piece.clone() }.abi_encode().into()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_cut_at_the_longest_code() {
        for (bytes, stored, tail) in [
            (1, 0, 1),
            (MAX_PIECE_BYTES, 0, MAX_PIECE_BYTES),
            (MAX_PIECE_BYTES + 1, 1, 1),
            (3 * MAX_PIECE_BYTES, 2, MAX_PIECE_BYTES),
        ] {
            let data: Vec<u8> = (0..bytes).map(|i| i as u8).collect();
            let pieces = Pieces::of(&data);
            assert_eq!((pieces.stored.len(), pieces.tail.len()), (stored, tail));
            let whole: Vec<u8> = pieces.stored.iter().chain([&pieces.tail]).flatten().copied().collect();
            assert_eq!(whole, data);
        }
    }
}
