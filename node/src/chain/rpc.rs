//! What is asked of a chain's node, and the shape of its answers. An answer is what that node says: code is compared
//! with ours, terms with their id, test sets with their digest; for times and balances it is believed.

use super::endpoint::Endpoint;
use super::error::{ChainError, cut};
use alloy_json_rpc::{ErrorPayload, RpcError, RpcRecv, RpcSend};
use alloy_primitives::{Address, B256, Bytes, Log, LogData, U64, U256, hex};
use alloy_rpc_client::RpcClient;
use alloy_sol_types::SolCall;
use contracts::{Refusal, refusal};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// A block's head.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Its number.
    pub number: U64,
    /// Its hash.
    pub hash: B256,
    /// When, in seconds since 1970.
    pub timestamp: U64,
    /// Most gas of all its transactions.
    pub gas_limit: U64,
    /// Price of gas, on chains with EIP-1559.
    pub base_fee_per_gas: Option<U256>,
}

/// What became of a transaction.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The transaction.
    pub transaction_hash: B256,
    /// Its block.
    pub block_hash: B256,
    /// The block's number.
    pub block_number: U64,
    /// 1 if it did what it should.
    pub status: U64,
    /// Gas that it took.
    pub gas_used: U256,
    /// What each of it cost.
    #[serde(default)]
    pub effective_gas_price: U256,
}

/// A log.
#[derive(Clone, Debug, Deserialize)]
pub struct Logged {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

impl Logged {
    /// As the bindings take it; none if it has more topics than a log can have.
    pub fn log(&self) -> Option<Log> {
        let data = LogData::new(self.topics.clone(), self.data.clone())?;
        Some(Log { address: self.address, data })
    }
}

/// Why a call did not give what was asked for.
#[derive(Debug)]
pub enum CallError {
    /// The contract refused it.
    Refused(Box<Refusal>),
    /// Anything else.
    Other(ChainError),
}

impl From<CallError> for ChainError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => Self::Refused(refusal),
            CallError::Other(error) => error,
        }
    }
}

/// A connection to a chain's node.
pub struct Rpc {
    endpoint: Endpoint,
    client: RpcClient,
    runtime: Runtime,
}

