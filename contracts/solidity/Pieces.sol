// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Data as contract code
/// @notice Anybody stores pieces of at most 24,575 bytes; a piece is found by its Keccak-256 hash and never changes. Its
/// code is a STOP byte, then the data. Only code that this contract has created counts: of foreign code nobody knows
/// whether it is still there tomorrow (a constructor may call SELFDESTRUCT by DELEGATECALL and return code all the same,
/// which is gone at the end of the transaction).
abstract contract Pieces {
    /// @notice Longest piece, in bytes: EIP-170's limit less the STOP byte.
    uint256 public constant MAX_PIECE = 24_575;

    /// @notice The contract whose code holds a piece; zero if nobody has stored it.
    mapping(bytes32 hash => address piece) public pieceOf;

    /// @notice A piece was stored.
    /// @param hash Keccak-256 of its bytes.
    /// @param piece The contract whose code holds it.
    event PieceStored(bytes32 indexed hash, address piece);

    /// @notice A piece is empty or too long.
    /// @param most The longest, in bytes.
    /// @param got Its length.
    error PieceLength(uint256 most, uint256 got);
    /// @notice The chain did not create the contract: its price is above the gas that was left.
    error PieceNotCreated();
    /// @notice A piece before the last one is not as long as a piece can be. Data are cut in one way only: the first to
    /// register a key could make reading it as dear as he likes otherwise, by pieces of one byte.
    /// @param index Which piece.
    /// @param expected The length of a full piece.
    /// @param got Its length.
    error PieceNotFull(uint256 index, uint256 expected, uint256 got);
    /// @notice Nobody has stored this piece.
    /// @param hash Keccak-256 of its bytes.
    error UnknownPiece(bytes32 hash);

    /// @notice Stores a piece, unless it is there already.
    /// @param data 1 to 24,575 bytes.
    /// @return hash Keccak-256 of the data.
    function storePiece(bytes calldata data) public returns (bytes32 hash) {
        if (data.length == 0 || data.length > MAX_PIECE) revert PieceLength(MAX_PIECE, data.length);
        hash = keccak256(data);
        if (pieceOf[hash] != address(0)) return hash;
        // PUSH2 length, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN: returns all that follows.
        bytes memory code = abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a5f395ff300", data);
        address piece;
        assembly ("memory-safe") {
            piece := create(0, add(code, 0x20), mload(code))
        }
        if (piece == address(0)) revert PieceNotCreated();
        pieceOf[hash] = piece;
        emit PieceStored(hash, piece);
    }

    /// @notice The contracts of pieces that were stored, and of a last one that is stored here.
    /// @param hashes Pieces that were stored before.
    /// @param tail The last piece; none if it is empty.
    function _locate(bytes32[] calldata hashes, bytes calldata tail) internal returns (address[] memory pieces) {
        uint256 count = hashes.length;
        pieces = new address[](tail.length == 0 ? count : count + 1);
        for (uint256 i; i < count; ++i) {
            pieces[i] = pieceOf[hashes[i]];
            if (pieces[i] == address(0)) revert UnknownPiece(hashes[i]);
            uint256 length = pieces[i].code.length - 1;
            if (i + 1 < pieces.length && length != MAX_PIECE) revert PieceNotFull(i, MAX_PIECE, length);
        }
        if (tail.length != 0) pieces[count] = pieceOf[storePiece(tail)];
    }

    /// @notice Data that were cut into pieces, behind bytes that are left to the caller.
    /// @param pieces Contracts that [`storePiece`] has made.
    /// @param head Bytes in front of the data.
    function _read(address[] memory pieces, uint256 head) internal view returns (bytes memory data) {
        uint256 count = pieces.length;
        if (count == 0) return new bytes(head);
        uint256 last = pieces[count - 1].code.length - 1;
        data = new bytes(head + (count - 1) * MAX_PIECE + last);
        uint256 target;
        assembly ("memory-safe") {
            target := add(add(data, 0x20), head)
        }
        for (uint256 i; i < count; ++i) {
            (address piece, uint256 size) = (pieces[i], i + 1 == count ? last : MAX_PIECE);
            assembly ("memory-safe") {
                extcodecopy(piece, target, 1, size)
                target := add(target, size)
            }
        }
    }
}
