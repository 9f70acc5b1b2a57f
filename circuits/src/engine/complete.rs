//! Projective additions without exceptions, for curves `y^2 = x^3 + b` without points of order 2 (Renes, Costello
//! and Batina, EUROCRYPT 2016, algorithms 7 and 8): lanes need no branches.

use super::lanes::Lanes;

/// `(X : Y : Z)`, all small.
#[derive(Clone, Copy)]
pub(super) struct Projective<V> {
    pub x: V,
    pub y: V,
    pub z: V,
}

/// The constants of a curve in all lanes.
#[derive(Clone, Copy)]
pub(super) struct Complete<F: Lanes> {
    f: F,
    b3: F::V,
    one: F::V,
    zero: F::V,
}

impl<F: Lanes> Complete<F> {
    /// `b` of the curve's equation.
    #[inline(always)]
    pub fn new(f: F, b: &F::Field) -> Self {
        let three = *b + *b + *b;
        let one = f.splat(&f.encode(&<F::Field as ark_ff::Field>::ONE));
        Self { f, b3: f.splat(&f.encode(&three)), one, zero: f.splat(&F::Elem::default()) }
    }

    #[inline(always)]
    pub fn infinity(&self) -> Projective<F::V> {
        Projective { x: self.zero, y: self.one, z: self.zero }
    }

    /// `p + (x, y)`, the same `p` in lanes where `(x, y)` is `(0, 0)`.
    #[inline(always)]
    pub fn add_affine(&self, p: Projective<F::V>, [x, y]: [F::V; 2]) -> Projective<F::V> {
        let f = self.f;
        let (t0, t1) = (f.mul_call(p.x, x), f.mul_call(p.y, y));
        let t3 = f.sub(f.mul_call(f.add(x, y), f.add(p.x, p.y)), f.add(t0, t1));
        let t4 = f.small(f.add(f.mul_call(y, p.z), p.y));
        let y3 = f.small(f.add(f.mul_call(x, p.z), p.x));
        let sum = self.finish(t0, t1, p.z, t3, t4, y3);
        let infinite = f.equal(x, self.zero) & f.equal(y, self.zero);
        Projective {
            x: f.select(infinite, p.x, sum.x),
            y: f.select(infinite, p.y, sum.y),
            z: f.select(infinite, p.z, sum.z),
        }
    }

    #[inline(always)]
    pub fn add(&self, p: Projective<F::V>, q: Projective<F::V>) -> Projective<F::V> {
        let f = self.f;
        let (t0, t1, t2) = (f.mul_call(p.x, q.x), f.mul_call(p.y, q.y), f.mul_call(p.z, q.z));
        let t3 = f.sub(f.mul_call(f.add(p.x, p.y), f.add(q.x, q.y)), f.add(t0, t1));
        let t4 = f.sub(f.mul_call(f.add(p.y, p.z), f.add(q.y, q.z)), f.add(t1, t2));
        let y3 = f.sub(f.mul_call(f.add(p.x, p.z), f.add(q.x, q.z)), f.add(t0, t2));
        self.finish(t0, t1, t2, t3, t4, y3)
    }

    /// What both algorithms end with.
    #[inline(always)]
    fn finish(&self, t0: F::V, t1: F::V, t2: F::V, t3: F::V, t4: F::V, y3: F::V) -> Projective<F::V> {
        let f = self.f;
        let triple = f.small(f.add(f.small(f.add(t0, t0)), t0));
        let (t2, y3) = (f.mul_call(self.b3, t2), f.mul_call(self.b3, y3));
        let (z3, t1) = (f.add(t1, t2), f.sub(t1, t2));
        Projective {
            x: f.sub(f.mul_call(t3, t1), f.mul_call(t4, y3)),
            y: f.small(f.add(f.mul_call(y3, triple), f.mul_call(t1, z3))),
            z: f.small(f.add(f.mul_call(z3, t4), f.mul_call(triple, t3))),
        }
    }
}
