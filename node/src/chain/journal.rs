//! What has been signed and may be under way: written before it is sent. After a crash the same command finds its
//! transaction here, and sends that one again instead of another.
//!
//! ```text
//! chain/<chain id>-<account>/lock                  held while a command sends from the account
//! chain/<chain id>-<account>/<what>.json           signed, and not known to be deep in the chain (0600)
//! chain/<chain id>-<account>/done/<nonce>-<what>.json   deep enough
//! ```

use super::ChainError;
use crate::home::{Home, HomeError, make_private_dir, read_private, write_private};
use crate::limits;
use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};

/// One signed transaction, or the same one with higher fees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Its hash.
    pub hash: B256,
    /// As it is sent.
    pub raw: Bytes,
    /// Most that it pays for gas, in wei.
    pub max_fee: u128,
}

/// A transaction that was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// What it does: a name that the same command has every time.
    pub what: String,
    /// The chain.
    pub chain: u64,
    /// Who sends it.
    pub from: Address,
    /// To whom; none creates a contract.
    pub to: Option<Address>,
    /// The coin that it carries, in wei.
    pub value: U256,
    /// Its number among the account's.
    pub nonce: u64,
    /// When it was signed first, seconds since 1970.
    pub signed: u64,
    /// All that were signed with this number: at most one of them counts.
    pub attempts: Vec<Attempt>,
}

impl Signed {
    /// Adds what was signed with higher fees. The oldest of too many are given up: their fees are the lowest.
    pub fn add(&mut self, attempt: Attempt) {
        let room = limits::JOURNAL_ATTEMPTS - 1;
        self.attempts.drain(..self.attempts.len().saturating_sub(room));
        self.attempts.push(attempt);
    }
}

/// The journal of one account on one chain. Whoever has it is the only one that sends from the account.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    /// Held as long as this is there.
    _lock: File,
}

impl Journal {
    /// Opens it.
    ///
    /// # Errors
    /// If another command has it, or the disk fails.
    pub fn open(home: &Home, chain: u64, account: Address) -> Result<Self, ChainError> {
        let dir = home.chain().join(format!("{chain}-{account}").to_lowercase());
        make_private_dir(&dir.join("done"))?;
        make_private_dir(&home.chain())?;
        make_private_dir(&dir)?;
        let path = dir.join("lock");
        let io = |source| HomeError::Io { path: path.clone(), source };
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir, _lock: lock }),
            Err(std::fs::TryLockError::WouldBlock) => Err(ChainError::InUse { account, path }),
            Err(std::fs::TryLockError::Error(source)) => Err(io(source).into()),
        }
    }

    /// What was signed under this name, and is not known to be deep in the chain.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn find(&self, what: &str) -> Result<Option<Signed>, ChainError> {
        let path = self.path(what);
        if !path.exists() {
            return Ok(None);
        }
        let signed = read(&path)?;
        if signed.what != what || signed.attempts.is_empty() {
            let got = format!("a transaction that does {:?}", signed.what);
            return Err(ChainError::Malformed { path, expected: "a transaction of this name", got });
        }
        Ok(Some(signed))
    }

    /// The names that begin so of what was signed, and is not known to be deep in the chain.
    ///
    /// # Errors
    /// If a file is damaged.
    pub fn begun(&self, prefix: &str) -> Result<Vec<String>, ChainError> {
        let io = |source| HomeError::Io { path: self.dir.clone(), source };
        let mut found = Vec::new();
        for file in std::fs::read_dir(&self.dir).map_err(io)? {
            let path = file.map_err(io)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let begins = file_name(prefix).trim_end_matches(".json").to_owned();
            if name.starts_with(&begins) && name.ends_with(".json") && path.is_file() {
                let signed = read(&path)?;
                found.push((signed.nonce, signed.what));
            }
        }
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, what)| what).collect())
    }

    /// Writes a transaction down: to be done before it is sent.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn keep(&self, signed: &Signed) -> Result<(), ChainError> {
        let path = self.path(&signed.what);
        Ok(write_private(&path, &encoded(&path, signed)?)?)
    }

    /// It is deep enough.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn done(&self, signed: &Signed) -> Result<(), ChainError> {
        let name = format!("{}-{}", signed.nonce, file_name(&signed.what));
        let path = self.dir.join("done").join(name);
        write_private(&path, &encoded(&path, signed)?)?;
        self.forget(&signed.what)
    }

    /// It will never count.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn forget(&self, what: &str) -> Result<(), ChainError> {
        let path = self.path(what);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(HomeError::Io { path, source }.into())
            }
            _ => Ok(()),
        }
    }

    fn path(&self, what: &str) -> PathBuf {
        self.dir.join(file_name(what))
    }
}

