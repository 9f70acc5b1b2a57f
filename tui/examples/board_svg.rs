//! Draws the board's picture for the README from the real board: `cargo run -p tui --example board_svg`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "it is a tool of this repository")]

#[path = "../tests/common/mod.rs"]
mod common;

fn main() -> std::io::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/board.svg");
    std::fs::write(path, common::svg::picture(&common::scene::scene(common::scene::SIZE)))?;
    println!("{path}");
    Ok(())
}
