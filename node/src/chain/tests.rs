//! A chain that is made up: JSON-RPC on loopback, as scripted.

use alloy_primitives::{Address, B256};
use contracts::{Shape, Terms};

/// Terms of some competition.
pub fn terms() -> Terms {
    Terms {
        host: Address::repeat_byte(1),
        token: Address::ZERO,
        prize: 1_000,
        hostBond: 10,
        bond: 5,
        key: B256::repeat_byte(2),
        seal: B256::repeat_byte(3),
        manifest: B256::repeat_byte(4),
        shape: Shape { rows: 284, features: 30, classes: 2, bits: 8 },
        threshold: 9_500,
        winners: 1,
        enterUntil: 1_000,
        revealUntil: 2_000,
        submitUntil: 3_000,
        maxEntries: 10,
        maxEntriesEach: 2,
    }
}
