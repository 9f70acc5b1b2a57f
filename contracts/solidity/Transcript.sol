// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bn254} from "./Bn254.sol";

/// @notice Everything that a proof is bound to by its challenges alone.
/// @param key Digest of the verifying key.
/// @param class Descriptor of its size class.
/// @param mode 0 score, 1 model proof.
/// @param testSet Digest of the test set; zero in a model proof.
/// @param chunk Index of the chunk.
/// @param lo First row of the chunk.
/// @param hi One past its last row.
/// @param rows Rows of the whole test set (N).
/// @param correct Claimed count (K).
/// @param competition Id of the competition.
/// @param competitor The account that competes.
/// @param entry Id of the entry; zero in a model proof.
/// @param commitment The model commitment `D_w`.
struct Statement {
    bytes32 key;
    bytes20 class;
    uint8 mode;
    bytes32 testSet;
    uint32 chunk;
    uint64 lo;
    uint64 hi;
    uint64 rows;
    uint64 correct;
    bytes32 competition;
    address competitor;
    bytes32 entry;
    uint256[2] commitment;
}

/// @title The challenges X, y and rho
/// @notice Fields of fixed length, integers big-endian, then Keccak-256; the same bytes as off chain.
library Transcript {
    bytes32 private constant DOMAIN = "podium challenge transcript v2";
    uint8 private constant EVM_ACCOUNT = 1;

    /// @notice The three challenges, below R.
    /// @param s What is proved.
    /// @param dx First coordinate of the proof's commitment D.
    /// @param dy Second coordinate.
    function challenges(Statement memory s, uint256 dx, uint256 dy) internal pure returns (uint256[3] memory drawn) {
        bytes memory claim = abi.encodePacked(
            DOMAIN, s.key, s.class, s.mode, s.testSet, s.chunk, s.lo, s.hi, s.rows, s.correct
        );
        // No roster: that the entry was made in time is seen by the contract that keeps the entries.
        bytes memory who = abi.encodePacked(
            s.competition, EVM_ACCOUNT, uint256(uint160(s.competitor)), s.entry, bytes32(0), s.commitment, dx, dy
        );
        bytes32 seed = keccak256(bytes.concat(claim, who));
        for (uint8 i; i < 3; ++i) {
            uint256 high = uint256(keccak256(abi.encodePacked(seed, i, uint8(0))));
            uint256 low = uint256(keccak256(abi.encodePacked(seed, i, uint8(1))));
            // 512 bits mod R; 2^256 mod R is 2^256 - 5 R.
            drawn[i] = addmod(mulmod(high, SHIFT, Bn254.R), low, Bn254.R);
        }
    }

    uint256 private constant SHIFT = (type(uint256).max % Bn254.R) + 1;
}
