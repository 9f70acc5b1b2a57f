// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bn254} from "./Bn254.sol";
import {Field} from "./Field.sol";
import {Cost, IVerifier, Score, Shape} from "./IVerifier.sol";
import {Keys} from "./Keys.sol";
import {Class, SizeClass} from "./SizeClass.sol";
import {TestSets} from "./TestSets.sol";
import {Statement, Transcript} from "./Transcript.sol";

/// @title The verifier of Groth16 with two commitments
/// @notice `e(A,B) = e(alpha,beta) e(IC,gamma) e(D,eta) e(D_w,eta_w) e(C,delta)`, with challenges, fingerprints of the test
/// set and every other public input computed here. Nothing is taken from the prover but the points and K.
contract Verifier is IVerifier, Keys, TestSets {
    // Where points are in a key, in bytes.
    uint256 private constant ALPHA = 0x00;
    uint256 private constant BETA = 0x40;
    uint256 private constant GAMMA = 0xc0;
    uint256 private constant DELTA = 0x140;
    uint256 private constant ETA = 0x1c0;
    uint256 private constant ETA_W = 0x240;
    uint256 private constant IC = 0x2c0;

    /// @notice The pairing equation does not hold: the proof is not one of this statement.
    error ProofInvalid();
    /// @notice No chunk, chunks that the test set does not have, or another number of proofs than of claims.
    /// @param chunks Chunks of the test set.
    /// @param first Index of the first claim's.
    /// @param claims Claims that were given.
    /// @param proofs Proofs that were given.
    error ChunkCount(uint256 chunks, uint256 first, uint256 claims, uint256 proofs);
    /// @notice More rows are claimed than the chunk has.
    /// @param chunk Index of the chunk.
    /// @param rows Its rows.
    /// @param claimed Rows that are claimed.
    error ClaimTooLarge(uint256 chunk, uint256 rows, uint256 claimed);

    /// @inheritdoc IVerifier
    function registerTestSet(Shape calldata shape, bytes32[] calldata pieces, bytes calldata tail)
        external
        returns (bytes32)
    {
        return _registerTestSet(shape, pieces, tail);
    }

    /// @inheritdoc IVerifier
    function costOf(bytes32 key, Shape calldata shape) external view returns (Cost memory cost) {
        Class memory class = SizeClass.decode(_class(key));
        _checkShape(shape);
        _checkFit(class, shape);
        (uint256 rows, uint256 features) = (shape.rows, shape.features);
        cost.chunks = _chunks(rows, class.rows);
        if (rows > class.rows) rows = class.rows;
        // Measured (contracts/README.md, 4). Pairings and fixed inputs, the features' inputs, the blocks of rows that are
        // summed for each feature and for the labels.
        uint256 perBlock = class.mlp ? 8 : class.perBlock;
        uint256 blockGas = class.mlp ? 300 : perBlock > 8 ? 340 + 90 * (perBlock - 8) : 340;
        cost.chunk = 390_000 + 7_450 * features + (rows / perBlock + 1) * blockGas * features + (rows / 8 + 1) * 300;
        // Memory for key and test set, copied there from their pieces.
        uint256 length = shape.rows * (features + 1);
        uint256 words = (length + 64 * uint256(class.features)) / 32 + 100;
        cost.load = 40_000 + 5_600 * (length / MAX_PIECE) + 6 * words + words * words / 512;
        // Every word hashed and checked, every label checked, every piece's address kept.
        words = length / 32 + 100;
        cost.register = 110_000 + 31_000 * (length / MAX_PIECE) + 85 * words + words * words / 512
            + 90 * uint256(shape.rows);
    }

    /// @inheritdoc IVerifier
    function verifyModel(
        bytes32 key,
        bytes32 competition,
        address competitor,
        uint256[2] calldata commitment,
        uint256[10] calldata proof
    ) external view {
        Statement memory s;
        s.key = key;
        s.mode = 1;
        s.competition = competition;
        s.competitor = competitor;
        s.commitment = commitment;
        (bytes memory points, Class memory class) = _loadKey(s);
        Bn254.checkG1(commitment[0], commitment[1], "D_w");
        _check(s, points, class, "", 0, proof);
    }

    /// @inheritdoc IVerifier
    function verifyScore(
        Score calldata score,
        uint32 first,
        uint32[] calldata correct,
        uint256[10][] calldata proofs
    ) external view {
        Statement memory s;
        s.key = score.key;
        s.testSet = score.testSet;
        s.competition = score.competition;
        s.competitor = score.competitor;
        s.entry = score.entry;
        s.commitment = score.commitment;
        (bytes memory points, Class memory class) = _loadKey(s);
        (bytes memory data, Shape memory shape) = _loadTestSet(score.testSet);
        _checkFit(class, shape);
        uint256 chunks = _chunks(shape.rows, class.rows);
        uint256 count = correct.length;
        if (count == 0 || count != proofs.length || first + count > chunks) {
            revert ChunkCount(chunks, first, count, proofs.length);
        }
        Bn254.checkG1(score.commitment[0], score.commitment[1], "D_w");
        s.rows = shape.rows;
        for (uint256 i; i < count; ++i) {
            s.chunk = first + uint32(i);
            s.lo = uint64(s.chunk) * class.rows;
            s.hi = s.lo + class.rows;
            if (s.hi > s.rows) s.hi = s.rows;
            s.correct = correct[i];
            if (s.correct > s.hi - s.lo) revert ClaimTooLarge(s.chunk, s.hi - s.lo, s.correct);
            _check(s, points, class, data, shape.features, proofs[i]);
        }
    }

    function _loadKey(Statement memory s) private view returns (bytes memory points, Class memory class) {
        s.class = _class(s.key);
        class = SizeClass.decode(s.class);
        points = _keyPoints(s.key);
    }

    function _chunks(uint256 rows, uint256 classRows) private pure returns (uint256) {
        return (rows + classRows - 1) / classRows;
    }

    /// @notice One proof of one statement.
    /// @param s The statement.
    /// @param points Points of the key.
    /// @param class Its size class.
    /// @param data The test set; unused in a model proof.
    /// @param features Features of the test set; zero in a model proof.
    /// @param proof A, B, C, D.
    function _check(
        Statement memory s,
        bytes memory points,
        Class memory class,
        bytes memory data,
        uint256 features,
        uint256[10] calldata proof
    ) private view {
        Bn254.checkG1(proof[0], proof[1], "A");
        Bn254.checkG2([proof[2], proof[3], proof[4], proof[5]], "B");
        Bn254.checkG1(proof[6], proof[7], "C");
        Bn254.checkG1(proof[8], proof[9], "D");
        uint256[3] memory challenges = Transcript.challenges(s, proof[8], proof[9]);
        uint256 sum = _inputs(s, points, class, data, features, challenges);
        uint256[2] memory commitment = s.commitment;
        uint256 p = Bn254.P;
        uint256 pairs;
        assembly ("memory-safe") {
            points := add(points, 0x20)
            pairs := mload(0x40)
            mstore(0x40, add(pairs, 0x480))
            // (-A, B); y of A is not 0, because the curve has no point of order 2.
            calldatacopy(pairs, proof, 0xc0)
            mstore(add(pairs, 0x20), sub(p, mload(add(pairs, 0x20))))
            mcopy(add(pairs, 0xc0), add(points, ALPHA), 0xc0) // alpha and beta are neighbours
            mcopy(add(pairs, 0x180), sum, 0x40)
            mcopy(add(pairs, 0x1c0), add(points, GAMMA), 0x80)
            calldatacopy(add(pairs, 0x240), add(proof, 0x100), 0x40) // D
            mcopy(add(pairs, 0x280), add(points, ETA), 0x80)
            mcopy(add(pairs, 0x300), commitment, 0x40)
            mcopy(add(pairs, 0x340), add(points, ETA_W), 0x80)
            calldatacopy(add(pairs, 0x3c0), add(proof, 0xc0), 0x40) // C
            mcopy(add(pairs, 0x400), add(points, DELTA), 0x80)
        }
        if (!Bn254.pairing(pairs, 6)) revert ProofInvalid();
    }

    /// @notice `IC_0 + sum_j input_j IC_(j+1)`, inputs in the order X, y, rho, K, mode, u_0 .. u_(d-1), plain sum, packed
    /// sum, labels.
    /// @return sum Memory address of its two coordinates.
    function _inputs(
        Statement memory s,
        bytes memory points,
        Class memory class,
        bytes memory data,
        uint256 features,
        uint256[3] memory challenges
    ) private view returns (uint256 sum) {
        uint256 ic;
        assembly ("memory-safe") {
            sum := mload(0x40)
            mstore(0x40, add(sum, 0xa0))
            ic := add(add(points, 0x20), IC)
            mcopy(sum, ic, 0x40)
        }
        for (uint256 i; i < 3; ++i) {
            Bn254.addMul(sum, ic += 0x40, challenges[i]);
        }
        Bn254.addMul(sum, ic += 0x40, s.correct);
        Bn254.addMul(sum, ic += 0x40, s.mode);
        uint256 rows = s.hi - s.lo;
        uint256 rho = challenges[2];
        uint256 column;
        assembly ("memory-safe") {
            column := add(data, 0x20)
        }
        // Labels stand first, then one column of `s.rows` values for each feature.
        column += s.lo;
        uint256 labels = rows == 0 ? 0 : Field.plain(column, rows, rho);
        for (uint256 k; k < features; ++k) {
            column += s.rows;
            uint256 u = class.mlp
                ? Field.plain(column, rows, rho)
                : Field.packed(column, rows, rho, class.base, class.perBlock);
            Bn254.addMul(sum, ic += 0x40, u);
        }
        // Padded features are 0 in every row.
        ic += 0x40 * (class.features - features);
        (uint256 plainSum, uint256 packedSum, uint256 padding) = _sums(class, rows, rho);
        Bn254.addMul(sum, ic += 0x40, plainSum);
        Bn254.addMul(sum, ic += 0x40, packedSum);
        Bn254.addMul(sum, ic + 0x40, addmod(labels, padding, Bn254.R));
    }

    /// @notice Sums over all rows of the class.
    /// @return plainSum `sum_i rho^i`.
    /// @return packedSum Sum of the coefficients of packed rows.
    /// @return padding What the rows beyond `rows`, whose label is the class's number of classes, add to the labels.
    function _sums(Class memory class, uint256 rows, uint256 rho)
        private
        pure
        returns (uint256 plainSum, uint256 packedSum, uint256 padding)
    {
        uint256 r = Bn254.R;
        (plainSum,) = Field.geometric(rho, class.rows);
        (uint256 real,) = Field.geometric(rho, rows);
        padding = mulmod(class.classes, addmod(plainSum, r - real, r), r);
        (uint256 blocks, uint256 power) = Field.geometric(rho, class.rows / class.perBlock);
        (uint256 whole,) = Field.geometric(class.base, class.perBlock);
        (uint256 part,) = Field.geometric(class.base, class.rows % class.perBlock);
        packedSum = addmod(mulmod(blocks, whole, r), mulmod(power, part, r), r);
    }
}
