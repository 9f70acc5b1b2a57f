//! How far a blob is that the running node fetches for a command.

use super::progress::Progress;
use crate::client::Client;
use api::{Body, Command};
use protocol::BlobRef;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// The node is asked so often.
const INTERVAL: Duration = Duration::from_millis(300);

/// Waits for a blob, and shows on standard error how far it is. What is here already shows nothing.
pub fn shown<T>(socket: &Path, blob: BlobRef, what: &str, get: impl FnOnce() -> T) -> T {
    let (end, ended) = sync_channel::<()>(1);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut shown = None;
            while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                // It is the other connection that tells what goes wrong.
                let Ok(mut client) = Client::connect(socket) else { continue };
                let Ok(Body::Fetches { fetches }) = client.ask(Command::Fetches) else { continue };
                let id = blob.id.to_string();
                if let Some(fetch) =
                    fetches.iter().find(|fetch| (&fetch.blob, fetch.bytes) == (&id, blob.bytes))
                {
                    let progress = shown.get_or_insert_with(|| Progress::new(what));
                    let step = match fetch.sources {
                        0 => "waiting for peers".to_owned(),
                        1 => "from 1 peer".to_owned(),
                        n => format!("from {n} peers"),
                    };
                    progress.report(&step, fetch.done as f64 / fetch.bytes.max(1) as f64);
                }
            }
            if let Some(progress) = shown {
                progress.finish();
            }
        });
        let got = get();
        drop(end);
        got
    })
}
