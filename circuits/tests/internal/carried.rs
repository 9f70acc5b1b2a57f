//! Every wire changed in turn and carried through a proof to the verifier: committed ones with everything after them
//! solved anew, as a cheater would, determined ones in the finished assignment.

use super::support::*;
use crate::engine::Scalars;
use crate::groth16::internal::setup;
use crate::groth16::keys::{KeyBases, VerifyingKey};
use crate::groth16::prove::{Blinded, CommittedValues, create};
use crate::groth16::relation::Relation;
use crate::groth16::verify::{VerifyError, verify};
use crate::groth16::{Commitment, Proof, SetupTrust, Transcript};
use crate::model::{CATALOGUE, SizeClass};
use crate::statement::{Competitor, PublicInputs, Scope, ScoreClaim};
use ark_bn254::{Fr, G1Affine};
use ark_ff::{Field, UniformRand};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Which proof is tampered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Score,
    Model,
}

/// A class with its key, an honest witness of each kind, and proofs without the production prover's self-check.
struct Bench {
    case: Case,
    relation: Relation,
    bases: KeyBases,
    vk: VerifyingKey,
    claim: ScoreClaim,
}

impl Bench {
    fn new(class: &SizeClass) -> Self {
        let case = Case::lively(class);
        let raw = setup(&case.circuit, &mut StdRng::seed_from_u64(5), &|_, _| ()).unwrap();
        let scope = Scope { competition: [1; 32], competitor: Competitor::Node([2; 32]) };
        let rows = case.set.rows() as u64;
        Self {
            relation: Relation::of(&case.circuit).unwrap(),
            bases: KeyBases::new(&raw).unwrap(),
            vk: VerifyingKey::new(class, SetupTrust::SingleParty, raw.vk.clone()).unwrap(),
            claim: ScoreClaim {
                scope,
                entry: [3; 32],
                roster: [4; 32],
                chunk: case.chunk,
                rows,
                correct: case.reach,
            },
            case,
        }
    }

    fn honest(&self, mode: Mode) -> CommittedValues {
        let values = match mode {
            Mode::Score => self.case.score_values(self.case.reach),
            Mode::Model => self.case.model_values(),
        };
        values.committed(&self.case.circuit.class, &self.case.circuit.bounds)
    }

    fn public(&self, mode: Mode, dw: &Commitment, d: &G1Affine) -> Vec<Fr> {
        let (class, bounds, key) = (&self.case.circuit.class, &self.case.circuit.bounds, self.vk.digest());
        let (set, claim) = (&self.case.set, &self.claim);
        match mode {
            Mode::Score => {
                let challenges = Transcript::score(&key, class, &set.digest(), claim, dw).challenges(d);
                PublicInputs::score(class, bounds, challenges, set, &claim.chunk, claim.correct).to_vec()
            }
            Mode::Model => {
                let challenges = Transcript::model(&key, class, &claim.scope, dw).challenges(d);
                PublicInputs::model(class, bounds, challenges).to_vec()
            }
        }
    }

    /// The proof of these committed values with `change` made to the finished assignment, verified.
    fn verdict(
        &self,
        mode: Mode,
        values: &CommittedValues,
        change: impl FnOnce(&mut [Fr]),
    ) -> Result<(), VerifyError> {
        let (v, v_w) = (Fr::from(11u64), Fr::from(13u64));
        let dw = Commitment(self.bases.commit(&self.bases.ckw, &Scalars::new(&values.model), v_w));
        let d = self.bases.commit(&self.bases.ck, &Scalars::new(&values.rest), v);
        let public = self.public(mode, &dw, &d);
        let mut assignment = self.relation.solve(values.known(&public)).unwrap().assignment;
        change(&mut assignment);
        let solved = self.relation.evaluate(assignment);
        let scalars = Scalars::new(&solved.assignment);
        let blinded = Blinded { d, v, v_w, r: Fr::from(17u64), s: Fr::from(19u64) };
        let proof: Proof = create(&self.bases, solved, &scalars, &blinded);
        verify(&self.vk, &dw, &proof, &public)
    }

    /// Changes one witness wire, counted from the first of `D_w`.
    fn tampered(&self, mode: Mode, honest: &CommittedValues, wire: usize, by: Fr) -> Result<(), VerifyError> {
        let (model, rest) = self.relation.committed;
        if wire < model + rest {
            let mut values = honest.clone();
            let list = if wire < model { &mut values.model[wire] } else { &mut values.rest[wire - model] };
            *list += by;
            return self.verdict(mode, &values, |_| ());
        }
        self.verdict(mode, honest, |assignment| assignment[self.relation.inputs + wire] += by)
    }

    /// Slack wires: free in a model proof, where no row counts and layer one does not bind.
    fn slack(&self) -> Vec<usize> {
        let (class, bounds) = (&self.case.circuit.class, &self.case.circuit.bounds);
        let chains = bounds.output_packing.map_or(0, |packing| class.hidden().div_ceil(packing.terms));
        let (c, l) = (class.classes, class.margin_limbs);
        let row = 2 * class.hidden() + chains + c + 3 + (c + 1) + c * (l - 1);
        let first = |i: usize| self.relation.committed.0 + i * row + 2 * class.hidden();
        (0..class.rows).flat_map(|i| (0..chains).map(move |chain| first(i) + chain)).collect()
    }

    fn wires(&self) -> usize {
        self.relation.variables - self.relation.inputs
    }

    /// Wires of this list that may be changed without the verifier noticing.
    fn unnoticed(&self, mode: Mode, wires: impl Iterator<Item = (usize, Fr)>) -> Vec<usize> {
        let honest = self.honest(mode);
        assert_eq!(self.verdict(mode, &honest, |_| ()), Ok(()), "{mode:?}: the honest proof");
        let noticed =
            |&(wire, by): &(usize, Fr)| self.tampered(mode, &honest, wire, by) == Err(VerifyError::Invalid);
        wires.filter(|change| !noticed(change)).map(|(wire, _)| wire).collect()
    }
}

#[test]
fn every_wire_of_a_tiny_class_is_noticed_by_the_verifier() {
    for class in tiny() {
        let bench = Bench::new(&class);
        for mode in [Mode::Score, Mode::Model] {
            let wires = (0..bench.wires()).map(|wire| (wire, Fr::ONE));
            let free = if mode == Mode::Model { bench.slack() } else { Vec::new() };
            assert_eq!(bench.unnoticed(mode, wires), free, "{:?} {mode:?}", class.family);
        }
    }
}

/// A thousand wires of a class of the catalogue, by random amounts, in both modes.
#[test]
fn a_random_thousand_wires_of_a_real_class_are_noticed_by_the_verifier() {
    let bench = Bench::new(&CATALOGUE[0]);
    let mut rng = StdRng::seed_from_u64(7);
    for mode in [Mode::Score, Mode::Model] {
        let wires = (0..500).map(|_| (rng.gen_range(0..bench.wires()), Fr::rand(&mut rng)));
        assert_eq!(bench.unnoticed(mode, wires), Vec::<usize>::new(), "{mode:?}");
    }
}
