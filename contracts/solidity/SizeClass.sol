// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bn254} from "./Bn254.sol";

/// @notice What a verifier needs of a size class.
/// @param mlp Whether it has a hidden layer: then features are summed with plain coefficients.
/// @param rows Rows that one proof covers.
/// @param features Features of a row.
/// @param bits Bits of a feature.
/// @param classes Classes that can be predicted.
/// @param base Base of packed rows of the logits.
/// @param perBlock Rows that one field element packs.
struct Class {
    bool mlp;
    uint32 rows;
    uint32 features;
    uint8 bits;
    uint32 classes;
    uint64 base;
    uint8 perBlock;
}

/// @title Size classes from their 20 bytes
/// @notice family 1 (0 linear, 1 MLP), rows 4, features 4, feature bits 1, hidden units 4, classes 4, table bits T 1,
/// margin limbs l 1; big-endian. Packing bases are those of the interval analysis, by the same formula.
library SizeClass {
    /// @notice A parameter is outside what the interval analysis covers.
    /// @param descriptor The class.
    error ClassOutOfRange(bytes20 descriptor);

    /// @notice Decodes and checks a descriptor.
    /// @param descriptor The 20 bytes.
    function decode(bytes20 descriptor) internal pure returns (Class memory class) {
        uint256 d = uint256(uint160(descriptor));
        uint256 family = d >> 152;
        uint256 hidden = uint32(d >> 48);
        uint256 tableBits = uint8(d >> 8);
        uint256 limbs = uint8(d);
        class.mlp = family == 1;
        class.rows = uint32(d >> 120);
        class.features = uint32(d >> 88);
        class.bits = uint8(d >> 80);
        class.classes = uint32(d >> 16);
        bool sound = family <= 1 && (class.mlp ? between(hidden, 1, 65_536) : hidden == 0)
            && between(class.rows, 1, 1 << 20) && between(class.features, 1, 65_536) && between(class.bits, 1, 8)
            && between(class.classes, 2, 256) && between(tableBits, 5, 16) && between(limbs, 2, 3);
        if (!sound) revert ClassOutOfRange(descriptor);
        unchecked {
            // Below 2^58 for every class in these ranges.
            uint256 inputs = class.mlp ? hidden * ((1 << tableBits) - 1) : class.features * ((1 << class.bits) - 1);
            uint256 logits = inputs * (1 << (tableBits - 1)) + (1 << (2 * tableBits - 1));
            uint256 ordered = class.classes * (logits + 1) - 1;
            uint256 base = (1 << (limbs * tableBits)) + 2 * ordered;
            class.base = uint64(base);
            // The most rows for which base^rows <= R. From 12 bits of base on these are at most 23.
            for (uint256 power = 1; power <= Bn254.R / base; power *= base) {
                ++class.perBlock;
            }
        }
    }

    function between(uint256 value, uint256 least, uint256 most) private pure returns (bool) {
        return least <= value && value <= most;
    }
}
