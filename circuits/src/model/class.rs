//! Size classes: the shapes for which keys exist. Smaller models and test sets are padded in.

use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, str::FromStr};

/// The model families that can be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// `z = xW + b`: softmax or logistic regression.
    Linear,
    /// `z = relu(xW1 + b1)W2 + b2` with so many hidden units.
    Mlp {
        /// Units of the hidden layer.
        hidden: usize,
    },
}

/// Name of a size class of the catalogue, such as `mlp-64-32-10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct ClassId(&'static str);

/// No size class of that name is in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown size class {got:?}: expected one of {}", ClassId::all_names())]
pub struct UnknownClass {
    /// The name that was asked for, cut to 64 characters.
    pub got: String,
}

/// A shape with a proving key of its own: every bound and packing base is a constant of the class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SizeClass {
    /// Its name in the catalogue.
    pub id: ClassId,
    /// The model family.
    pub family: Family,
    /// Rows that one proof covers; larger test sets are cut into chunks of so many.
    pub rows: usize,
    /// Features of a row.
    pub features: usize,
    /// Bits of a feature: values lie in `0..=2^feature_bits - 1`.
    pub feature_bits: u32,
    /// Classes that can be predicted.
    pub classes: usize,
    /// Bits of the look-up table (T): weights are signed T-bit integers.
    pub table_bits: u32,
    /// Look-up limbs of a logit margin (l): margins stay below `2^(lT-1)`.
    pub margin_limbs: usize,
}

/// Every size class, smallest first. `rows` is the most that the power-of-two domain holds (tested).
pub const CATALOGUE: [SizeClass; 4] = [
    SizeClass {
        id: ClassId("linear-30-2"),
        family: Family::Linear,
        rows: 532,
        features: 30,
        feature_bits: 8,
        classes: 2,
        table_bits: 11,
        margin_limbs: 2,
    },
    SizeClass {
        id: ClassId("linear-64-10"),
        family: Family::Linear,
        rows: 1543,
        features: 64,
        feature_bits: 8,
        classes: 10,
        table_bits: 13,
        margin_limbs: 2,
    },
    SizeClass {
        id: ClassId("mlp-64-32-10"),
        family: Family::Mlp { hidden: 32 },
        rows: 966,
        features: 64,
        feature_bits: 6,
        classes: 10,
        table_bits: 13,
        margin_limbs: 3,
    },
    SizeClass {
        id: ClassId("mlp-784-32-10"),
        family: Family::Mlp { hidden: 32 },
        rows: 1741,
        features: 784,
        feature_bits: 5,
        classes: 10,
        table_bits: 14,
        margin_limbs: 3,
    },
];

impl ClassId {
    /// The name as text.
    pub fn as_str(&self) -> &'static str {
        self.0
    }

    /// The class of this name. Total, because ids are only made from the catalogue.
    pub fn class(&self) -> &'static SizeClass {
        CATALOGUE.iter().find(|class| class.id == *self).unwrap_or(&CATALOGUE[0])
    }

    fn all_names() -> String {
        CATALOGUE.map(|class| class.id.0).join(", ")
    }
}

impl fmt::Display for ClassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl FromStr for ClassId {
    type Err = UnknownClass;

    fn from_str(name: &str) -> Result<Self, UnknownClass> {
        CATALOGUE
            .iter()
            .map(|class| class.id)
            .find(|id| id.0 == name)
            .ok_or_else(|| UnknownClass { got: name.chars().take(64).collect() })
    }
}

impl<'de> Deserialize<'de> for ClassId {
    /// Written out: a derived one would ask for borrowed text that lives forever.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl From<ClassId> for String {
    fn from(id: ClassId) -> String {
        id.0.to_owned()
    }
}

impl SizeClass {
    /// Largest feature value, `2^feature_bits - 1`.
    pub const fn x_max(&self) -> u16 {
        ((1u32 << self.feature_bits) - 1) as u16
    }

    /// Hidden units; 0 for the linear family.
    pub const fn hidden(&self) -> usize {
        match self.family {
            Family::Linear => 0,
            Family::Mlp { hidden } => hidden,
        }
    }

    /// Inputs of the layer that makes the logits.
    pub const fn last_inputs(&self) -> usize {
        match self.family {
            Family::Linear => self.features,
            Family::Mlp { hidden } => hidden,
        }
    }

    /// `(inputs, outputs)` of every layer, in order.
    pub fn layer_shapes(&self) -> Vec<(usize, usize)> {
        match self.family {
            Family::Linear => vec![(self.features, self.classes)],
            Family::Mlp { hidden } => vec![(self.features, hidden), (hidden, self.classes)],
        }
    }

    /// Whether a test set of this many features (with values up to `x_max`) and classes can be padded in.
    pub fn fits(&self, features: usize, x_max: u16, classes: usize) -> bool {
        features <= self.features && x_max <= self.x_max() && classes <= self.classes
    }

    /// The class as fixed-length bytes for the challenge transcript, integers big-endian:
    /// family (1), rows (4), features (4), feature bits (1), hidden (4), classes (4), T (1), l (1).
    pub fn descriptor(&self) -> [u8; 20] {
        let mut out = [0u8; 20];
        out[0] = match self.family {
            Family::Linear => 0,
            Family::Mlp { .. } => 1,
        };
        out[1..5].copy_from_slice(&(self.rows as u32).to_be_bytes());
        out[5..9].copy_from_slice(&(self.features as u32).to_be_bytes());
        out[9] = self.feature_bits as u8;
        out[10..14].copy_from_slice(&(self.hidden() as u32).to_be_bytes());
        out[14..18].copy_from_slice(&(self.classes as u32).to_be_bytes());
        out[18] = self.table_bits as u8;
        out[19] = self.margin_limbs as u8;
        out
    }
}
