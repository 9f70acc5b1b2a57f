//! `node init`

use super::context::Context;
use super::output;
use super::printed::Initialised;

const EXAMPLES: &str = "\
Examples:
  node init
  node --data-dir ./node2 init                     another one, beside the usual one";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let identity = context.home.init()?;
        let peer_id = identity.keypair.public().to_peer_id().to_string();
        let dir = context.home.dir().display().to_string();
        if context.json {
            return output::json(&Initialised { peer_id, data_dir: dir });
        }
        output::message(&format!("set up {dir}; keep identity.key and secret: whoever has them is you"));
        output::data(&peer_id)
    }
}
