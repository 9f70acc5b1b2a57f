// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title The curve BN254 through its precompiles (EIP-196, EIP-197; gas of EIP-1108)
/// @notice Every point is checked before a precompile sees it: a failing precompile burns all gas that it was given. What
/// a precompile gets is bounded besides, at about twice its price, so that a chain may raise prices a little.
library Bn254 {
    /// @notice The field's modulus: coordinates are below it.
    uint256 internal constant P = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;
    /// @notice The groups' order: scalars are below it.
    uint256 internal constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;

    /// @notice Gas given to an addition, which costs 150.
    uint256 internal constant ADD_GAS = 500;
    /// @notice Gas given to a multiplication, which costs 6,000.
    uint256 internal constant MUL_GAS = 12_000;
    /// @notice Gas given to a pairing product, which costs 45,000.
    uint256 internal constant PAIRING_GAS = 90_000;
    /// @notice Gas given for each of its pairs, which costs 34,000.
    uint256 internal constant PAIR_GAS = 68_000;

    // 3/(9 + u): the twist is y^2 = x^3 + this, real and imaginary part.
    uint256 private constant TWIST_RE = 0x2b149d40ceb8aaae81be18991be06ac3b5b4c5e559dbefa33267e6dc24a138e5;
    uint256 private constant TWIST_IM = 0x009713b03af0fed4cd2cafadeed8fdf4a74fa084e52d1852e4a2bd0685c315d2;

    /// @notice The point at infinity, where it does not belong.
    /// @param point Its name, such as "A".
    error Infinity(bytes32 point);
    /// @notice A coordinate is not below the field's modulus.
    /// @param point Its name.
    error CoordinateTooLarge(bytes32 point);
    /// @notice The coordinates are no point of the curve (in G2: of the twist).
    /// @param point Its name.
    error NotOnCurve(bytes32 point);
    /// @notice A precompile refused its input: the point of G2 lies outside the subgroup, or the chain has no such precompile.
    /// @param precompile Its address: 6 addition, 7 multiplication, 8 pairing.
    error PrecompileFailed(uint256 precompile);

    /// @notice Reverts unless (x, y) is a finite point of G1; its order needs no check, because the cofactor is 1.
    /// @param x First coordinate.
    /// @param y Second coordinate.
    /// @param point Its name, for the error.
    function checkG1(uint256 x, uint256 y, bytes32 point) internal pure {
        if (x >= P || y >= P) revert CoordinateTooLarge(point);
        if (x == 0 && y == 0) revert Infinity(point);
        if (mulmod(y, y, P) != addmod(mulmod(mulmod(x, x, P), x, P), 3, P)) revert NotOnCurve(point);
    }

    /// @notice Reverts unless the coordinates are a finite point of the twist. That it lies in the subgroup of order R is
    /// left to the pairing precompile.
    /// @param q Imaginary part of x, real part, imaginary part of y, real part (EIP-197's order).
    /// @param point Its name, for the error.
    function checkG2(uint256[4] memory q, bytes32 point) internal pure {
        (uint256 xi, uint256 xr, uint256 yi, uint256 yr) = (q[0], q[1], q[2], q[3]);
        if (xi >= P || xr >= P || yi >= P || yr >= P) revert CoordinateTooLarge(point);
        if (xi | xr | yi | yr == 0) revert Infinity(point);
        unchecked {
            // u^2 = -1. Squares: (re^2 - im^2) + 2 re im u.
            uint256 squareRe = addmod(mulmod(xr, xr, P), P - mulmod(xi, xi, P), P);
            uint256 squareIm = mulmod(2, mulmod(xr, xi, P), P);
            uint256 right = addmod(mulmod(squareRe, xr, P), P - mulmod(squareIm, xi, P), P);
            bool same = addmod(right, TWIST_RE, P) == addmod(mulmod(yr, yr, P), P - mulmod(yi, yi, P), P);
            right = addmod(mulmod(squareRe, xi, P), mulmod(squareIm, xr, P), P);
            if (!same || addmod(right, TWIST_IM, P) != mulmod(2, mulmod(yr, yi, P), P)) revert NotOnCurve(point);
        }
    }

    /// @notice Adds `scalar * point` to a sum.
    /// @param sum Memory address of five words: the sum (two words, zeros are infinity), and three for scratch.
    /// @param point Memory address of the point's two coordinates.
    /// @param scalar Below R.
    function addMul(uint256 sum, uint256 point, uint256 scalar) internal view {
        if (scalar == 0) return;
        uint256 failed;
        assembly ("memory-safe") {
            let product := add(sum, 0x40)
            mcopy(product, point, 0x40)
            mstore(add(sum, 0x80), scalar)
            // A chain without the precompile answers with success and no data. (Yul evaluates arguments from the last to
            // the first: the length of the answer needs a statement of its own.)
            let success := staticcall(MUL_GAS, 7, product, 0x60, product, 0x40)
            switch and(success, eq(returndatasize(), 0x40))
            case 0 { failed := 7 }
            default {
                success := staticcall(ADD_GAS, 6, sum, 0x80, sum, 0x40)
                if iszero(and(success, eq(returndatasize(), 0x40))) { failed := 6 }
            }
        }
        if (failed != 0) revert PrecompileFailed(failed);
    }

    /// @notice Whether the product of pairings is one.
    /// @param pairs Memory address of the pairs, six words each: G1 (x, y), then G2 (imaginary parts first).
    /// @param count How many pairs.
    function pairing(uint256 pairs, uint256 count) internal view returns (bool one) {
        uint256 gasLimit = PAIRING_GAS + PAIR_GAS * count;
        bool success;
        assembly ("memory-safe") {
            success := staticcall(gasLimit, 8, pairs, mul(count, 0xc0), 0x00, 0x20)
            // A chain without the precompile answers with success and no data.
            success := and(success, eq(returndatasize(), 0x20))
            one := eq(mload(0x00), 1)
        }
        if (!success) revert PrecompileFailed(8);
    }
}
