//! `node bench --network`: what the network takes, between real nodes on this machine.

mod blob;

use super::super::context::Context;
use super::super::output;

pub fn run(context: &Context, runs: u32) -> anyhow::Result<()> {
    let figures = blob::measure(blob::BYTES, runs)?;
    if context.json { output::json(&figures) } else { output::data(&blob::text(&figures)) }
}
