//! The board in a terminal. See the library for how it works.

use std::io::{ErrorKind, IsTerminal, Write, stdin, stdout};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::Parser;
use tui::app::{self, Ending, Options};
use tui::args::Args;
use tui::once::{self, OnceError};

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", tui::sanitise::text(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let socket = args.socket()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the event loop")?;
    if args.once {
        return runtime.block_on(print(args, &socket));
    }
    if !stdin().is_terminal() || !stdout().is_terminal() {
        bail!("the board needs a terminal; print it with: tui --once");
    }
    let options = Options { socket, competition: args.competition.clone() };
    match runtime.block_on(app::run(options))? {
        Ending::Quit => Ok(ExitCode::SUCCESS),
        // As shells report it.
        Ending::Signal(number) => Ok(ExitCode::from(128 + number)),
    }
}

async fn print(args: &Args, socket: &std::path::Path) -> anyhow::Result<ExitCode> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    // Written at once: a closed pipe must not leave half a table.
    let mut page = Vec::new();
    once::print(socket, args.competition.as_deref(), args.format, now, &mut page).await?;
    match stdout().write_all(&page) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(OnceError::Io(error).into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
