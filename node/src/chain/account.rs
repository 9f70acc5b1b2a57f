//! The account that pays and is paid: out of a keystore file with a password, or a file with the bare key. Never out of
//! an argument, which every process of the machine can read.

use super::ChainError;
use crate::home::{read_input, read_private, read_secret};
use crate::limits;
use alloy_consensus::transaction::RlpEcdsaEncodableTx;
use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, B256, Bytes};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Where an account's key is.
#[derive(Clone, Debug)]
pub enum AccountFile {
    /// A keystore (Web3 Secret Storage, version 3) and the file of its password, `-` for standard input.
    Keystore {
        /// The keystore.
        keystore: PathBuf,
        /// Its password.
        password: PathBuf,
    },
    /// 32 bytes in hex, in a file of mode 0600.
    Key(PathBuf),
}

/// An account that can sign.
pub struct Account {
    signer: PrivateKeySigner,
}

impl std::fmt::Debug for Account {
    /// Shows the address alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Account").field(&self.address()).finish()
    }
}

/// Bytes of a secret, wiped when they go.
struct Secret(Vec<u8>);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|byte| *byte = 0);
        std::hint::black_box(&self.0); // best effort: nothing may be left out as without use
    }
}

impl Account {
    /// Opens an account.
    ///
    /// # Errors
    /// If a file is missing, readable by others, damaged, or the password is another one.
    pub fn open(file: &AccountFile) -> Result<Self, ChainError> {
        match file {
            AccountFile::Keystore { keystore, password } => Self::of_keystore(keystore, password),
            AccountFile::Key(path) => Self::of_key(path),
        }
    }

    fn of_key(path: &Path) -> Result<Self, ChainError> {
        let expected = "a private key: 64 hexadecimal digits";
        let refuse = |reason: &str| account(path, expected, reason);
        let text = Secret(read_private(path, limits::ACCOUNT_MAX_BYTES)?);
        let digits = std::str::from_utf8(&text.0).map_err(|_| refuse("it is no text"))?.trim();
        let mut key = Secret(vec![0; 32]);
        hex::decode_to_slice(digits.strip_prefix("0x").unwrap_or(digits), &mut key.0)
            .map_err(|_| refuse("it has other characters, or another length"))?;
        let signer = PrivateKeySigner::from_slice(&key.0).map_err(|_| refuse("no such key is possible"))?;
        Ok(Self { signer })
    }

    fn of_keystore(path: &Path, password: &Path) -> Result<Self, ChainError> {
        let refuse = |reason: &str| account(path, "a keystore of version 3", reason);
        Keystore::check(&read_input(path, limits::ACCOUNT_MAX_BYTES)?).map_err(|reason| refuse(&reason))?;
        let password = Secret(read_secret(password, limits::ACCOUNT_MAX_BYTES)?);
        let line = password.0.strip_suffix(b"\n").unwrap_or(&password.0);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Why is not told: it is the password, or the file is damaged.
        let signer = PrivateKeySigner::decrypt_keystore(path, line)
            .map_err(|_| refuse("this password does not open it, or it is damaged"))?;
        Ok(Self { signer })
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Signs: the transaction as it is sent, and its hash.
    ///
    /// # Errors
    /// If the signer fails.
    pub fn sign(&self, transaction: &TxEip1559) -> Result<(Bytes, B256), ChainError> {
        let signature = self.signer.sign_hash_sync(&transaction.signature_hash())?;
        let mut raw = Vec::with_capacity(transaction.eip2718_encoded_length(&signature));
        transaction.eip2718_encode(&signature, &mut raw);
        Ok((raw.into(), transaction.tx_hash(&signature)))
    }
}

fn account(path: &Path, expected: &'static str, reason: &str) -> ChainError {
    ChainError::Account { path: path.to_owned(), expected, reason: reason.to_owned() }
}

/// What of a keystore has to be right before it is opened: the library that does takes any number, and memory for it.
#[derive(Deserialize)]
struct Keystore {
    version: u64,
    crypto: Crypto,
}

#[derive(Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParams,
    ciphertext: String,
    kdfparams: KdfParams,
}

#[derive(Deserialize)]
struct CipherParams {
    iv: String,
}

#[derive(Deserialize)]
struct KdfParams {
    dklen: u64,
    n: Option<u64>,
    r: Option<u64>,
    p: Option<u64>,
    c: Option<u64>,
}

