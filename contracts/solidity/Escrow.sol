// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @title What the escrow owes to whom
/// @notice Money comes in by one function and leaves by one, on the receiver's own call: a receiver that reverts blocks
/// nobody else. Each asset has its own books, so a token that misbehaves harms only competitions in that token.
/// Tokens whose balances change by themselves are not supported.
abstract contract Escrow is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice The chain's own coin, in place of a token's address.
    address internal constant COIN = address(0);

    /// @notice What an account may claim.
    mapping(address token => mapping(address account => uint256 amount)) public owed;

    /// @notice An account may claim more.
    /// @param token The asset; zero is the chain's own coin.
    /// @param account Who may claim.
    /// @param amount How much more.
    event Credited(address indexed token, address indexed account, uint256 amount);
    /// @notice An account has claimed all that it was owed.
    /// @param token The asset.
    /// @param account Who was owed.
    /// @param to Who was paid.
    /// @param amount How much.
    event Claimed(address indexed token, address indexed account, address to, uint256 amount);

    /// @notice Another amount arrived than was asked for: too little or too much coin, coin with a token, or a token that
    /// takes a fee.
    /// @param expected The amount.
    /// @param got What arrived.
    error WrongAmount(uint256 expected, uint256 got);
    /// @notice Nothing is owed to the account.
    /// @param token The asset.
    /// @param account The account.
    error NothingOwed(address token, address account);

    /// @notice Nobody could take the money from there: the zero address, or this contract.
    /// @param to Who would be paid.
    error BadReceiver(address to);

    /// @notice Pays all that the caller is owed.
    /// @param token The asset; zero is the chain's own coin.
    /// @param to Who is paid: another account where the caller cannot receive.
    /// @return amount How much was paid.
    function claim(address token, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0) || to == address(this)) revert BadReceiver(to);
        amount = owed[token][msg.sender];
        if (amount == 0) revert NothingOwed(token, msg.sender);
        owed[token][msg.sender] = 0;
        emit Claimed(token, msg.sender, to, amount);
        if (token == COIN) {
            Address.sendValue(payable(to), amount);
        } else {
            IERC20(token).safeTransfer(to, amount);
        }
    }

    /// @notice Takes exactly `amount` from the caller.
    function _take(address token, uint256 amount) internal {
        if (token == COIN) {
            if (msg.value != amount) revert WrongAmount(amount, msg.value);
            return;
        }
        if (msg.value != 0) revert WrongAmount(0, msg.value);
        if (amount == 0) return;
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 got = IERC20(token).balanceOf(address(this)) - before;
        if (got != amount) revert WrongAmount(amount, got);
    }

    function _credit(address token, address account, uint256 amount) internal {
        if (amount == 0) return;
        owed[token][account] += amount;
        emit Credited(token, account, amount);
    }
}
