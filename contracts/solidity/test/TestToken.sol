// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token that may take a fee, refuse, or call somebody in the middle of a transfer
contract TestToken is ERC20 {
    uint256 public feeBps;
    bool public broken;
    address public target;
    bytes public data;
    uint256 public attempts;
    uint256 public successes;

    constructor() ERC20("Test", "TEST") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function set(uint256 feeBps_, bool broken_) external {
        (feeBps, broken) = (feeBps_, broken_);
    }

    function hook(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!broken, "broken");
        uint256 fee = from == address(0) || to == address(0) ? 0 : amount * feeBps / 10_000;
        super._update(from, to, amount - fee);
        if (fee != 0) super._update(from, address(0), fee);
        if (target != address(0) && from != address(0)) {
            ++attempts;
            (bool success,) = target.call(data);
            if (success) ++successes;
        }
    }
}
