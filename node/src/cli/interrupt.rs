//! Ctrl-C and SIGTERM for commands that end by themselves. The node and the board have ways of their own.

use super::output;
use crate::scratch;
use std::process::exit;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// 128 and the number of SIGINT, as shells have it.
pub const INTERRUPTED: i32 = 130;
/// The same with SIGTERM.
const TERMINATED: i32 = 143;

/// From now on a signal ends this process, and leaves nothing half-done: temporary files are removed, and whatever has
/// its name already is whole.
///
/// # Errors
/// If the system has no thread or no signal for it.
pub fn catch() -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    drop(entered);
    std::thread::Builder::new().name("interrupt".into()).spawn(move || {
        let code = runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => INTERRUPTED,
                _ = terminate.recv() => TERMINATED,
            }
        });
        scratch::remove_all();
        output::error("interrupted: nothing is half-done, and the same command goes on from here");
        exit(code);
    })?;
    Ok(())
}
