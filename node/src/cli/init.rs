//! `node init`

use super::context::Context;
use super::output;
use serde_json::json;

#[derive(clap::Args)]
pub struct Args {}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let identity = context.home.init()?;
        let peer_id = identity.keypair.public().to_peer_id().to_string();
        let dir = context.home.dir().display().to_string();
        if context.json {
            return output::json(&json!({ "peer_id": peer_id, "data_dir": dir }));
        }
        output::message(&format!("set up {dir}; keep identity.key and secret: whoever has them is you"));
        output::data(&peer_id)
    }
}
