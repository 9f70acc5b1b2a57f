//! Test sets: checked once, then known by their digests.

use crate::evm::Receipt;
use crate::support::{Stage, model, refused_by_verifier, test_set_of};
use alloy_primitives::keccak256;
use alloy_sol_types::SolCall;
use circuits::model::CATALOGUE;
use contracts::bindings::Verifier::{self, VerifierErrors as V, registerTestSetCall, registeredTestSetCall};
use contracts::{B256, Bytes, MAX_PIECE_BYTES, Pieces, SealedTestSet, U256};

fn shape(rows: u32, features: u32, classes: u32, bits: u8) -> Verifier::Shape {
    Verifier::Shape { rows, features, classes, bits }
}

fn register(stage: &mut Stage, shape: Verifier::Shape, data: &[u8]) -> Receipt {
    let pieces = Pieces::of(data);
    for piece in pieces.calls() {
        stage.verifier_does(piece).answer.unwrap();
    }
    let call = registerTestSetCall { shape, pieces: pieces.hashes(), tail: pieces.tail };
    stage.verifier_does(call.abi_encode().into())
}

fn digest(receipt: &Receipt) -> B256 {
    registerTestSetCall::abi_decode_returns(receipt.answer.as_ref().unwrap()).unwrap()
}

#[test]
fn digests_are_those_of_the_prover() {
    let mut stage = Stage::new();
    let model = model(&CATALOGUE[0], 1);
    // The last needs two pieces besides its tail.
    for (rows, features) in [(1, 1), (3, 30), (40, 29), (532, 30), (2000, 30)] {
        let set = test_set_of(&model, rows, features, 2, rows as u64);
        let sealed = SealedTestSet::new(&set, B256::ZERO);
        let shape = shape(rows as u32, features as u32, 2, 8);
        let receipt = register(&mut stage, shape.clone(), &set.evm_bytes());
        assert_eq!(digest(&receipt), sealed.digest, "{rows} x {features}");
        let call = registeredTestSetCall { digest: sealed.digest };
        let answer = stage.verifier_does(call.abi_encode().into()).answer.unwrap();
        let stored = registeredTestSetCall::abi_decode_returns(&answer).unwrap();
        assert_eq!(stored.shape, shape);
        assert_eq!(stored.pieces.len(), (rows * (features + 1)).div_ceil(MAX_PIECE_BYTES));
        // A second time it costs little and changes nothing.
        let again = register(&mut stage, shape, &set.evm_bytes());
        assert!(again.logs.is_empty());
        assert_eq!(digest(&again), sealed.digest);
    }
}

#[test]
fn impossible_counts_are_refused() {
    let mut stage = Stage::new();
    for bad in [
        shape(0, 1, 2, 8),
        shape((1 << 20) + 1, 1, 2, 8),
        shape(1, 0, 2, 8),
        shape(1, 65_537, 2, 8),
        shape(1, 1, 1, 8),
        shape(1, 1, 257, 8),
        shape(1, 1, 2, 0),
        shape(1, 1, 2, 9),
    ] {
        let receipt = register(&mut stage, bad.clone(), &[0, 0]);
        assert!(matches!(refused_by_verifier(&receipt), V::ShapeOutOfRange(_)), "{bad:?}");
    }
    register(&mut stage, shape(1, 1, 256, 1), &[255, 1]).answer.unwrap();
}

#[test]
fn lengths_are_exact() {
    let mut stage = Stage::new();
    for bytes in [7, 9, 1, 16] {
        let V::TestSetLength(error) =
            refused_by_verifier(&register(&mut stage, shape(2, 3, 2, 8), &vec![0; bytes]))
        else {
            panic!()
        };
        assert_eq!((error.expected, error.got), (U256::from(8), U256::from(bytes)));
    }
    register(&mut stage, shape(2, 3, 2, 8), &[0; 8]).answer.unwrap();
    // No data at all.
    let call = registerTestSetCall { shape: shape(2, 3, 2, 8), pieces: vec![], tail: Default::default() };
    let receipt = stage.verifier_does(call.abi_encode().into());
    assert!(matches!(refused_by_verifier(&receipt), V::TestSetLength(_)));
}