fn file_name(what: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("{}.json", what.chars().map(plain).collect::<String>())
}

fn encoded(path: &Path, signed: &Signed) -> Result<Vec<u8>, ChainError> {
    serde_json::to_vec_pretty(signed).map_err(|error| ChainError::Malformed {
        path: path.to_owned(),
        expected: "an encodable transaction",
        got: error.to_string(),
    })
}

fn read(path: &Path) -> Result<Signed, ChainError> {
    let bytes = read_private(path, limits::JOURNAL_MAX_BYTES)?;
    serde_json::from_slice(&bytes).map_err(|error| ChainError::Malformed {
        path: path.to_owned(),
        expected: "a signed transaction",
        got: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(dir: &Path) -> Home {
        let home = Home::new(Some(dir.to_owned()), None).unwrap();
        make_private_dir(dir).unwrap();
        home
    }

    fn signed(what: &str) -> Signed {
        let attempt = Attempt { hash: B256::repeat_byte(1), raw: vec![2, 3].into(), max_fee: u128::MAX };
        Signed {
            what: what.into(),
            chain: 1,
            from: Address::repeat_byte(2),
            to: None,
            value: U256::MAX,
            nonce: 5,
            signed: 0,
            attempts: vec![attempt],
        }
    }

    #[test]
    fn what_is_written_is_found_until_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let home = home(&dir.path().join("home"));
        let account = Address::repeat_byte(2);
        let journal = Journal::open(&home, 1, account).unwrap();
        let transaction = signed("claim 0xab of 1");
        assert_eq!(journal.find(&transaction.what).unwrap(), None);
        journal.keep(&transaction).unwrap();
        assert!(matches!(Journal::open(&home, 1, account), Err(ChainError::InUse { .. })));
        assert!(Journal::open(&home, 2, account).is_ok(), "another chain is another journal");
        assert_eq!(journal.begun("claim 0x").unwrap(), std::slice::from_ref(&transaction.what));
        assert!(journal.begun("post").unwrap().is_empty());
        drop(journal);
        let journal = Journal::open(&home, 1, account).unwrap();
        assert_eq!(journal.find(&transaction.what).unwrap(), Some(transaction.clone()));
        journal.done(&transaction).unwrap();
        assert_eq!(journal.find(&transaction.what).unwrap(), None);
        journal.forget(&transaction.what).unwrap();
    }

    #[test]
    fn attempts_have_a_bound_and_the_newest_stay() {
        let mut transaction = signed("post 1");
        for max_fee in 0..limits::JOURNAL_ATTEMPTS as u128 + 3 {
            transaction.add(Attempt { max_fee, ..transaction.attempts[0].clone() });
        }
        let fees: Vec<u128> = transaction.attempts.iter().map(|attempt| attempt.max_fee).collect();
        assert_eq!(fees, (3..limits::JOURNAL_ATTEMPTS as u128 + 3).collect::<Vec<_>>());
    }

    #[test]
    fn a_damaged_journal_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let home = home(&dir.path().join("home"));
        let journal = Journal::open(&home, 1, Address::ZERO).unwrap();
        let mut other = signed("post 2");
        for bytes in [b"".to_vec(), b"{}".to_vec(), vec![b' '; limits::JOURNAL_MAX_BYTES as usize + 1]] {
            write_private(&journal.path("post 1"), &bytes).unwrap();
            assert!(journal.find("post 1").is_err());
        }
        write_private(&journal.path("post 1"), &serde_json::to_vec(&other).unwrap()).unwrap();
        assert!(matches!(journal.find("post 1"), Err(ChainError::Malformed { .. })));
        other.attempts.clear();
        write_private(&journal.path("post 2"), &serde_json::to_vec(&other).unwrap()).unwrap();
        assert!(matches!(journal.find("post 2"), Err(ChainError::Malformed { .. })));
    }
}
