//! What is asked of a token (ERC-20) in which prizes and bonds may be.
#![allow(missing_docs)] // the standard's own

use alloy_sol_types::sol;

sol! {
    /// A token as far as prizes need it.
    #[derive(Debug, PartialEq, Eq)]
    interface Erc20 {
        /// Lets the contract take so much.
        function approve(address spender, uint256 value) external returns (bool);
        /// What it may take.
        function allowance(address owner, address spender) external view returns (uint256);
        /// What an account has.
        function balanceOf(address account) external view returns (uint256);
        /// Decimals in which people write amounts.
        function decimals() external view returns (uint8);
    }
}
