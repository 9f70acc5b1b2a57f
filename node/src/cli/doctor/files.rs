//! Configuration, data folder, disk, keys, store.

use super::super::context::Context;
use super::super::output;
use super::super::settings::ConfigError;
use super::{Finding, SET_RIGHT};
use crate::home::{Home, HomeError};
use crate::keys;
use crate::limits;
use crate::space;
use crate::store::{Opening, SledStore, Store};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub(super) fn config(context: &Context, settings: Result<(), &ConfigError>) -> Finding {
    const CHECK: &str = "configuration";
    match (settings, &context.settings.path) {
        (Err(error), _) => Finding::problem(CHECK, error.to_string(), SET_RIGHT),
        (Ok(()), Some(path)) if path.exists() => Finding::ok(CHECK, format!("{} is valid", path.display())),
        (Ok(()), _) => Finding::ok(CHECK, "there is no configuration file: defaults count"),
    }
}

/// Whether nobody else may read what is private.
pub(super) fn folder(home: &Home) -> Vec<Finding> {
    const CHECK: &str = "data folder";
    let dir = home.dir();
    if !home.is_initialised() {
        let message = format!("{} is no data folder yet", dir.display());
        return vec![Finding::warning(CHECK, message, "`node init` or the first `node run` sets it up")];
    }
    let mut findings = Vec::new();
    let private = [home.openings(), home.hosted()];
    let mut files = home.secrets().to_vec();
    for folder in &private {
        files.extend(plain_files(folder));
    }
    let folders = private.iter().cloned().chain([dir.to_owned(), home.keys(), home.blobs()]);
    let expected = folders.map(|path| (path, 0o700)).chain(files.into_iter().map(|path| (path, 0o600)));
    for (path, expected) in expected {
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        let got = meta.permissions().mode() & 0o777;
        // Others may enter no folder of which the data folder itself keeps them out.
        if got & 0o077 != 0 {
            let message = format!("{} has mode {got:o}, expected {expected:o}", path.display());
            let advice = format!("chmod {expected:o} {}", path.display());
            findings.push(Finding::problem(CHECK, message, advice));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, format!("{}: nobody else may read it", dir.display())));
    }
    findings
}

/// Files of a folder, and of the folders in it.
fn plain_files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let inner = |path: PathBuf| {
        if path.is_dir() {
            let files = std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
            files.filter(|path| path.is_file()).collect()
        } else {
            vec![path]
        }
    };
    entries.flat_map(inner).collect()
}

pub(super) fn disk(home: &Home) -> Finding {
    // The folder may not be there yet: the disk on which it would be is what counts.
    let Some(dir) = home.dir().ancestors().find(|dir| dir.exists()) else {
        return Finding::problem("disk", "no folder of the path exists", "choose another --data-dir");
    };
    let free = match space::free_bytes(dir) {
        Ok(free) => free,
        Err(error) => {
            return Finding::warning("disk", format!("{}: {error}", dir.display()), "look with `df`");
        }
    };
    let message = format!("{} free at {}", output::bytes(free), dir.display());
    let least = limits::DISK_LOW_BYTES;
    match free {
        _ if free < least / 16 => Finding::problem(
            "disk",
            message,
            format!("make room: expected at least {}", output::bytes(least)),
        ),
        _ if free < least => Finding::warning("disk", message, "make room, or move the data folder"),
        _ => Finding::ok("disk", message),
    }
}

pub(super) fn identity(home: &Home) -> Finding {
    const CHECK: &str = "identity";
    match home.identity() {
        Ok(identity) => Finding::ok(CHECK, identity.keypair.public().to_peer_id().to_string()),
        Err(error @ HomeError::NotInitialised { .. }) => {
            Finding::warning(CHECK, error.to_string(), "`node init` makes one")
        }
        Err(error) => Finding::problem(
            CHECK,
            error.to_string(),
            "take identity.key and secret from a backup: without them you are somebody else",
        ),
    }
}

/// Whether each proving key is the file that its name says.
pub(super) fn keys(home: &Home) -> Vec<Finding> {
    const CHECK: &str = "proving keys";
    let (keys, damaged) = match keys::list(home) {
        Ok(found) => found,
        Err(error) => return vec![Finding::problem(CHECK, error.to_string(), "look at the folder `keys`")],
    };
    let bad = |error: &keys::KeysError| {
        let advice = "delete the file: a key of your own competition comes back from peers who have it, others are made anew";
        Finding::problem(CHECK, error.to_string(), advice)
    };
    let mut findings: Vec<Finding> = damaged.iter().map(bad).collect();
    if findings.is_empty() {
        findings
            .push(Finding::ok(CHECK, format!("{} were made here, and have the right digests", keys.len())));
    }
    findings
}

/// Without a running node: whether the store can be opened.
pub(super) fn store(home: &Home) -> Finding {
    let path = home.store();
    if !path.exists() {
        return Finding::ok("store", "there is none yet");
    }
    match SledStore::open_with(&path, &Opening::default()) {
        Ok(store) => Finding::ok("store", format!("opens, with {} records", store.len())),
        Err(error) => {
            let advice = "if another process has it open, end that one; otherwise move the folder away and start again";
            Finding::problem("store", error.to_string(), advice)
        }
    }
}
