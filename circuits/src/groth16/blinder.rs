//! Blinders from a keyed PRF (BLAKE3), never from a generator whose state could repeat: the same inputs give the
//! same blinder after a crash, other inputs another, and a restored snapshot cannot reuse one for another value.

use crate::engine::Scalars;
use ark_bn254::Fr;
use ark_ff::PrimeField;
use zeroize::Zeroize;

/// A PRF for one purpose, keyed with the competitor's local secret.
pub(super) struct Prf(blake3::Hasher);

/// The secret for one proving key file: what is blinded depends on the file's points too.
pub(super) fn secret_for_file(secret: &[u8; 32], file: &[u8; 32]) -> [u8; 32] {
    Prf::new("podium 2026 secret for a proving key file", secret).bytes(file).finish_bytes()
}

impl Prf {
    /// `context` separates purposes.
    pub fn new(context: &str, secret: &[u8; 32]) -> Self {
        let mut key = blake3::derive_key(context, secret);
        let prf = Self(blake3::Hasher::new_keyed(&key));
        key.zeroize();
        prf
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    pub fn scalars(mut self, scalars: &Scalars) -> Self {
        self.0.update(&(scalars.len() as u64).to_le_bytes());
        scalars.bytes(|bytes| {
            self.0.update(bytes);
        });
        self
    }

    /// So many uniform field elements.
    pub fn finish<const N: usize>(self) -> [Fr; N] {
        let mut reader = self.0.finalize_xof();
        std::array::from_fn(|_| {
            let mut wide = [0; 64];
            reader.fill(&mut wide);
            let out = Fr::from_le_bytes_mod_order(&wide);
            wide.zeroize();
            out
        })
    }

    /// 32 uniform bytes.
    pub fn finish_bytes(self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}
