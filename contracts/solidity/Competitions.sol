// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Escrow} from "./Escrow.sol";
import {Cost, IVerifier, Score} from "./IVerifier.sol";
import {Competition, Entry, Phase, Place, Terms} from "./Terms.sol";

/// @title Competitions whose prizes are paid by proof
/// @notice A host locks a prize and seals a test set; competitors enter commitments to their models; the host reveals;
/// whoever proves a score is paid by this contract. Nobody signs for anybody, and the contract has no owner.
contract Competitions is Escrow {
    bytes32 private constant COMPETITION_DOMAIN = "podium chain competition v1";
    bytes32 private constant ENTRY_DOMAIN = "podium chain entry v1";
    bytes32 private constant SEAL_DOMAIN = "podium chain seal v1";

    /// @notice Most places that a prize can be split between.
    uint256 public constant MAX_WINNERS = 16;
    /// @notice Accuracy of 100 %.
    uint256 public constant FULL = 10_000;
    /// @notice Gas of a submission or a reveal outside the verifier.
    uint256 public constant OUTSIDE_GAS = 240_000;

    /// @notice Who checks keys, test sets and proofs.
    IVerifier public immutable VERIFIER;
    /// @notice Most gas that a transaction may take on this chain: what cannot be verified within it is not posted.
    uint256 public immutable GAS_LIMIT;
    /// @notice Seconds after which a block is not replaced on this chain. So long the reveal waits for the last entry: who
    /// sees a test set in a block that is replaced could enter otherwise. And at least so long are scores taken after it:
    /// otherwise a host could reveal and win within one second, and take the bonds of all who had none to prove in.
    uint256 public immutable FINALITY;
    /// @notice The chain of the ids. Fixed here, so that money stays within reach where a chain changes its id.
    uint256 public immutable CHAIN_ID;

    /// @notice Competitions by their ids.
    mapping(bytes32 id => Competition) public competitions;
    /// @notice Entries by their ids.
    mapping(bytes32 entry => Entry) public entries;
    /// @notice Entries of an account in a competition.
    mapping(bytes32 id => mapping(address account => uint256 count)) public entriesOf;
    /// @notice Rows of an entry's best proof of each chunk. A score is their sum: a chunk without a proof counts as 0, and
    /// none counts twice.
    mapping(bytes32 entry => mapping(uint256 chunk => uint256 correct)) public correctIn;
    mapping(bytes32 id => Place[]) private _places;

    /// @notice A competition was posted.
    /// @param id Its id.
    /// @param host Its host.
    /// @param terms Its terms.
    event Posted(bytes32 indexed id, address indexed host, Terms terms);
    /// @notice A model was entered.
    /// @param id The competition.
    /// @param entry Id of the entry.
    /// @param competitor Who entered, and is paid.
    /// @param number The entry's number, from 1.
    /// @param commitment The model commitment.
    event Entered(
        bytes32 indexed id,
        bytes32 indexed entry,
        address indexed competitor,
        uint32 number,
        uint256[2] commitment
    );
    /// @notice The test set is known.
    /// @param id The competition.
    /// @param testSet Digest of the test set.
    /// @param salt What had kept it hidden.
    event Revealed(bytes32 indexed id, bytes32 testSet, bytes32 salt);
    /// @notice A score was proved, or a part of one.
    /// @param id The competition.
    /// @param entry The entry.
    /// @param competitor Whose it is.
    /// @param correct Rows that are proved to be right by now, at least: of all chunks that have a proof.
    event Scored(bytes32 indexed id, bytes32 indexed entry, address indexed competitor, uint32 correct);
    /// @notice A competition was settled.
    /// @param id The competition.
    /// @param phase How it ended.
    /// @param winners Who was credited, best first.
    event Settled(bytes32 indexed id, Phase phase, address[] winners);
    /// @notice An entry's bond was settled.
    /// @param id The competition.
    /// @param entry The entry.
    /// @param amount What was credited to its competitor.
    event Released(bytes32 indexed id, bytes32 indexed entry, uint256 amount);

    /// @notice The chain has changed its id: what was posted is settled, nothing new is posted.
    /// @param expected The id at deployment.
    /// @param got The id now.
    error WrongChain(uint256 expected, uint256 got);
    /// @notice The terms are impossible.
    /// @param field Which one.
    error BadTerms(bytes32 field);
    /// @notice The reveal or a chunk of a score would take more gas than a transaction may take.
    /// @param most What it may take.
    /// @param needed What the dearer of the two would take.
    error TooLargeToVerify(uint256 most, uint256 needed);
    /// @notice The competition is in another phase.
    /// @param expected What the call needs.
    /// @param got Where it stands.
    error WrongPhase(Phase expected, Phase got);
    /// @notice The call comes too early.
    /// @param from First second at which it is right.
    /// @param now_ The block's time.
    error TooEarly(uint256 from, uint256 now_);
    /// @notice The call comes too late.
    /// @param until First second at which it is wrong.
    /// @param now_ The block's time.
    error TooLate(uint256 until, uint256 now_);
    /// @notice Only the host may do this.
    /// @param host The host.
    /// @param caller Who called.
    error NotHost(address host, address caller);
    /// @notice Somebody has entered: the competition cannot be cancelled any more.
    /// @param entries_ Entries so far.
    error HasEntries(uint256 entries_);
    /// @notice A cap on entries is reached.
    /// @param cap Entries that are admitted, of the competition or of the account.
    error TooManyEntries(uint256 cap);
    /// @notice The account has entered this commitment already.
    /// @param entry Id of the entry.
    error EntryExists(bytes32 entry);
    /// @notice The account has not entered this commitment.
    /// @param entry Id that the entry would have.
    error UnknownEntry(bytes32 entry);
    /// @notice Test set and salt do not open the seal.
    /// @param expected The seal.
    /// @param got The seal of what was revealed.
    error SealMismatch(bytes32 expected, bytes32 got);
    /// @notice The entry has proved as many rows of each of these chunks already.
    /// @param proved Rows of its score.
    error NotBetter(uint256 proved);
    /// @notice The entry's bond has been settled.
    /// @param entry The entry.
    error AlreadyReleased(bytes32 entry);

    /// @param verifier Who checks proofs.
    /// @param gasLimit_ Most gas of a transaction on this chain (EIP-7825: 16,777,216).
    /// @param finality Seconds after which a block is not replaced on this chain.
    constructor(IVerifier verifier, uint256 gasLimit_, uint256 finality) {
        VERIFIER = verifier;
        GAS_LIMIT = gasLimit_;
        FINALITY = finality;
        CHAIN_ID = block.chainid;
    }

    /// @notice Locks the prize and the host's bond.
    /// @param terms The terms; the caller is the host.
    /// @return id What every proof is bound to: the hash of chain, contract and terms.
    function post(Terms calldata terms) external payable nonReentrant returns (bytes32 id) {
        if (block.chainid != CHAIN_ID) revert WrongChain(CHAIN_ID, block.chainid);
        if (msg.sender != terms.host) revert NotHost(terms.host, msg.sender);
        if (terms.prize == 0) revert BadTerms("prize");
        if (terms.threshold > FULL) revert BadTerms("threshold");
        if (terms.winners > MAX_WINNERS) revert BadTerms("winners");
        if (terms.maxEntries == 0) revert BadTerms("maxEntries");
        if (terms.maxEntriesEach == 0) revert BadTerms("maxEntriesEach");
        if (terms.enterUntil <= block.timestamp) revert BadTerms("enterUntil");
        if (terms.revealUntil <= terms.enterUntil + FINALITY) revert BadTerms("revealUntil");
        if (terms.submitUntil <= terms.revealUntil + FINALITY) revert BadTerms("submitUntil");
        _checkGas(terms);
        id = idOf(terms);
        _expect(id, Phase.None);
        competitions[id].phase = Phase.Open;
        emit Posted(id, terms.host, terms);
        _take(terms.token, uint256(terms.prize) + terms.hostBond);
    }

    /// @notice Enters a model, with the proof that its weights are in range and that the caller knows them.
    /// @param terms The competition's terms.
    /// @param commitment The model commitment `D_w`.
    /// @param proof The model proof, made for this competition and the caller.
    /// @return entry Id of the entry.
    function enter(Terms calldata terms, uint256[2] calldata commitment, uint256[10] calldata proof)
        external
        payable
        nonReentrant
        returns (bytes32 entry)
    {
        bytes32 id = idOf(terms);
        Competition storage competition = _expect(id, Phase.Open);
        _before(terms.enterUntil);
        if (competition.entries >= terms.maxEntries) revert TooManyEntries(terms.maxEntries);
        if (++entriesOf[id][msg.sender] > terms.maxEntriesEach) revert TooManyEntries(terms.maxEntriesEach);
        entry = entryOf(id, msg.sender, commitment);
        if (entries[entry].number != 0) revert EntryExists(entry);
        uint32 number = ++competition.entries;
        entries[entry].number = number;
        emit Entered(id, entry, msg.sender, number, commitment);
        VERIFIER.verifyModel(terms.key, id, msg.sender, commitment, proof);
        _take(terms.token, terms.bond);
    }

    /// @notice Opens the seal. Whoever has test set and salt may do it, when it is final who has entered.
    /// @param terms The competition's terms.
    /// @param salt What kept the test set hidden.
    /// @param pieces Hashes of the test set's pieces that were stored before, in order.
    /// @param tail Its last piece; none if it is empty.
    function reveal(Terms calldata terms, bytes32 salt, bytes32[] calldata pieces, bytes calldata tail)
        external
        nonReentrant
    {
        bytes32 id = idOf(terms);
        Competition storage competition = _expect(id, Phase.Open);
        _from(terms.enterUntil + FINALITY);
        _before(terms.revealUntil);
        bytes32 testSet = VERIFIER.registerTestSet(terms.shape, pieces, tail);
        bytes32 seal = sealOf(terms.host, salt, testSet);
        if (seal != terms.seal) revert SealMismatch(terms.seal, seal);
        competition.phase = Phase.Revealed;
        competition.testSet = testSet;
        emit Revealed(id, testSet, salt);
    }

    /// @notice Proves a score of an entry, or some chunks of it. Anybody may carry it to the chain: it counts for the
    /// entry's competitor.
    /// @param terms The competition's terms.
    /// @param competitor Who entered.
    /// @param commitment What was entered.
    /// @param first Index of the first chunk that is proved here.
    /// @param correct Claimed rows of each chunk from there on.
    /// @param proofs The proof of each.
    function submit(
        Terms calldata terms,
        address competitor,
        uint256[2] calldata commitment,
        uint32 first,
        uint32[] calldata correct,
        uint256[10][] calldata proofs
    ) external nonReentrant {
        bytes32 id = idOf(terms);
        Competition storage competition = _expect(id, Phase.Revealed);
        _before(terms.submitUntil);
        bytes32 entryId = entryOf(id, competitor, commitment);
        Entry storage entry = _entry(entryId);
        Score memory score = Score(terms.key, competition.testSet, id, competitor, entryId, commitment);
        VERIFIER.verifyScore(score, first, correct, proofs);
        uint32 gain = _gain(entryId, first, correct);
        if (!entry.proved) {
            entry.proved = true;
            ++competition.proved;
        } else if (gain == 0) {
            revert NotBetter(entry.correct);
        }
        uint32 total = entry.correct + gain;
        entry.correct = total;
        emit Scored(id, entryId, competitor, total);
        if (FULL * total < uint256(terms.threshold) * terms.shape.rows) return;
        Place memory place = Place(competitor, entry.number, total);
        if (terms.winners == 0) {
            _places[id].push(place);
            _settle(terms, id, competition);
        } else {
            _rank(_places[id], place, terms.winners);
        }
    }

    /// @notice Settles a competition whose time is over. Anybody may.
    /// @param terms The competition's terms.
    function finalise(Terms calldata terms) external nonReentrant {
        bytes32 id = idOf(terms);
        Competition storage competition = competitions[id];
        if (competition.phase == Phase.Open) {
            _from(terms.revealUntil);
            _abandon(terms, id, competition);
        } else {
            _expect(id, Phase.Revealed);
            _from(terms.submitUntil);
            _settle(terms, id, competition);
        }
    }

    /// @notice Settles the bond of an entry. Anybody may, when the competition is settled; the competitor then claims.
    /// @param terms The competition's terms.
    /// @param competitor Who entered.
    /// @param commitment What was entered.
    /// @return amount What was credited: nothing, if the bond went to the winners.
    function release(Terms calldata terms, address competitor, uint256[2] calldata commitment)
        external
        nonReentrant
        returns (uint256 amount)
    {
        bytes32 id = idOf(terms);
        Competition storage competition = competitions[id];
        Phase phase = competition.phase;
        if (phase < Phase.Won || phase > Phase.Abandoned) revert WrongPhase(Phase.Won, phase);
        bytes32 entryId = entryOf(id, competitor, commitment);
        Entry storage entry = _entry(entryId);
        if (entry.released) revert AlreadyReleased(entryId);
        entry.released = true;
        if (!_forfeits(terms, phase) || entry.proved) amount = terms.bond;
        if (phase == Phase.Abandoned) amount += terms.hostBond / competition.entries;
        emit Released(id, entryId, amount);
        _credit(terms.token, competitor, amount);
    }

    /// @notice Takes a competition back that nobody has entered.
    /// @param terms The competition's terms; the caller is the host.
    function cancel(Terms calldata terms) external nonReentrant {
        if (msg.sender != terms.host) revert NotHost(terms.host, msg.sender);
        bytes32 id = idOf(terms);
        Competition storage competition = _expect(id, Phase.Open);
        if (competition.entries != 0) revert HasEntries(competition.entries);
        competition.phase = Phase.Cancelled;
        emit Settled(id, Phase.Cancelled, new address[](0));
        _credit(terms.token, terms.host, uint256(terms.prize) + terms.hostBond);
    }

    /// @notice The id of a competition: what proofs are bound to.
    /// @param terms Its terms.
    function idOf(Terms calldata terms) public view returns (bytes32) {
        return keccak256(abi.encode(COMPETITION_DOMAIN, CHAIN_ID, address(this), terms));
    }

    /// @notice The id of an entry.
    /// @param id The competition.
    /// @param competitor Who enters.
    /// @param commitment The model commitment.
    function entryOf(bytes32 id, address competitor, uint256[2] calldata commitment) public pure returns (bytes32) {
        return keccak256(abi.encode(ENTRY_DOMAIN, id, competitor, commitment));
    }

    /// @notice The seal of a test set. The host in it keeps others from posting the same seal and opening it with the
    /// host's salt.
    /// @param host Who seals.
    /// @param salt 32 random bytes, which hide the test set.
    /// @param testSet Digest of the test set.
    function sealOf(address host, bytes32 salt, bytes32 testSet) public pure returns (bytes32) {
        return keccak256(abi.encode(SEAL_DOMAIN, host, salt, testSet));
    }

    /// @notice The best so far, best first; of equals the earlier.
    /// @param id The competition.
    function places(bytes32 id) external view returns (Place[] memory) {
        return _places[id];
    }

    /// @notice The most that a submission may take here and now.
    function gasLimit() public view returns (uint256) {
        return GAS_LIMIT < block.gaslimit ? GAS_LIMIT : block.gaslimit;
    }

    function _checkGas(Terms calldata terms) private view {
        Cost memory cost = VERIFIER.costOf(terms.key, terms.shape);
        uint256 needed = cost.load + cost.chunk;
        if (needed < cost.register) needed = cost.register;
        needed += OUTSIDE_GAS;
        if (needed > gasLimit()) revert TooLargeToVerify(gasLimit(), needed);
    }

    function _expect(bytes32 id, Phase phase) private view returns (Competition storage competition) {
        competition = competitions[id];
        if (competition.phase != phase) revert WrongPhase(phase, competition.phase);
    }

    function _from(uint256 time) private view {
        if (block.timestamp < time) revert TooEarly(time, block.timestamp);
    }

    function _before(uint256 time) private view {
        if (block.timestamp >= time) revert TooLate(time, block.timestamp);
    }

    function _entry(bytes32 entryId) private view returns (Entry storage entry) {
        entry = entries[entryId];
        if (entry.number == 0) revert UnknownEntry(entryId);
    }

    /// @notice Whether entries without a score lose their bonds to the winners: only where others have won by a ranking.
    /// Otherwise nobody was kept waiting.
    function _forfeits(Terms calldata terms, Phase phase) private pure returns (bool) {
        return phase == Phase.Won && terms.winners != 0;
    }

    /// @notice Keeps the best proof of each chunk: whoever carries an old proof to the chain once more takes nothing away.
    /// @return gain Rows that the entry has proved beyond those that it had.
    function _gain(bytes32 entryId, uint256 first, uint32[] calldata correct) private returns (uint32 gain) {
        mapping(uint256 chunk => uint256 correct) storage best = correctIn[entryId];
        for (uint256 i; i < correct.length; ++i) {
            uint256 before = best[first + i];
            if (correct[i] <= before) continue;
            best[first + i] = correct[i];
            gain += correct[i] - uint32(before);
        }
    }

    /// @notice Puts a score where it belongs: behind all that are as good, which came earlier.
    function _rank(Place[] storage list, Place memory place, uint256 most) private {
        // Where the entry's own older place is, or a new one at the end.
        uint256 slot = list.length;
        for (uint256 i; i < list.length; ++i) {
            if (list[i].number == place.number) slot = i;
        }
        if (slot == list.length) {
            if (slot == most) {
                if (list[slot - 1].correct >= place.correct) return;
                --slot;
            } else {
                list.push(place);
            }
        }
        for (; slot > 0 && list[slot - 1].correct < place.correct; --slot) {
            list[slot] = list[slot - 1];
        }
        list[slot] = place;
    }

    function _settle(Terms calldata terms, bytes32 id, Competition storage competition) private {
        Place[] storage list = _places[id];
        uint256 count = list.length;
        Phase phase = count == 0 ? Phase.Unwon : Phase.Won;
        competition.phase = phase;
        address[] memory winners = new address[](count);
        for (uint256 i; i < count; ++i) {
            winners[i] = list[i].account;
        }
        emit Settled(id, phase, winners);
        if (count == 0) {
            _credit(terms.token, terms.host, uint256(terms.prize) + terms.hostBond);
            return;
        }
        uint256 pot = terms.prize;
        if (_forfeits(terms, phase)) pot += uint256(terms.bond) * (competition.entries - competition.proved);
        // What does not divide goes to the best.
        _credit(terms.token, winners[0], pot / count + pot % count);
        for (uint256 i = 1; i < count; ++i) {
            _credit(terms.token, winners[i], pot / count);
        }
        _credit(terms.token, terms.host, terms.hostBond);
    }

    function _abandon(Terms calldata terms, bytes32 id, Competition storage competition) private {
        competition.phase = Phase.Abandoned;
        emit Settled(id, Phase.Abandoned, new address[](0));
        // The host's bond is shared by the entries, each by its release; what does not divide goes back.
        uint256 count = competition.entries;
        uint256 rest = count == 0 ? terms.hostBond : terms.hostBond % count;
        _credit(terms.token, terms.host, terms.prize + rest);
    }
}
