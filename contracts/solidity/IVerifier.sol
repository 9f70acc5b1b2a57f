// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice The size of a test set.
/// @param rows Rows (N).
/// @param features Features of a row.
/// @param classes Classes.
/// @param bits Bits of a feature.
struct Shape {
    uint32 rows;
    uint32 features;
    uint32 classes;
    uint8 bits;
}

/// @notice What a score is about.
/// @param key Digest of a registered verifying key.
/// @param testSet Digest of a registered test set.
/// @param competition Id of the competition.
/// @param competitor The account that competes.
/// @param entry Id of the entry.
/// @param commitment The model commitment `D_w`, whose model proof has been verified.
struct Score {
    bytes32 key;
    bytes32 testSet;
    bytes32 competition;
    address competitor;
    bytes32 entry;
    uint256[2] commitment;
}

/// @notice What verifying costs, in gas, storage and calldata included: measured, and a little more.
/// @param chunks Proofs that a whole score takes. Each may come in a transaction of its own.
/// @param load Reading key and test set, once a transaction.
/// @param chunk The dearest chunk.
/// @param register Registering a test set whose pieces are stored, the last one too.
struct Cost {
    uint256 chunks;
    uint256 load;
    uint256 chunk;
    uint256 register;
}

/// @title Keys, test sets and proofs
/// @notice Holds no money and has no owner. Anybody may register keys and test sets: they are found by their digests.
/// A proof is A (x, y), B (x imaginary, x real, y imaginary, y real), C (x, y), D (x, y).
interface IVerifier {
    /// @notice Registers a test set, unless it is there already.
    /// @param shape Its size.
    /// @param pieces Hashes of pieces that were stored before.
    /// @param tail The last piece; none if it is empty.
    /// @return digest What scores over it are bound to.
    function registerTestSet(Shape calldata shape, bytes32[] calldata pieces, bytes calldata tail)
        external
        returns (bytes32 digest);

    /// @notice Reverts unless the proof shows that every weight in the commitment is in range, and that the competitor
    /// knows them.
    /// @param key Digest of a registered verifying key.
    /// @param competition Id of the competition.
    /// @param competitor The account that competes.
    /// @param commitment The model commitment `D_w`.
    /// @param proof The model proof.
    function verifyModel(
        bytes32 key,
        bytes32 competition,
        address competitor,
        uint256[2] calldata commitment,
        uint256[10] calldata proof
    ) external view;

    /// @notice Reverts unless the proofs show that the committed model classifies at least so many rows of these chunks
    /// correctly. It is for the caller to have verified the model proof of the same commitment, competition, competitor and
    /// key before, and to count no chunk twice.
    /// @param score What the score is about.
    /// @param first Index of the first chunk; the chunks are fixed by the key's class and the rows.
    /// @param correct Claimed rows of each chunk from there on.
    /// @param proofs The proof of each.
    function verifyScore(
        Score calldata score,
        uint32 first,
        uint32[] calldata correct,
        uint256[10][] calldata proofs
    ) external view;

    /// @notice Reverts unless test sets of this size fit into the key's class.
    /// @param key Digest of a registered verifying key.
    /// @param shape Size of a test set.
    /// @return cost What its scores cost.
    function costOf(bytes32 key, Shape calldata shape) external view returns (Cost memory cost);
}
