//! One file a gadget. Phase one allocates committed wires, phase two emits constraints.
//!
//! The types keep the order that soundness rests on: a [`CommittedWire`] can only be made in phase one, and a
//! look-up takes only expressions over committed wires and challenges ([`Committed`], [`Keyed`]). A value that
//! is chosen after the challenges can therefore never be looked up.

mod builder;
pub(crate) mod count;
pub(crate) mod linear;
pub(crate) mod lookup;
pub(crate) mod mode;
pub(crate) mod relu;
pub(crate) mod select;
mod wire;

pub(crate) use builder::{Builder, ConstraintId, Phase};
pub(crate) use wire::{Challenge, Committed, CommittedWire, Keyed, Lin};