impl Rpc {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// If the system has no thread for it.
    pub fn new(endpoint: Endpoint) -> Result<Self, ChainError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ChainError::Runtime)?;
        let client = RpcClient::new(endpoint.clone(), endpoint.is_local());
        Ok(Self { endpoint, client, runtime })
    }

    /// Whom it speaks to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn raw<P: RpcSend, R: RpcRecv>(
        &self,
        method: &'static str,
        params: P,
    ) -> Result<R, RpcError<alloy_transport::TransportErrorKind>> {
        self.runtime.block_on(async { self.client.request(method, params).await })
    }

    /// Asks anything.
    ///
    /// # Errors
    /// If the node is down, refuses, or answers something else.
    pub fn ask<P: RpcSend, R: RpcRecv>(&self, method: &'static str, params: P) -> Result<R, ChainError> {
        self.raw(method, params).map_err(|error| self.told(method, error))
    }

    fn told(&self, method: &'static str, error: RpcError<alloy_transport::TransportErrorKind>) -> ChainError {
        match error {
            RpcError::ErrorResp(payload) => {
                ChainError::Rpc { method, code: payload.code, message: cut(&payload.message) }
            }
            RpcError::Transport(error) => {
                ChainError::Down { endpoint: self.endpoint.shown(), reason: error.to_string() }
            }
            RpcError::DeserError { err, .. } => {
                ChainError::Answer { method, expected: "what the method returns", got: cut(&err.to_string()) }
            }
            other => ChainError::Answer { method, expected: "an answer", got: cut(&other.to_string()) },
        }
    }

    /// The chain's id.
    ///
    /// # Errors
    /// As [`Rpc::ask`].
    pub fn chain(&self) -> Result<u64, ChainError> {
        Ok(self.ask::<_, U64>("eth_chainId", json!([]))?.to())
    }

    /// The newest block.
    ///
    /// # Errors
    /// As [`Rpc::ask`].
    pub fn head(&self) -> Result<Head, ChainError> {
        let head: Option<Head> = self.ask("eth_getBlockByNumber", json!(["latest", false]))?;
        head.ok_or(ChainError::Answer {
            method: "eth_getBlockByNumber",
            expected: "the newest block",
            got: "none".into(),
        })
    }

    /// The hash of a block by its number; none if there is none.
    ///
    /// # Errors
    /// As [`Rpc::ask`].
    pub fn block_hash(&self, number: U64) -> Result<Option<B256>, ChainError> {
        let head: Option<Head> = self.ask("eth_getBlockByNumber", json!([number, false]))?;
        Ok(head.map(|head| head.hash))
    }

    /// The code at an address.
    ///
    /// # Errors
    /// As [`Rpc::ask`].
    pub fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        self.ask("eth_getCode", json!([address, "latest"]))
    }

    /// What an account has of the chain's coin.
    ///
    /// # Errors
    /// As [`Rpc::ask`].
    pub fn balance(&self, account: Address) -> Result<U256, ChainError> {
        self.ask("eth_getBalance", json!([account, "latest"]))
    }

    /// Transactions of an account: those in blocks (`latest`), or with those that wait (`pending`).
    ///
    /// # Errors
    /// As [`Rpc::ask`].
    pub fn transactions(&self, account: Address, tag: &'static str) -> Result<u64, ChainError> {
        Ok(self.ask::<_, U64>("eth_getTransactionCount", json!([account, tag]))?.to())
    }

    /// What became of a transaction; none while it is in no block.
    ///
    /// # Errors
    /// As [`Rpc::ask`].
    pub fn receipt(&self, hash: B256) -> Result<Option<Receipt>, ChainError> {
        self.ask("eth_getTransactionReceipt", json!([hash]))
    }

    /// Whether the node has a transaction, in a block or waiting.
    ///
    /// # Errors
    /// As [`Rpc::ask`].
    pub fn knows(&self, hash: B256) -> Result<bool, ChainError> {
        Ok(!self.ask::<_, Value>("eth_getTransactionByHash", json!([hash]))?.is_null())
    }

    /// Hands a signed transaction to the node.
    ///
    /// # Errors
    /// As [`Rpc::ask`]; a node may refuse what it has already.
    pub fn send(&self, transaction: &Bytes) -> Result<B256, ChainError> {
        self.ask("eth_sendRawTransaction", json!([transaction]))
    }

    /// What a proposer asks for on top of the price of gas.
    pub fn tip(&self) -> Option<u128> {
        self.ask::<_, U256>("eth_maxPriorityFeePerGas", json!([])).ok()?.try_into().ok()
    }

    /// Gas that a transaction takes.
    ///
    /// # Errors
    /// [`CallError::Refused`] if a contract would refuse it.
    pub fn estimate(
        &self,
        from: Address,
        to: Option<Address>,
        value: U256,
        data: &Bytes,
    ) -> Result<u64, CallError> {
        let gas: U256 = self.simulate("eth_estimateGas", from, to, value, data)?;
        Ok(gas.saturating_to())
    }

    /// Asks a contract.
    ///
    /// # Errors
    /// [`CallError::Refused`] if it refuses.
    pub fn view<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return, CallError> {
        let data = call.abi_encode().into();
        let answer: Bytes = self.simulate("eth_call", Address::ZERO, Some(to), U256::ZERO, &data)?;
        C::abi_decode_returns(&answer).map_err(|_| {
            CallError::Other(ChainError::Answer {
                method: "eth_call",
                expected: C::SIGNATURE,
                got: cut(&hex::encode(answer.get(..answer.len().min(40)).unwrap_or_default())),
            })
        })
    }

    fn simulate<R: RpcRecv>(
        &self,
        method: &'static str,
        from: Address,
        to: Option<Address>,
        value: U256,
        data: &Bytes,
    ) -> Result<R, CallError> {
        let mut request = json!({ "from": from, "value": value, "input": data });
        if let (Some(to), Some(fields)) = (to, request.as_object_mut()) {
            fields.insert("to".into(), json!(to));
        }
        // Some nodes estimate on the newest block, some on the next one, where no block is named.
        let params = if method == "eth_call" { json!([request, "latest"]) } else { json!([request]) };
        self.raw(method, params).map_err(|error| match reverted(&error) {
            Some(data) => CallError::Refused(Box::new(refusal(&data))),
            None => CallError::Other(self.told(method, error)),
        })
    }

    /// Logs of a contract by their first topics, in blocks of these numbers.
    ///
    /// # Errors
    /// As [`Rpc::ask`]; nodes refuse spans that are too long for them.
    pub fn logs(
        &self,
        address: Address,
        topics: &[Option<B256>],
        from: u64,
        to: u64,
    ) -> Result<Vec<Logged>, ChainError> {
        let span = json!({
            "address": address, "topics": topics, "fromBlock": U64::from(from), "toBlock": U64::from(to),
        });
        self.ask("eth_getLogs", json!([span]))
    }
}

/// The data of a revert, where the error is one.
fn reverted(error: &RpcError<alloy_transport::TransportErrorKind>) -> Option<Vec<u8>> {
    let RpcError::ErrorResp(payload) = error else { return None };
    let data =
        payload.data.as_ref().and_then(|data| hex_in(&serde_json::from_str(RawValue::get(data)).ok()?));
    data.or_else(|| is_revert(payload).then(Vec::new))
}

/// Nodes put it into `data`, or into a field `data` of that.
fn hex_in(data: &Value) -> Option<Vec<u8>> {
    match data {
        Value::String(text) => hex::decode(text.trim_start_matches("Reverted ")).ok(),
        Value::Object(fields) => fields.get("data").or_else(|| fields.get("result")).and_then(hex_in),
        _ => None,
    }
}

/// Geth's code of a revert, or the words that all of them use.
fn is_revert(payload: &ErrorPayload) -> bool {
    payload.code == 3 || payload.message.contains("revert")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_transport::TransportErrorKind;

    fn error(text: &str) -> RpcError<TransportErrorKind> {
        RpcError::ErrorResp(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn the_data_of_a_revert_is_found_wherever_nodes_put_it() {
        for (text, expected) in [
            (r#"{"code":3,"message":"execution reverted","data":"0x0102"}"#, Some(vec![1, 2])),
            (r#"{"code":-32000,"message":"x","data":{"data":"0x0102"}}"#, Some(vec![1, 2])),
            (r#"{"code":-32015,"message":"VM error","data":"Reverted 0x0102"}"#, Some(vec![1, 2])),
            (r#"{"code":-32000,"message":"execution reverted"}"#, Some(vec![])),
            (r#"{"code":-32000,"message":"insufficient funds"}"#, None),
            (r#"{"code":-32000,"message":"nonce too low","data":[1]}"#, None),
        ] {
            assert_eq!(reverted(&error(text)), expected, "{text}");
        }
    }
}