#[test]
fn every_value_and_label_is_checked_wherever_it_stands() {
    let mut stage = Stage::new();
    let (rows, features) = (11u32, 6u32);
    let good = || vec![1u8; (rows * (features + 1)) as usize];
    for place in 0..good().len() {
        let mut data = good();
        let label = place < rows as usize;
        // Three classes, three bits: 2 and 7 are the last that fit.
        data[place] = if label { 2 } else { 7 };
        register(&mut stage, shape(rows, features, 3, 3), &data).answer.unwrap();
        data[place] += 1;
        let error = refused_by_verifier(&register(&mut stage, shape(rows, features, 3, 3), &data));
        match error {
            V::LabelTooLarge(error) if label => {
                assert_eq!((error.row, error.label), (U256::from(place), U256::from(3)));
            }
            V::ValueTooLarge(error) if !label => assert_eq!(error.most, U256::from(7)),
            other => panic!("{place}: {other:?}"),
        }
    }
}

#[test]
fn unknown_pieces_are_refused_and_stored_ones_are_not_stored_again() {
    let mut stage = Stage::new();
    let call = registerTestSetCall {
        shape: shape(2, 3, 2, 8),
        pieces: vec![B256::repeat_byte(1)],
        tail: Default::default(),
    };
    let receipt = stage.verifier_does(call.abi_encode().into());
    let V::UnknownPiece(error) = refused_by_verifier(&receipt) else { panic!() };
    assert_eq!(error.hash, B256::repeat_byte(1));
    for (bytes, good) in [(0, false), (1, true), (MAX_PIECE_BYTES, true), (MAX_PIECE_BYTES + 1, false)] {
        let call = || Verifier::storePieceCall { data: vec![7; bytes].into() }.abi_encode().into();
        let receipt = stage.verifier_does(call());
        assert_eq!(receipt.answer.is_ok(), good, "{bytes}");
        if good {
            let again = stage.verifier_does(call());
            assert!(again.logs.is_empty() && (bytes == 1 || again.gas < receipt.gas / 2));
        } else {
            assert!(matches!(refused_by_verifier(&receipt), V::PieceLength(_)));
        }
    }
}

/// Data are cut in one way only. Otherwise the first to register a key, or a test set that he sees in the mempool, cuts it
/// into bytes, and no score over it fits into a transaction any more.
#[test]
fn data_are_cut_in_one_way_only() {
    let mut stage = Stage::new();
    let set = test_set_of(&model(&CATALOGUE[0], 1), 1_700, 30, 2, 1);
    let bytes = set.evm_bytes();
    assert!(bytes.len() > 2 * MAX_PIECE_BYTES);
    let full = MAX_PIECE_BYTES;
    for (cuts, wrong) in [
        (vec![1], Some(0)),
        (vec![full - 1], Some(0)),
        (vec![full, full + 1], Some(1)),
        (vec![full, 2 * full - 1], Some(1)),
        (vec![full - 1, 2 * full - 1], Some(0)),
        (vec![full, 2 * full, bytes.len() - 1], Some(2)),
        (vec![full, 2 * full], None),
        (vec![full, 2 * full, bytes.len()], None),
    ] {
        let mut hashes = vec![];
        let mut from = 0;
        for end in &cuts {
            let data = bytes[from..*end].to_vec();
            hashes.push(keccak256(&data));
            let store = Verifier::storePieceCall { data: data.into() };
            stage.verifier_does(store.abi_encode().into()).answer.unwrap();
            from = *end;
        }
        let tail = bytes[from..].to_vec();
        let tail: Bytes = if tail.len() <= full { tail.into() } else { tail[..1].to_vec().into() };
        let call = registerTestSetCall { shape: shape(1_700, 30, 2, 8), pieces: hashes, tail };
        let receipt = stage.verifier_does(call.abi_encode().into());
        match wrong {
            None => assert_eq!(digest(&receipt), B256::from(set.evm_digest())),
            Some(index) => {
                let V::PieceNotFull(error) = refused_by_verifier(&receipt) else { panic!("{cuts:?}") };
                assert_eq!((error.index, error.expected), (U256::from(index), U256::from(full)));
            }
        }
    }
}
