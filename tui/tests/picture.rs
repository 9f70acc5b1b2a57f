//! The picture in the README is what the board looks like.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

#[test]
fn the_picture_is_current() {
    let drawn = common::svg::picture(&common::scene::scene(common::scene::SIZE));
    let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/board.svg")).unwrap();
    assert!(drawn == kept, "draw it anew: cargo run -p tui --example board_svg");
    for part in ["Handwritten digits", "手書き研究会", "threshold 90.00 %", "5 of 5", "↑3"] {
        assert!(drawn.contains(&part.replace(' ', "\u{a0}")), "{part}");
    }
}
