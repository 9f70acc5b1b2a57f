//! Wires and linear expressions, typed by when their values are fixed.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_r1cs_std::fields::fp::AllocatedFp;
use ark_relations::gr1cs::{LinearCombination, Variable};

/// A linear expression with its value (absent in setup). Terms may repeat until [`Lin::lc`].
#[derive(Clone, Debug)]
pub(crate) struct Lin {
    terms: Vec<(Fr, Variable)>,
    value: Option<Fr>,
}

impl Lin {
    /// The constant, known in setup too.
    pub fn constant(value: Fr) -> Self {
        Self { terms: vec![(value, Variable::One)], value: Some(value) }
    }

    pub fn zero() -> Self {
        Self { terms: Vec::new(), value: Some(Fr::ZERO) }
    }

    pub fn add_wire(&mut self, coefficient: Fr, wire: &AllocatedFp<Fr>) {
        self.terms.push((coefficient, wire.variable));
        self.value = self.value.zip(wire.value().ok()).map(|(sum, value)| sum + coefficient * value);
    }

    pub fn add_constant(&mut self, constant: Fr) {
        self.terms.push((constant, Variable::One));
        self.value = self.value.map(|sum| sum + constant);
    }

    pub fn add_scaled(&mut self, coefficient: Fr, other: &Self) {
        self.terms.extend(other.terms.iter().map(|&(c, v)| (coefficient * c, v)));
        self.value = self.value.zip(other.value).map(|(sum, value)| sum + coefficient * value);
    }

    pub fn value(&self) -> Option<Fr> {
        self.value
    }

    /// As arkworks takes it: terms sorted, each variable once.
    pub fn lc(&self) -> LinearCombination<Fr> {
        let mut lc = LinearCombination(self.terms.clone());
        lc.compactify();
        lc
    }
}

impl From<&AllocatedFp<Fr>> for Lin {
    fn from(wire: &AllocatedFp<Fr>) -> Self {
        Self { terms: vec![(Fr::ONE, wire.variable)], value: wire.value().ok() }
    }
}

/// A witness wire under one of the two commitments: fixed before any challenge exists.
#[derive(Clone, Debug)]
pub(crate) struct CommittedWire(AllocatedFp<Fr>);

impl CommittedWire {
    /// Only [`super::Builder`] makes them, and only in phase one.
    pub(super) fn from_phase_one(wire: AllocatedFp<Fr>) -> Self {
        Self(wire)
    }

    pub fn fp(&self) -> &AllocatedFp<Fr> {
        &self.0
    }
}

/// A public input that is drawn after the commitments.
#[derive(Clone, Debug)]
pub(crate) struct Challenge(AllocatedFp<Fr>);

impl Challenge {
    /// Only [`super::Builder`] makes them.
    pub(super) fn from_instance(wire: AllocatedFp<Fr>) -> Self {
        Self(wire)
    }

    pub fn fp(&self) -> &AllocatedFp<Fr> {
        &self.0
    }
}

/// A linear expression over committed wires and constants.
#[derive(Clone, Debug)]
pub(crate) struct Committed(Lin);

impl Committed {
    pub fn zero() -> Self {
        Self(Lin::zero())
    }

    pub fn constant(value: Fr) -> Self {
        Self(Lin::constant(value))
    }

    pub fn plus_wire(mut self, coefficient: Fr, wire: &CommittedWire) -> Self {
        self.0.add_wire(coefficient, &wire.0);
        self
    }

    pub fn plus_constant(mut self, constant: Fr) -> Self {
        self.0.add_constant(constant);
        self
    }

    pub fn plus(mut self, coefficient: Fr, other: &Self) -> Self {
        self.0.add_scaled(coefficient, &other.0);
        self
    }

    pub fn lin(&self) -> &Lin {
        &self.0
    }

    pub fn value(&self) -> Option<Fr> {
        self.0.value
    }
}

impl From<&CommittedWire> for Committed {
    fn from(wire: &CommittedWire) -> Self {
        Self(Lin::from(&wire.0))
    }
}

/// `challenge * committed wire`: the one kind of product that a look-up may contain.
#[derive(Clone, Debug)]
pub(crate) struct Product(AllocatedFp<Fr>);

impl Product {
    /// Only [`super::Builder::challenge_times`] makes them, with the constraint that fixes them.
    pub(super) fn constrained(wire: AllocatedFp<Fr>) -> Self {
        Self(wire)
    }
}

/// What a keyed look-up takes: `value + y * key [+ y * wire]`.
#[derive(Clone, Debug)]
pub(crate) struct Keyed(Lin);

impl Keyed {
    pub fn new(value: &Committed, key: u64, y: &Challenge) -> Self {
        let mut lin = value.0.clone();
        lin.add_wire(Fr::from(key), &y.0);
        Self(lin)
    }

    pub fn plus_product(mut self, product: &Product) -> Self {
        self.0.add_wire(Fr::ONE, &product.0);
        self
    }

    pub fn lin(&self) -> &Lin {
        &self.0
    }
}

impl From<Committed> for Keyed {
    fn from(value: Committed) -> Self {
        Self(value.0)
    }
}
