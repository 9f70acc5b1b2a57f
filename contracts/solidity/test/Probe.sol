// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bn254} from "../Bn254.sol";
import {Field} from "../Field.sol";
import {Class, SizeClass} from "../SizeClass.sol";
import {Statement, Transcript} from "../Transcript.sol";

/// @title Internal functions for tests to call
contract Probe {
    function decode(bytes20 descriptor) external pure returns (Class memory) {
        return SizeClass.decode(descriptor);
    }

    function geometric(uint256 base, uint256 count) external pure returns (uint256, uint256) {
        return Field.geometric(base, count);
    }

    function plain(bytes memory x, uint256 rho) external pure returns (uint256) {
        return Field.plain(_start(x), x.length, rho);
    }

    function packed(bytes memory x, uint256 rho, uint256 base, uint256 perBlock) external pure returns (uint256) {
        return Field.packed(_start(x), x.length, rho, base, perBlock);
    }

    function challenges(Statement memory s, uint256 dx, uint256 dy) external pure returns (uint256[3] memory) {
        return Transcript.challenges(s, dx, dy);
    }

    /// @notice Groth16 without commitments, by the functions that the verifier uses.
    /// @param key alpha, beta, gamma, delta.
    /// @param ic IC points, one more than inputs.
    /// @param proof A, B, C.
    function groth16(uint256[14] memory key, uint256[2][] memory ic, uint256[8] memory proof, uint256[] memory inputs)
        external
        view
        returns (bool)
    {
        Bn254.checkG1(proof[0], proof[1], "A");
        Bn254.checkG2([proof[2], proof[3], proof[4], proof[5]], "B");
        Bn254.checkG1(proof[6], proof[7], "C");
        uint256[5] memory sum;
        (sum[0], sum[1]) = (ic[0][0], ic[0][1]);
        for (uint256 i; i < inputs.length; ++i) {
            Bn254.addMul(_at(sum), _at(ic[i + 1]), inputs[i]);
        }
        // A, B; alpha, beta; IC, gamma; C, delta.
        uint256[24] memory pairs;
        assembly ("memory-safe") {
            mcopy(pairs, proof, 0xc0)
            mcopy(add(pairs, 0xc0), key, 0xc0)
            mcopy(add(pairs, 0x180), sum, 0x40)
            mcopy(add(pairs, 0x1c0), add(key, 0xc0), 0x80)
            mcopy(add(pairs, 0x240), add(proof, 0xc0), 0x40)
            mcopy(add(pairs, 0x280), add(key, 0x140), 0x80)
        }
        pairs[1] = Bn254.P - pairs[1];
        uint256 start;
        assembly ("memory-safe") {
            start := pairs
        }
        return Bn254.pairing(start, 4);
    }

    function _at(uint256[5] memory words) private pure returns (uint256 start) {
        assembly ("memory-safe") {
            start := words
        }
    }

    function _at(uint256[2] memory words) private pure returns (uint256 start) {
        assembly ("memory-safe") {
            start := words
        }
    }

    /// @dev What stands behind the values must not count: dirt is put there.
    function _start(bytes memory x) private pure returns (uint256 start) {
        assembly ("memory-safe") {
            start := add(x, 0x20)
            let free := mload(0x40)
            mstore(add(start, mload(x)), not(0))
            if lt(free, add(add(start, mload(x)), 0x20)) { mstore(0x40, add(add(start, mload(x)), 0x20)) }
        }
    }
}
