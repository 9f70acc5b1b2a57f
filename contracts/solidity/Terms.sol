// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Shape} from "./IVerifier.sol";

/// @notice The terms of a competition. They are never stored: their hash is the competition's id, and every call brings
/// them along.
/// @param host Who posts it and gets back what nobody wins.
/// @param token The asset of prize and bonds; zero is the chain's own coin.
/// @param prize The prize, above 0.
/// @param hostBond What the host loses to the entrants by not revealing.
/// @param bond What an entry costs until it is settled. A proof of any score, even of no row, brings it back.
/// @param key Digest of the verifying key.
/// @param seal Hash of host, salt and test set digest.
/// @param manifest Digest of what is said about the competition elsewhere: names, the map of the features, the record.
/// @param shape Size of the test set.
/// @param threshold Least accuracy that wins, in basis points: 0 to 10,000.
/// @param winners 0: the first that reaches the threshold takes all. 1 to 16: split equally between so many of the best.
/// @param enterUntil Entries before this time, in seconds since 1970.
/// @param revealUntil Reveal before this time, and not before the last entry is final.
/// @param submitUntil Scores from the reveal to before this time.
/// @param maxEntries Most entries. A cap can be filled by one person with many accounts; without need it is best the largest.
/// @param maxEntriesEach Most entries of one account.
struct Terms {
    address host;
    address token;
    uint128 prize;
    uint128 hostBond;
    uint128 bond;
    bytes32 key;
    bytes32 seal;
    bytes32 manifest;
    Shape shape;
    uint16 threshold;
    uint8 winners;
    uint64 enterUntil;
    uint64 revealUntil;
    uint64 submitUntil;
    uint32 maxEntries;
    uint32 maxEntriesEach;
}

/// @notice Where a competition stands.
/// - None: not posted.
/// - Open: posted; until the reveal.
/// - Revealed: the test set is known; scores until the deadline.
/// - Won: settled, with winners.
/// - Unwon: settled, nobody reached the threshold.
/// - Abandoned: the host has not revealed.
/// - Cancelled: by the host, before anybody entered.
enum Phase {
    None,
    Open,
    Revealed,
    Won,
    Unwon,
    Abandoned,
    Cancelled
}

/// @notice A competition as it is stored.
/// @param phase Where it stands.
/// @param entries Entries so far.
/// @param proved Entries with a score.
/// @param testSet Digest of the revealed test set.
struct Competition {
    Phase phase;
    uint32 entries;
    uint32 proved;
    bytes32 testSet;
}

/// @notice An entry as it is stored.
/// @param number From 1, in the order of entering; 0 if there is none.
/// @param correct Rows of its score.
/// @param proved Whether it has proved anything, were it no row at all.
/// @param released Whether its bond has been settled.
struct Entry {
    uint32 number;
    uint32 correct;
    bool proved;
    bool released;
}

/// @notice A place among the best.
/// @param account Who is paid.
/// @param number The entry's number.
/// @param correct Its rows.
struct Place {
    address account;
    uint32 number;
    uint32 correct;
}