impl Keystore {
    fn check(bytes: &[u8]) -> Result<(), String> {
        let keystore: Self = serde_json::from_slice(bytes).map_err(|_| "it is no such JSON".to_owned())?;
        let crypto = &keystore.crypto;
        let kdf = &crypto.kdfparams;
        let work = |value: Option<u64>| value.unwrap_or(1);
        let memory = work(kdf.n).saturating_mul(work(kdf.r)).saturating_mul(128);
        let rounds = memory.saturating_mul(work(kdf.p)).max(work(kdf.c).saturating_mul(1 << 10));
        let checks = [
            ("version 3", keystore.version == 3),
            ("the cipher aes-128-ctr", crypto.cipher == "aes-128-ctr"),
            ("an iv of 16 bytes", crypto.cipherparams.iv.len() == 32),
            ("32 bytes of ciphertext", crypto.ciphertext.len() == 64),
            ("a derived key of 32 bytes", kdf.dklen == 32),
            ("less memory to open it", memory <= limits::KEYSTORE_WORK_BYTES),
            ("less work to open it", rounds <= 16 * limits::KEYSTORE_WORK_BYTES),
        ];
        match checks.iter().find(|(_, good)| !good) {
            Some((expected, _)) => Err(format!("expected {expected}")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::{HomeError, write_private};
    use std::os::unix::fs::PermissionsExt;

    const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    const ADDRESS: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

    #[test]
    fn a_key_file_is_private_and_is_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        for text in [KEY.to_owned(), format!("0x{KEY}\n")] {
            write_private(&path, text.as_bytes()).unwrap();
            let account = Account::open(&AccountFile::Key(path.clone())).unwrap();
            assert_eq!(account.address().to_string(), ADDRESS);
            assert!(!format!("{account:?}").contains(&KEY[..8]));
        }
        for text in [&KEY[1..], "", "0x", &"0".repeat(64), &"f".repeat(64), &"x".repeat(64)] {
            write_private(&path, text.as_bytes()).unwrap();
            let error = Account::open(&AccountFile::Key(path.clone())).unwrap_err().to_string();
            assert!(error.contains("64 hexadecimal digits"), "{error}");
            assert!(text.len() < 8 || !error.contains(text), "{error}");
        }
        write_private(&path, &vec![b'0'; limits::ACCOUNT_MAX_BYTES as usize + 1]).unwrap();
        assert!(Account::open(&AccountFile::Key(path.clone())).is_err());
        write_private(&path, KEY.as_bytes()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = Account::open(&AccountFile::Key(path)).unwrap_err();
        assert!(matches!(error, ChainError::Home(HomeError::Mode { got: 0o644, .. })));
    }

    #[test]
    fn a_keystore_opens_with_its_password_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (keystore, password) = (dir.path().join("store"), dir.path().join("password"));
        // The example of the Web3 Secret Storage definition.
        let good = serde_json::json!({
            "crypto": {
                "cipher": "aes-128-ctr",
                "cipherparams": { "iv": "6087dab2f9fdbbfaddc31a909735c1e6" },
                "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
                "kdf": "pbkdf2",
                "kdfparams": {
                    "c": 262_144, "dklen": 32, "prf": "hmac-sha256",
                    "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"
                },
                "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"
            },
            "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
            "version": 3
        });
        std::fs::write(&keystore, good.to_string()).unwrap();
        let file = AccountFile::Keystore { keystore: keystore.clone(), password: password.clone() };
        write_private(&password, b"testpassword\n").unwrap();
        let address = Account::open(&file).unwrap().address().to_string().to_lowercase();
        assert_eq!(address, "0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b");
        write_private(&password, b"wrong").unwrap();
        assert!(Account::open(&file).unwrap_err().to_string().contains("does not open it"));
        let bad = |pointer: &str, value: serde_json::Value| {
            let mut text = good.clone();
            *text.pointer_mut(pointer).unwrap() = value;
            std::fs::write(&keystore, text.to_string()).unwrap();
            Account::open(&file).unwrap_err().to_string()
        };
        for (pointer, value) in [
            ("/version", 1.into()),
            ("/crypto/cipher", "aes-256".into()),
            ("/crypto/cipherparams/iv", "60".into()),
            ("/crypto/ciphertext", "53".into()),
            ("/crypto/kdfparams/dklen", 8.into()),
            ("/crypto/kdfparams/c", (limits::KEYSTORE_WORK_BYTES / 32).into()),
            (
                "/crypto/kdfparams",
                serde_json::json!({ "dklen": 32, "n": 1u64 << 31, "r": 8, "p": 1, "salt": "" }),
            ),
            ("/crypto", 7.into()),
        ] {
            assert!(bad(pointer, value).contains("keystore of version 3"), "{pointer}");
        }
    }

    #[test]
    fn what_is_signed_is_what_the_chain_recovers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        write_private(&path, KEY.as_bytes()).unwrap();
        let account = Account::open(&AccountFile::Key(path)).unwrap();
        let transaction = TxEip1559 { chain_id: 31_337, nonce: 7, gas_limit: 21_000, ..TxEip1559::default() };
        let (raw, hash) = account.sign(&transaction).unwrap();
        assert_eq!(raw[0], 2, "EIP-1559");
        assert_eq!(alloy_primitives::keccak256(&raw), hash);
    }
}
