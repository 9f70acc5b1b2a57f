//! `node stop`

use super::context::{CliError, Context};
use super::output;
use crate::client::{Client, unexpected};
use api::{Body, Command};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(15);

const EXAMPLES: &str = "\
Examples:
  node stop
  node --data-dir ./node2 stop";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let socket = context.home.socket();
        match Client::connect(&socket)?.ask(Command::Shutdown)? {
            Body::Done => {}
            other => return Err(unexpected("shutdown", &other).into()),
        }
        let start = Instant::now();
        while socket.exists() {
            if start.elapsed() > PATIENCE {
                let what = "the end of the node".to_owned();
                return Err(CliError::TimedOut { what, seconds: PATIENCE.as_secs() }.into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        output::message("stopped");
        Ok(())
    }
}
