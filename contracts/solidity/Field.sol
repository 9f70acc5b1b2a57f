// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Sums over the rows of a test set, in the scalar field
/// @notice One value is one byte. All polynomials are evaluated by Horner's rule from the last row to the first, 8 rows
/// or one block a step; the bytes of a word beyond the step's rows are masked off.
library Field {
    /// @dev Bn254.R; assembly takes literals only.
    uint256 private constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;

    /// @notice `sum_(i < count) base^i`, and `base^count`.
    /// @param base Below R.
    /// @param count Number of terms, below 2^32.
    function geometric(uint256 base, uint256 count) internal pure returns (uint256 sum, uint256 power) {
        // From the highest bit of `count`: S(2m) = S(m) (1 + base^m), S(m + 1) = S(m) + base^m.
        power = 1;
        for (uint256 bit = 1 << 31; bit != 0; bit >>= 1) {
            sum = mulmod(sum, addmod(1, power, R), R);
            power = mulmod(power, power, R);
            if (count & bit != 0) {
                sum = addmod(sum, power, R);
                power = mulmod(power, base, R);
            }
        }
    }

    /// @notice `sum_(i < rows) rho^i x_i`.
    /// @param first Memory address of the first value.
    /// @param rows Number of values, at least 1.
    /// @param rho Below R.
    function plain(uint256 first, uint256 rows, uint256 rho) internal pure returns (uint256 u) {
        assembly ("memory-safe") {
            let left := add(and(sub(rows, 1), 7), 1)
            let mask := shl(sub(256, shl(3, left)), not(0))
            for { let p := add(first, sub(rows, left)) } iszero(lt(p, first)) { p := sub(p, 8) } {
                let w := and(mload(p), mask)
                mask := shl(192, not(0))
                // u stays below R + 256: reduced by the next product.
                u := add(mulmod(u, rho, R), byte(7, w))
                u := add(mulmod(u, rho, R), byte(6, w))
                u := add(mulmod(u, rho, R), byte(5, w))
                u := add(mulmod(u, rho, R), byte(4, w))
                u := add(mulmod(u, rho, R), byte(3, w))
                u := add(mulmod(u, rho, R), byte(2, w))
                u := add(mulmod(u, rho, R), byte(1, w))
                u := add(mulmod(u, rho, R), byte(0, w))
            }
            u := mod(u, R)
        }
    }

    /// @notice `sum_q rho^q sum_(r < perBlock) base^r x_(q perBlock + r)`: the coefficients of packed rows.
    /// @param first Memory address of the first value.
    /// @param rows Number of values, at least 1.
    /// @param rho Below R.
    /// @param base Above 255, and `base^perBlock <= R`: a block is an integer below R that needs no reduction.
    /// @param perBlock Rows of a block, 1 to 31.
    function packed(uint256 first, uint256 rows, uint256 rho, uint256 base, uint256 perBlock)
        internal
        pure
        returns (uint256 u)
    {
        assembly ("memory-safe") {
            let left := add(mod(sub(rows, 1), perBlock), 1)
            let mask := shl(sub(256, shl(3, left)), not(0))
            let full := shl(sub(256, shl(3, perBlock)), not(0))
            for { let p := add(first, sub(rows, left)) } iszero(lt(p, first)) { p := sub(p, perBlock) } {
                let w := and(mload(p), mask)
                mask := full
                let v := 0
                for { let r := perBlock } gt(r, 8) {} {
                    r := sub(r, 1)
                    v := add(byte(r, w), mul(base, v))
                }
                // Arguments are evaluated from the last to the first: so written, the stack needs no exchanges.
                v := add(byte(4, w), mul(base, add(byte(5, w), mul(base, add(byte(6, w), mul(base,
                    add(byte(7, w), mul(base, v))))))))
                v := add(byte(0, w), mul(base, add(byte(1, w), mul(base, add(byte(2, w), mul(base,
                    add(byte(3, w), mul(base, v))))))))
                // Below 2 R: reduced by the next product.
                u := add(mulmod(u, rho, R), v)
            }
            u := mod(u, R)
        }
    }
}
