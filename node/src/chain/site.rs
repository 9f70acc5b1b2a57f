//! Our contracts on a chain, compared with our code before anything is believed or sent; and what they say.

use super::error::ChainError;
use super::rpc::{CallError, Rpc};
use alloy_primitives::{Address, B256, U256, keccak256};
use circuits::TestSet;
use circuits::statement::{Feature, Task};
use contracts::bindings::Competitions::{
    FINALITYCall, GAS_LIMITCall, Place, VERIFIERCall, competitionsCall, competitionsReturn, correctInCall,
    entriesCall, entriesReturn, owedCall, placesCall,
};
use contracts::bindings::Verifier::{
    VerifierErrors, costOfCall, pieceOfCall, registeredKeyCall, registeredTestSetCall,
};
use contracts::{
    Bytes, Cost, Deployment, MAX_PIECE_BYTES, Parameters, Refusal, Shape, Terms, competitions_address,
    competitions_code, verifier_address, verifier_code,
};

/// Contracts that are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Where the competitions are.
    pub at: Deployment,
    /// What they were deployed with.
    pub parameters: Parameters,
}

impl Site {
    /// Compares the code at an address with ours, and that of its verifier, and both addresses with those where our code
    /// creates them.
    ///
    /// # Errors
    /// [`ChainError::Foreign`] if it is another, [`ChainError::Elsewhere`] if something else has put it there.
    pub fn check(rpc: &Rpc, chain: u64, contract: Address) -> Result<Self, ChainError> {
        let code = rpc.code(contract)?;
        let at = Deployment { chain, contract };
        let parameters = match Self::parameters(rpc, contract) {
            Ok(parameters) => parameters,
            // What does not even answer is no contract of ours, whatever our code would be.
            Err(CallError::Refused(_) | CallError::Other(ChainError::Answer { .. })) => {
                Parameters { verifier: Address::ZERO, gas_limit: 0, finality_s: 0 }
            }
            Err(CallError::Other(error)) => return Err(error),
        };
        compare("Competitions", contract, &competitions_code(&at, &parameters), &code)?;
        compare("Verifier", parameters.verifier, &verifier_code(), &rpc.code(parameters.verifier)?)?;
        at_home("Verifier", parameters.verifier, verifier_address())?;
        at_home("Competitions", contract, competitions_address(&parameters))?;
        Ok(Self { at, parameters })
    }

    fn parameters(rpc: &Rpc, contract: Address) -> Result<Parameters, CallError> {
        let number = |value: U256| value.saturating_to::<u64>();
        Ok(Parameters {
            verifier: rpc.view(contract, &VERIFIERCall {})?,
            gas_limit: number(rpc.view(contract, &GAS_LIMITCall {})?),
            finality_s: number(rpc.view(contract, &FINALITYCall {})?),
        })
    }

    /// A competition as it is stored.
    ///
    /// # Errors
    /// If the chain's node does not answer; so all of these.
    pub fn competition(&self, rpc: &Rpc, id: B256) -> Result<competitionsReturn, ChainError> {
        Ok(rpc.view(self.at.contract, &competitionsCall { id })?)
    }

    /// An entry as it is stored; its number is 0 if there is none.
    ///
    /// # Errors
    /// As [`Site::competition`].
    pub fn entry(&self, rpc: &Rpc, entry: B256) -> Result<entriesReturn, ChainError> {
        Ok(rpc.view(self.at.contract, &entriesCall { entry })?)
    }

    /// The best so far.
    ///
    /// # Errors
    /// As [`Site::competition`].
    pub fn places(&self, rpc: &Rpc, id: B256) -> Result<Vec<Place>, ChainError> {
        Ok(rpc.view(self.at.contract, &placesCall { id })?)
    }

    /// What an account may claim.
    ///
    /// # Errors
    /// As [`Site::competition`].
    pub fn owed(&self, rpc: &Rpc, token: Address, account: Address) -> Result<U256, ChainError> {
        Ok(rpc.view(self.at.contract, &owedCall { token, account })?)
    }

    /// Rows of an entry that are proved in a chunk.
    ///
    /// # Errors
    /// As [`Site::competition`].
    pub fn correct_in(&self, rpc: &Rpc, entry: B256, chunk: u64) -> Result<u64, ChainError> {
        let call = correctInCall { entry, chunk: U256::from(chunk) };
        Ok(rpc.view(self.at.contract, &call)?.saturating_to())
    }

    /// What a score costs.
    ///
    /// # Errors
    /// As [`Site::competition`], and if the key is not registered.
    pub fn cost(&self, rpc: &Rpc, terms: &Terms) -> Result<Cost, ChainError> {
        let Shape { rows, features, classes, bits } = terms.shape;
        let shape = contracts::bindings::Verifier::Shape { rows, features, classes, bits };
        let call = costOfCall { key: terms.key, shape };
        let cost = rpc.view(self.parameters.verifier, &call)?;
        Ok(Cost { chunks: cost.chunks, load: cost.load, chunk: cost.chunk, register: cost.register })
    }

    /// Whether a key is registered.
    ///
    /// # Errors
    /// As [`Site::competition`].
    pub fn has_key(&self, rpc: &Rpc, digest: B256) -> Result<bool, ChainError> {
        has_key(rpc, self.parameters.verifier, digest)
    }

