// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title An account with code: does what it is told, and when it is paid, accepts, refuses or calls back
contract Puppet {
    enum Mood {
        Accept,
        Refuse,
        CallBack
    }

    Mood public mood;
    address public target;
    bytes public data;
    uint256 public attempts;
    uint256 public successes;

    receive() external payable {
        if (mood == Mood.Refuse) revert("no, thank you");
        if (mood == Mood.CallBack) _callBack();
    }

    function run(address to, bytes calldata call_) external payable returns (bytes memory) {
        (bool success, bytes memory answer) = to.call{value: msg.value}(call_);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        return answer;
    }

    function set(Mood mood_, address target_, bytes calldata data_) external {
        mood = mood_;
        target = target_;
        data = data_;
    }

    function _callBack() private {
        ++attempts;
        (bool success,) = target.call(data);
        if (success) ++successes;
    }
}
