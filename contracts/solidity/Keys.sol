// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bn254} from "./Bn254.sol";
import {Pieces} from "./Pieces.sol";
import {Class, SizeClass} from "./SizeClass.sol";

/// @title Verifying keys by their digests
/// @notice The digest is the one that off-chain competitions pin: a key of a size class serves all competitions, on chains
/// and off. Its points: alpha; beta, gamma, delta, eta, eta_w; then as many IC points as the class has inputs, and one.
abstract contract Keys is Pieces {
    bytes32 private constant DOMAIN = "podium verifying key v1";
    uint256 private constant G2_POINTS = 5;
    uint256 private constant FIXED_BYTES = 0x2c0;
    /// @dev Inputs besides the features: X, y, rho, K, mode, plain sum, packed sum, labels; and the constant 1.
    uint256 private constant OTHER_INPUTS = 9;

    // The generator of G2, in EIP-197's order.
    uint256 private constant G2_XI = 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2;
    uint256 private constant G2_XR = 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed;
    uint256 private constant G2_YI = 0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b;
    uint256 private constant G2_YR = 0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa;

    struct StoredKey {
        bytes20 class;
        address[] pieces;
    }

    mapping(bytes32 digest => StoredKey) private _keys;

    /// @notice A key was registered.
    /// @param digest What competitions pin.
    /// @param class Descriptor of its size class.
    /// @param trust Who made it, as whoever registered it says: 0 a single party, who can forge.
    event KeyRegistered(bytes32 indexed digest, bytes20 class, uint8 trust);

    /// @notice No key of this digest is registered.
    /// @param digest The digest.
    error UnknownKey(bytes32 digest);
    /// @notice Another length than the class's points have.
    /// @param expected Their length.
    /// @param got Bytes that were given.
    error KeyLength(uint256 expected, uint256 got);
    /// @notice With such a key anybody could forge: two of its points are equal or opposite.
    /// @param one A point's name.
    /// @param other Another's.
    error DegenerateKey(bytes32 one, bytes32 other);

    /// @notice Registers a key, unless it is there already. Refuses what can be seen to be degenerate; who made the key
    /// can forge all the same.
    /// @param class Descriptor of its size class.
    /// @param trust Who made it; hashed into the digest.
    /// @param pieces Hashes of pieces that were stored before.
    /// @param tail The last piece; none if it is empty.
    /// @return digest What competitions pin.
    function registerKey(bytes20 class, uint8 trust, bytes32[] calldata pieces, bytes calldata tail)
        external
        returns (bytes32 digest)
    {
        uint256 count = SizeClass.decode(class).features + OTHER_INPUTS;
        address[] memory located = _locate(pieces, tail);
        bytes memory points = _read(located, 0);
        uint256 expected = FIXED_BYTES + count * 0x40;
        if (points.length != expected) revert KeyLength(expected, points.length);
        digest = _digest(class, trust, uint32(count), points);
        if (_keys[digest].class != 0) return digest;
        _checkPoints(points, count);
        _keys[digest] = StoredKey(class, located);
        emit KeyRegistered(digest, class, trust);
    }

    /// @notice The class of a registered key, and the contracts that hold its points.
    /// @param digest Its digest.
    function registeredKey(bytes32 digest) external view returns (bytes20 class, address[] memory pieces) {
        return (_class(digest), _keys[digest].pieces);
    }

    function _class(bytes32 digest) internal view returns (bytes20 class) {
        class = _keys[digest].class;
        if (class == 0) revert UnknownKey(digest);
    }

    function _keyPoints(bytes32 digest) internal view returns (bytes memory) {
        return _read(_keys[digest].pieces, 0);
    }

    function _digest(bytes20 class, uint8 trust, uint32 count, bytes memory points) private pure returns (bytes32) {
        bytes memory head = abi.encodePacked(DOMAIN, class, trust);
        bytes memory whole = new bytes(head.length + 4 + points.length);
        assembly ("memory-safe") {
            let to := add(whole, 0x20)
            mcopy(to, add(head, 0x20), mload(head))
            to := add(to, mload(head))
            mcopy(to, add(points, 0x20), FIXED_BYTES)
            to := add(to, FIXED_BYTES)
            mstore(to, shl(224, count))
            mcopy(add(to, 4), add(add(points, 0x20), FIXED_BYTES), sub(mload(points), FIXED_BYTES))
        }
        return keccak256(whole);
    }

    function _checkPoints(bytes memory points, uint256 count) private view {
        (uint256 x, uint256 y) = _g1(points, 0);
        Bn254.checkG1(x, y, "alpha");
        for (uint256 i; i < count; ++i) {
            (uint256 icX, uint256 icY) = _g1(points, FIXED_BYTES + i * 0x40);
            Bn254.checkG1(icX, icY, "IC");
        }
        bytes32[6] memory names =
            [bytes32("beta"), bytes32("gamma"), bytes32("delta"), bytes32("eta"), bytes32("eta_w"), "generator"];
        uint256[4][6] memory g2;
        for (uint256 i; i < G2_POINTS; ++i) {
            g2[i] = _g2(points, 0x40 + i * 0x80);
            Bn254.checkG2(g2[i], names[i]);
        }
        g2[G2_POINTS] = [G2_XI, G2_XR, G2_YI, G2_YR];
        // Equal or opposite points have the same x. Gamma alone may be the generator: keys of ceremonies have it so.
        for (uint256 i; i < G2_POINTS; ++i) {
            for (uint256 j = i + 1; j <= G2_POINTS; ++j) {
                bool same = g2[i][0] == g2[j][0] && g2[i][1] == g2[j][1];
                if (same && !(i == 1 && j == G2_POINTS)) revert DegenerateKey(names[i], names[j]);
            }
        }
        // Alpha stands in G1 alone: e(alpha, generator) is compared with e(+-generator, point). The precompile refuses
        // points outside the subgroup.
        for (uint256 i; i <= G2_POINTS; ++i) {
            if (_related(x, y, g2[i], 2) || _related(x, y, g2[i], Bn254.P - 2)) {
                revert DegenerateKey("alpha", names[i]);
            }
        }
    }

    /// @notice Whether `e(alpha, generator) e((1, y1), point) = 1`.
    function _related(uint256 x, uint256 y, uint256[4] memory point, uint256 y1) private view returns (bool) {
        uint256[12] memory pairs =
            [x, y, G2_XI, G2_XR, G2_YI, G2_YR, 1, y1, point[0], point[1], point[2], point[3]];
        uint256 start;
        assembly ("memory-safe") {
            start := pairs
        }
        return Bn254.pairing(start, 2);
    }

    function _g1(bytes memory points, uint256 offset) private pure returns (uint256 x, uint256 y) {
        assembly ("memory-safe") {
            let at := add(add(points, 0x20), offset)
            x := mload(at)
            y := mload(add(at, 0x20))
        }
    }

    function _g2(bytes memory points, uint256 offset) private pure returns (uint256[4] memory q) {
        assembly ("memory-safe") {
            mcopy(q, add(add(points, 0x20), offset), 0x80)
        }
    }
}
