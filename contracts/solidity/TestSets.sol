// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Shape} from "./IVerifier.sol";
import {Pieces} from "./Pieces.sol";
import {Class} from "./SizeClass.sol";

/// @title Test sets on the chain
/// @notice A test set is its labels (one byte a row), then the values of one feature after the other (one byte a row).
/// Every value is checked once, when it is registered; after that its digest stands for it.
abstract contract TestSets is Pieces {
    bytes32 private constant DOMAIN = "podium chain test set v1";
    /// @dev What is hashed in front of the data: the tag, three counts of four bytes, and the bits.
    uint256 private constant HEAD = 45;

    struct Stored {
        Shape shape;
        address[] pieces;
    }

    mapping(bytes32 digest => Stored) private _sets;

    /// @notice A test set was registered.
    /// @param digest What scores over it are bound to.
    /// @param shape Its size.
    event TestSetRegistered(bytes32 indexed digest, Shape shape);

    /// @notice No test set of this digest is registered.
    /// @param digest The digest.
    error UnknownTestSet(bytes32 digest);
    /// @notice A count is impossible: rows 1 to 1,048,576, features 1 to 65,536, classes 2 to 256, bits 1 to 8.
    /// @param shape The counts.
    error ShapeOutOfRange(Shape shape);
    /// @notice Another length than rows times (1 + features).
    /// @param expected That product.
    /// @param got Bytes that were given.
    error TestSetLength(uint256 expected, uint256 got);
    /// @notice A label is no class.
    /// @param row Its row, from 0.
    /// @param classes Labels are below it.
    /// @param label The label.
    error LabelTooLarge(uint256 row, uint256 classes, uint256 label);
    /// @notice A value has more bits than the test set says.
    /// @param most Largest value.
    error ValueTooLarge(uint256 most);
    /// @notice The test set does not fit into the key's size class.
    /// @param features Most features.
    /// @param classes Most classes.
    /// @param bits Most bits.
    /// @param shape The test set's size.
    error DoesNotFit(uint256 features, uint256 classes, uint256 bits, Shape shape);

    /// @notice The size of a registered test set, and the contracts that hold it.
    /// @param digest Its digest.
    function registeredTestSet(bytes32 digest) external view returns (Shape memory shape, address[] memory pieces) {
        Stored storage stored = _stored(digest);
        return (stored.shape, stored.pieces);
    }

    /// @notice Stores and checks a test set, unless it is there already.
    function _registerTestSet(Shape calldata shape, bytes32[] calldata hashes, bytes calldata tail)
        internal
        returns (bytes32 digest)
    {
        _checkShape(shape);
        address[] memory pieces = _locate(hashes, tail);
        bytes memory data = _read(pieces, HEAD);
        uint256 expected = uint256(shape.rows) * (uint256(shape.features) + 1);
        if (data.length - HEAD != expected) revert TestSetLength(expected, data.length - HEAD);
        bytes memory head = abi.encodePacked(DOMAIN, shape.rows, shape.features, shape.classes, shape.bits);
        assembly ("memory-safe") {
            mcopy(add(data, 0x20), add(head, 0x20), HEAD)
        }
        digest = keccak256(data);
        if (_sets[digest].pieces.length != 0) return digest;
        _checkValues(shape, data);
        _sets[digest] = Stored(shape, pieces);
        emit TestSetRegistered(digest, shape);
    }

    function _loadTestSet(bytes32 digest) internal view returns (bytes memory data, Shape memory shape) {
        Stored storage stored = _stored(digest);
        return (_read(stored.pieces, 0), stored.shape);
    }

    function _checkShape(Shape calldata shape) internal pure {
        bool possible = shape.rows >= 1 && shape.rows <= 1 << 20 && shape.features >= 1 && shape.features <= 65_536
            && shape.classes >= 2 && shape.classes <= 256 && shape.bits >= 1 && shape.bits <= 8;
        if (!possible) revert ShapeOutOfRange(shape);
    }

    function _checkFit(Class memory class, Shape memory shape) internal pure {
        bool fits =
            shape.features <= class.features && shape.classes <= class.classes && shape.bits <= class.bits;
        if (!fits) revert DoesNotFit(class.features, class.classes, class.bits, shape);
    }

    function _stored(bytes32 digest) private view returns (Stored storage stored) {
        stored = _sets[digest];
        if (stored.pieces.length == 0) revert UnknownTestSet(digest);
    }

    /// @notice Every label is a class, and no value has more bits than `shape` says.
    /// @param data HEAD bytes, the labels, the values.
    function _checkValues(Shape calldata shape, bytes memory data) private pure {
        (uint256 rows, uint256 classes, uint256 bits) = (shape.rows, shape.classes, shape.bits);
        uint256 wrong = rows;
        uint256 seen;
        assembly ("memory-safe") {
            let at := add(add(data, 0x20), HEAD)
            for { let i := 0 } lt(i, rows) { i := add(i, 1) } {
                if iszero(lt(byte(0, mload(add(at, i))), classes)) {
                    wrong := i
                    break
                }
            }
            // All values or-ed together, a word at a time; the last word's bytes beyond the end are shifted out.
            at := add(at, rows)
            let end := add(add(data, 0x20), mload(data))
            for {} lt(add(at, 0x1f), end) { at := add(at, 0x20) } { seen := or(seen, mload(at)) }
            let beyond := shl(3, sub(0x20, sub(end, at)))
            seen := or(seen, shl(beyond, shr(beyond, mload(at))))
            // The bits of a byte that no value may have, in every byte.
            let forbidden := and(0xff, shl(bits, 0xff))
            seen := and(seen, mul(forbidden, div(not(0), 0xff)))
        }
        if (wrong != rows) revert LabelTooLarge(wrong, classes, uint8(data[HEAD + wrong]));
        if (seen != 0) revert ValueTooLarge((1 << bits) - 1);
    }
}
