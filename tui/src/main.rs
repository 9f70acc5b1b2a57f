//! The board in a terminal. See the library for how it works.

use std::io::{ErrorKind, IsTerminal, Write, stdin, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::Parser;
use tui::app::{self, Ending, Options};
use tui::args::{self, Args};
use tui::config::{self, Config};
use tui::once::{self, Wanted};
use tui::state::{Clock, Start};

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
    if args.print_config {
        return put(config::template().as_bytes());
    }
    if let Some(path) = &args.replay {
        return replay(path);
    }
    let config = Config::load(args)?;
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
    let start = Start {
        socket,
        wanted: args.competition.clone(),
        // Both are found out when it is opened.
        size: (0, 0),
        clock: Clock::default(),
        keys: config.keys,
        node: app::node_program(),
    };
    let state = args::folders().map(|f| f.state_dir().unwrap_or_else(|| f.data_local_dir()).join("visits"));
    let options = Options {
        start,
        theme: config.theme,
        mouse: config.mouse,
        data_dir: args.data_folder()?,
        visits: state,
        record: args.record.clone(),
    };
    match runtime.block_on(app::run(options))? {
        Ending::Quit => Ok(ExitCode::SUCCESS),
        // As shells report it.
        Ending::Signal(number) => Ok(ExitCode::from(128 + number)),
    }
}

async fn print(args: &Args, socket: &Path) -> anyhow::Result<ExitCode> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let competition = args.competition.as_deref();
    let wanted = Wanted { screen: args.screen, competition, format: args.format, now };
    // Written at once: a closed pipe must not leave half a table.
    let mut page = Vec::new();
    once::print(socket, wanted, &mut page).await?;
    put(&page)
}

/// Prints the screen that a recorded session ends with; fails if it is another one than was recorded.
fn replay(path: &Path) -> anyhow::Result<ExitCode> {
    let replay = app::replay(path).with_context(|| format!("replaying {}", path.display()))?;
    put(format!("{}\n", replay.screen.join("\n")).as_bytes())?;
    match replay.recorded {
        Some(recorded) if recorded == replay.screen => Ok(ExitCode::SUCCESS),
        Some(_) => bail!("{} messages end with another screen than was recorded", replay.messages),
        None => bail!("the recording has no last screen: the session was cut off"),
    }
}

fn put(page: &[u8]) -> anyhow::Result<ExitCode> {
    match stdout().write_all(page) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("writing"),
        _ => Ok(ExitCode::SUCCESS),
    }
}
