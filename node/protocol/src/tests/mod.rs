//! Tests of the whole path from bytes to the board.

mod attacks;
mod batch;
mod binding;
mod board;
mod bundle;
mod caps;
mod closing;
mod envelope;
mod figures;
mod flow;
mod full;
mod misbehaviour;
mod offline;
mod payload;
mod pool;
mod properties;
mod reveals;
mod rules;
mod sealed;
mod sealed_properties;
mod simulation;
mod strangers;
mod turns;
