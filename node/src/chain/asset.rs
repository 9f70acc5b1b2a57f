//! In what prizes are: the chain's coin, or a token.

use super::amount;
use super::error::ChainError;
use super::rpc::Rpc;
use alloy_primitives::{Address, U256};
use contracts::token::Erc20;

/// In what prizes are: the chain's coin, or a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Zero is the coin.
    pub token: Address,
    decimals: u8,
}

impl Asset {
    /// The asset of a token's address; zero is the chain's coin.
    ///
    /// # Errors
    /// If the chain's node does not answer, or the token does not say its decimals.
    pub fn of(rpc: &Rpc, token: Address) -> Result<Self, ChainError> {
        let decimals = match token.is_zero() {
            true => amount::COIN_DECIMALS,
            false => rpc.view(token, &Erc20::decimalsCall {})?,
        };
        Ok(Self { token, decimals })
    }

    /// An amount for people.
    pub fn text(&self, units: impl Into<U256>) -> String {
        let units = self.number(units);
        if self.is_coin() { units } else { format!("{units} of the token {}", self.token) }
    }

    /// The same without a name of the token.
    pub fn number(&self, units: impl Into<U256>) -> String {
        amount::text(units.into(), self.decimals)
    }

    /// An amount of people.
    ///
    /// # Errors
    /// [`ChainError::Amount`] if it is none, or has more decimals.
    pub fn parse(&self, text: &str) -> Result<u128, ChainError> {
        let units = amount::parse(text, self.decimals).and_then(|units| units.try_into().ok());
        units.ok_or_else(|| ChainError::Amount { decimals: self.decimals, got: text.to_owned() })
    }

    /// Whether it is the chain's own coin.
    pub fn is_coin(&self) -> bool {
        self.token.is_zero()
    }

    /// What of an amount a transaction carries.
    pub fn carried(&self, units: u128) -> U256 {
        if self.is_coin() { U256::from(units) } else { U256::ZERO }
    }
}
