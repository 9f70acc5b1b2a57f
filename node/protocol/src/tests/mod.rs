//! Tests of the whole path from bytes to the board.

mod caps;
mod envelope;
mod flow;
mod offline;
mod payload;
mod properties;
mod rules;
mod simulation;
mod strangers;
