// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

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
