// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IVerifier, Score, Shape} from "../IVerifier.sol";

/// @title A verifier that believes everything, for tests of the money alone
contract YesVerifier is IVerifier {
    uint256 public cost = 1_000_000;

    function setCost(uint256 cost_) external {
        cost = cost_;
    }

    function registerTestSet(Shape calldata, bytes32[] calldata, bytes calldata tail) external pure returns (bytes32) {
        return keccak256(tail);
    }

    function verifyModel(bytes32, bytes32, address, uint256[2] calldata, uint256[10] calldata) external pure {}

    function verifyScore(Score calldata, uint32[] calldata correct, uint256[10][] calldata)
        external
        pure
        returns (uint256)
    {
        return correct[0];
    }

    function scoreCost(bytes32, Shape calldata) external view returns (uint256, uint256) {
        return (1, cost);
    }
}