    /// The revealed test set, read from the contracts that hold it and compared with its digest. Names and the map of the
    /// features are those of `task`, if it has one of this size; scores do not depend on them.
    ///
    /// # Errors
    /// As [`Site::competition`], and if the data are not those of the digest.
    pub fn test_set(&self, rpc: &Rpc, digest: B256, task: Option<&Task>) -> Result<TestSet, ChainError> {
        let stored = rpc.view(self.parameters.verifier, &registeredTestSetCall { digest })?;
        let s = &stored.shape;
        let shape = &Shape { rows: s.rows, features: s.features, classes: s.classes, bits: s.bits };
        let wrong = |got: String| ChainError::Answer {
            method: "eth_getCode",
            expected: "the revealed test set",
            got,
        };
        let expected = (u64::from(shape.rows)).saturating_mul(u64::from(shape.features) + 1);
        if stored.pieces.len() as u64 != expected.div_ceil(MAX_PIECE_BYTES as u64) {
            return Err(wrong(format!("{} pieces for {expected} bytes", stored.pieces.len())));
        }
        let mut bytes = Vec::new();
        for piece in &stored.pieces {
            let code = rpc.code(*piece)?;
            // Behind a STOP byte.
            bytes.extend_from_slice(code.get(1..).unwrap_or_default());
        }
        if bytes.len() as u64 != expected {
            return Err(wrong(format!("{} of {expected} bytes", bytes.len())));
        }
        let task = task.filter(|task| fits(task, shape)).cloned().unwrap_or_else(|| nameless(shape));
        let set = rebuilt(task, &bytes, shape.rows as usize).map_err(|error| wrong(error.to_string()))?;
        let got = B256::from(set.evm_digest());
        if got != digest {
            return Err(ChainError::Mismatch {
                what: "digest of the revealed test set",
                expected: digest.to_string(),
                got: got.to_string(),
            });
        }
        Ok(set)
    }
}

/// Whether a verifier has a key.
///
/// # Errors
/// If the chain's node does not answer.
pub fn has_key(rpc: &Rpc, verifier: Address, digest: B256) -> Result<bool, ChainError> {
    match rpc.view(verifier, &registeredKeyCall { digest }) {
        Ok(_) => Ok(true),
        Err(CallError::Refused(refusal))
            if matches!(*refusal, Refusal::Verifier(VerifierErrors::UnknownKey(_))) =>
        {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a verifier has a piece.
///
/// # Errors
/// If the chain's node does not answer.
pub fn has_piece(rpc: &Rpc, verifier: Address, hash: B256) -> Result<bool, ChainError> {
    Ok(!rpc.view(verifier, &pieceOfCall { hash })?.is_zero())
}

/// Refuses code of ours that is not where it creates itself.
fn at_home(what: &'static str, address: Address, expected: Address) -> Result<(), ChainError> {
    if address == expected { Ok(()) } else { Err(ChainError::Elsewhere { what, address, expected }) }
}

/// Compares code.
///
/// # Errors
/// If it differs.
pub fn compare(what: &'static str, address: Address, ours: &Bytes, code: &Bytes) -> Result<(), ChainError> {
    if ours == code {
        return Ok(());
    }
    let got = if code.is_empty() { "none".to_owned() } else { keccak256(code).to_string() };
    Err(ChainError::Foreign { what, address, expected: keccak256(ours), got })
}

fn fits(task: &Task, shape: &Shape) -> bool {
    let counts = (task.features.len(), task.classes.len(), task.feature_bits);
    counts == (shape.features as usize, shape.classes as usize, shape.bits)
}

fn nameless(shape: &Shape) -> Task {
    let feature = |i| Feature { name: format!("feature {i}"), offset: 0.0, step: 1.0 };
    Task {
        features: (0..shape.features).map(feature).collect(),
        feature_bits: shape.bits,
        classes: (0..shape.classes).map(|i| format!("class {i}")).collect(),
    }
}

/// Labels, then the values of one feature after the other.
fn rebuilt(task: Task, bytes: &[u8], rows: usize) -> Result<TestSet, circuits::TestSetError> {
    let (labels, values) = bytes.split_at(rows.min(bytes.len()));
    let features = task.features.len();
    let value = |i: usize| values.get((i % features) * rows + i / features).copied().unwrap_or_default();
    let x = (0..rows * features).map(|i| u16::from(value(i))).collect();
    TestSet::new(task, x, labels.iter().map(|label| u16::from(*label)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_set_comes_back_out_of_the_bytes_of_the_chain() {
        let shape = Shape { rows: 3, features: 2, classes: 2, bits: 4 };
        let set = TestSet::new(nameless(&shape), vec![1, 2, 3, 4, 5, 15], vec![1, 0, 1]).unwrap();
        let again = rebuilt(nameless(&shape), &set.evm_bytes(), 3).unwrap();
        assert_eq!((again.evm_digest(), again.digest()), (set.evm_digest(), set.digest()));
        assert!(rebuilt(nameless(&shape), &[9; 9], 3).is_err(), "labels beyond the classes");
        assert!(rebuilt(nameless(&shape), &[], 3).is_err());
        assert!(fits(set.task(), &shape) && !fits(set.task(), &Shape { bits: 5, ..shape }));
    }
}
