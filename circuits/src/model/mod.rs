//! The integer model: what is proved is exactly what these functions compute.

mod bounds;
mod class;
mod integer;

pub use bounds::{Bounds, BoundsError, LimbSpec, Packing, ValueSpec};
pub use class::{CATALOGUE, ClassId, Family, SizeClass, UnknownClass};
pub use integer::{IntegerModel, Layer, ModelError, RowOutcome, Score};
