//! A test set as contracts hold it: the integers alone, column by column, under Keccak-256.
//!
//! BLAKE3 and CBOR cost too much on an EVM chain. Names and the affine map, which a score does not depend on, are left
//! out; competitions on a chain pin them by the digest of their manifest.

use super::{Competitor, TestSet};
use sha3::{Digest, Keccak256};

const DOMAIN: &[u8; 32] = b"podium chain test set v1\0\0\0\0\0\0\0\0";

impl TestSet {
    /// What is stored on a chain: the labels, then the values of one feature after the other; one byte each.
    pub fn evm_bytes(&self) -> Vec<u8> {
        let narrow = |value: u16| value as u8; // At most 255: `TestSet::new` has checked it.
        let labels = (0..self.rows()).map(|i| narrow(self.label(i)));
        let values = (0..self.features()).flat_map(|k| (0..self.rows()).map(move |i| narrow(self.row(i)[k])));
        labels.chain(values).collect()
    }

    /// Keccak-256 of a domain tag (32 bytes), rows, features, classes (4 bytes each, big-endian), feature bits (1) and
    /// [`Self::evm_bytes`]: everything that a score depends on.
    pub fn evm_digest(&self) -> [u8; 32] {
        let mut hash = Keccak256::new();
        hash.update(DOMAIN);
        for count in [self.rows(), self.features(), self.classes()] {
            hash.update((count as u32).to_be_bytes());
        }
        hash.update([self.task().feature_bits]);
        hash.update(self.evm_bytes());
        hash.finalize().into()
    }

    /// The digest that a competitor's challenges are hashed from: whoever checks the proof has to be able to compute it.
    pub(crate) fn digest_for(&self, competitor: Competitor) -> [u8; 32] {
        match competitor {
            Competitor::Node(_) => self.digest(),
            Competitor::Evm(_) => self.evm_digest(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{Feature, Task};

    fn set(classes: &[&str], feature_bits: u8, x: Vec<u16>, labels: Vec<u16>) -> TestSet {
        let feature = |i: usize| Feature { name: format!("f{i}"), offset: 0.0, step: 1.0 };
        let features = (0..x.len() / labels.len()).map(feature).collect();
        let classes = classes.iter().map(|name| (*name).to_owned()).collect();
        TestSet::new(Task { features, feature_bits, classes }, x, labels).unwrap()
    }

    #[test]
    fn labels_come_first_then_columns() {
        let set = set(&["a", "b"], 8, vec![1, 2, 3, 4, 5, 255], vec![1, 0]);
        assert_eq!(set.evm_bytes(), [1, 0, 1, 4, 2, 5, 3, 255]);
        let header = [&DOMAIN[..], &[0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2, 8]].concat();
        let expected: [u8; 32] = Keccak256::digest([&header[..], &set.evm_bytes()].concat()).into();
        assert_eq!(set.evm_digest(), expected);
    }

    #[test]
    fn accounts_on_a_chain_have_the_digest_that_a_contract_computes() {
        let set = set(&["a", "b"], 8, vec![1, 2], vec![1, 0]);
        assert_eq!(set.digest_for(Competitor::Node([1; 32])), set.digest());
        assert_eq!(set.digest_for(Competitor::Evm([1; 20])), set.evm_digest());
        assert_ne!(set.digest(), set.evm_digest());
    }

    #[test]
    fn the_digest_covers_every_value_and_every_count() {
        let base = || set(&["a", "b"], 4, vec![1, 2, 3, 4], vec![1, 0]);
        let mut seen = vec![base().evm_digest()];
        for at in 0..4 {
            let mut x = vec![1, 2, 3, 4];
            x[at] ^= 1;
            seen.push(set(&["a", "b"], 4, x, vec![1, 0]).evm_digest());
        }
        seen.push(set(&["a", "b"], 4, vec![1, 2, 3, 4], vec![0, 0]).evm_digest());
        seen.push(set(&["a", "b"], 5, vec![1, 2, 3, 4], vec![1, 0]).evm_digest());
        seen.push(set(&["a", "b", "c"], 4, vec![1, 2, 3, 4], vec![1, 0]).evm_digest());
        // The same bytes cut in another way: 1 row of 5 features, 3 rows of 1 feature.
        seen.push(set(&["a", "b"], 4, vec![0, 1, 3, 2, 4], vec![1]).evm_digest());
        seen.push(set(&["a", "b"], 4, vec![3, 2, 4], vec![1, 0, 1]).evm_digest());
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all);
    }
}
