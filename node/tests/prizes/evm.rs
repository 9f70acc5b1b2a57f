//! A chain in this process: an EVM behind JSON-RPC on loopback. It does what real chains do to people: it is down, hangs
//! up, loses transactions, replaces blocks, and lets others take a transaction's number.

use alloy_consensus::TxEip1559;
use alloy_consensus::transaction::RlpEcdsaDecodableTx;
use alloy_primitives::{Address, B256, Bytes, U64, U256, hex, keccak256};
use alloy_sol_types::{SolCall, sol};
use revm::bytecode::Bytecode;
use revm::context::result::{ExecutionResult, Output};
use revm::context::{BlockEnv, CfgEnv, Journal, TxEnv};
use revm::database::{CacheDB, EmptyDB};
use revm::primitives::{TxKind, hardfork::SpecId};
use revm::state::AccountInfo;
use revm::{Context, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext, MainnetEvm};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

pub const ID: u64 = 31_337;
const GAS: u64 = 1 << 24;

/// The factory of most chains.
const FACTORY_CODE: &str = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f5801515\
    6039578182fd5b8082525050506014600cf3";

sol! {
    function mint(address account, uint256 amount);
    function balanceOf(address account);
}

type Db = CacheDB<EmptyDB>;
type Ctx<'a> = Context<BlockEnv, TxEnv, CfgEnv, &'a mut Db, Journal<&'a mut Db>, ()>;

/// What goes wrong, once, at which method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks before anything is done.
    HangUpBefore(&'static str),
    /// It is done, and the connection breaks before the answer.
    HangUpAfter(&'static str),
    /// Another transaction of the account comes first, so often.
    Race(u32),
    /// After a transaction is in a block and somebody has seen that so often, its block and all that follow are replaced,
    /// and the transaction is lost.
    Reorganise(u8),
}

#[derive(Clone)]
struct Block {
    hash: B256,
    time: u64,
    state: Db,
    nonces: BTreeMap<Address, u64>,
    logs: Vec<Value>,
    receipts: BTreeMap<B256, Value>,
}

struct Transaction {
    hash: B256,
    from: Address,
    body: TxEip1559,
}

/// The chain's state and its faults.
pub struct Chain {
    /// The newest block's.
    state: Db,
    pub id: u64,
    blocks: Vec<Block>,
    waiting: Vec<Transaction>,
    /// Whether blocks are made when transactions come.
    pub mines: bool,
    /// Whether a block is made whenever somebody asks for the newest one.
    pub mines_when_asked: bool,
    pub is_down: bool,
    /// What gas costs, in wei.
    pub base_fee: u64,
    /// Most blocks in which it searches events at once.
    pub log_span: u64,
    pub fault: Option<Fault>,
    /// Transactions of others' making that took a number.
    pub raced: u64,
    salt: u64,
}

impl Chain {
    fn new(now: u64) -> Self {
        let mut state = Db::default();
        let code = Bytecode::new_raw(hex::decode(FACTORY_CODE).unwrap().into());
        state.insert_account_info(contracts::FACTORY, AccountInfo::default().with_code(code));
        let genesis = Block {
            hash: keccak256("genesis"),
            time: now,
            state: state.clone(),
            nonces: BTreeMap::new(),
            logs: Vec::new(),
            receipts: BTreeMap::new(),
        };
        Self {
            state,
            id: ID,
            blocks: vec![genesis],
            waiting: Vec::new(),
            mines: true,
            mines_when_asked: false,
            is_down: false,
            base_fee: 1_000_000_000,
            log_span: u64::MAX,
            fault: None,
            raced: 0,
            salt: 0,
        }
    }

    fn head(&self) -> &Block {
        self.blocks.last().unwrap()
    }

    pub fn now(&self) -> u64 {
        self.head().time
    }

    /// Transactions of an account that are in blocks.
    pub fn transactions(&self, account: Address) -> u64 {
        self.head().nonces.get(&account).copied().unwrap_or(0)
    }

    /// Transactions that are in no block.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub fn fund(&mut self, account: Address, amount: U256) {
        let mut info = self.state.load_account(account).unwrap().info.clone();
        info.balance = amount;
        self.state.insert_account_info(account, info);
        self.blocks.last_mut().unwrap().state = self.state.clone();
    }

    /// A transaction of nobody's, without a price: the contract that it creates.
    fn transact(&mut self, to: Option<Address>, data: Bytes) -> Option<Address> {
        let (number, time) = (self.blocks.len() as u64, self.now());
        let transaction = TxEnv::builder()
            .caller(Address::repeat_byte(0xee))
            .kind(to.map_or(TxKind::Create, TxKind::Call))
            .data(data)
            .gas_limit(GAS)
            .gas_price(0)
            .chain_id(Some(ID))
            .build()
            .unwrap();
        let result = evm(&mut self.state, number, time, 0).transact_commit(transaction).unwrap();
        let ExecutionResult::Success { output, .. } = result else { panic!("{result:?}") };
        self.blocks.last_mut().unwrap().state = self.state.clone();
        match output {
            Output::Create(_, address) => address,
            Output::Call(_) => None,
        }
    }

    /// A contract with the same code as another one, that its creator has put there in another way.
    pub fn copy(&mut self, of: Address) -> Address {
        let code = self.state.load_account(of).unwrap().info.code.clone().unwrap().original_bytes();
        let length = u16::try_from(code.len()).unwrap().to_be_bytes();
        // PUSH2 length, DUP1, PUSH1 offset, PUSH0, CODECOPY, PUSH0, RETURN.
        let initcode = [&[0x61][..], &length, &[0x80, 0x60, 10, 0x5f, 0x39, 0x5f, 0xf3], &code].concat();
        self.transact(None, initcode.into()).unwrap()
    }

    /// A token of which these accounts have so much each.
    pub fn token(&mut self, accounts: &[Address], amount: U256) -> Address {
        let artefact = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/artefacts/test/TestToken.json");
        let artefact: Value = serde_json::from_str(&std::fs::read_to_string(artefact).unwrap()).unwrap();
        let token = self.transact(None, parse(&artefact["bytecode"]["object"])).unwrap();
        for &account in accounts {
            self.transact(Some(token), mintCall { account, amount }.abi_encode().into());
        }
        token
    }

    pub fn tokens(&mut self, token: Address, account: Address) -> U256 {
        let call = json!({ "from": account, "to": token, "input": Bytes::from(balanceOfCall { account }.abi_encode()) });
        let ExecutionResult::Success { output, .. } = self.simulate(&call) else { panic!("no balance") };
        U256::from_be_slice(output.data())
    }

    pub fn balance(&mut self, account: Address) -> U256 {
        self.state.load_account(account).unwrap().info.balance
    }

    /// Makes a block of this time with what waits.
    pub fn mine(&mut self, time: u64) {
        let number = self.blocks.len() as u64;
        self.salt += 1;
        let hash = keccak256(format!("block {number} {}", self.salt));
        let mut nonces = self.head().nonces.clone();
        let (mut logs, mut receipts) = (Vec::new(), BTreeMap::new());
        let mut rest = Vec::new();
        for transaction in std::mem::take(&mut self.waiting) {
            let next = nonces.entry(transaction.from).or_default();
            let is_cheap = transaction.body.max_fee_per_gas < u128::from(self.base_fee);
            if transaction.body.nonce != *next || is_cheap {
                if transaction.body.nonce >= *next {
                    rest.push(transaction);
                }
                continue;
            }
            *next += 1;
            let mut evm = evm(&mut self.state, number, time, self.base_fee);
            let result = evm.transact_commit(environment_of(&transaction)).unwrap();
            let receipt = receipt(&transaction, &result, number, hash, self.base_fee, &mut logs);
            receipts.insert(transaction.hash, receipt);
        }
        self.waiting = rest;
        self.blocks.push(Block { hash, time, state: self.state.clone(), nonces, logs, receipts });
    }

    /// The blocks from this one on are replaced by empty ones; their transactions are lost.
    fn reorganise(&mut self, from: usize) {
        let lost = self.blocks.split_off(from);
        self.state = self.head().state.clone();
        for block in lost {
            self.mine(block.time);
        }
    }

    /// What a call would do in the next block: its result, and nothing else.
    fn simulate(&mut self, call: &Value) -> ExecutionResult {
        let (number, time) = (self.blocks.len() as u64, self.now() + 1);
        let from: Address = parse(&call["from"]);
        let value: U256 = if call["value"].is_null() { U256::ZERO } else { parse(&call["value"]) };
        let to = if call["to"].is_null() { TxKind::Create } else { TxKind::Call(parse(&call["to"])) };
        let transaction = TxEnv::builder()
            .caller(from)
            .kind(to)
            .value(value)
            .data(parse(&call["input"]))
            .gas_limit(GAS)
            .gas_price(0)
            .nonce(self.transactions(from))
            .chain_id(Some(ID))
            .build()
            .unwrap();
        evm(&mut self.state, number, time, 0).transact(transaction).unwrap().result
    }

    fn take(&mut self, raw: &Bytes) -> Result<Value, Value> {
        let signed =
            TxEip1559::eip2718_decode(&mut raw.as_ref()).map_err(|e| error(-32000, &e.to_string()))?;
        let (hash, from) = (*signed.hash(), signed.recover_signer().unwrap());
        if let Some(Fault::Race(left)) = self.fault {
            self.fault = left.checked_sub(2).map(|left| Fault::Race(left + 1));
            self.raced += 1;
            let next = self.head().nonces.get(&from).copied().unwrap_or(0) + 1;
            self.mine(self.now() + 1);
            self.blocks.last_mut().unwrap().nonces.insert(from, next);
        }
        let body = signed.strip_signature();
        assert_eq!(body.chain_id, self.id, "a transaction of another chain");
        if body.nonce < self.transactions(from) {
            return Err(error(-32000, "nonce too low"));
        }
        if self.waiting.iter().any(|t| t.hash == hash) {
            return Err(error(-32000, "already known"));
        }
        let same = |t: &Transaction| t.from == from && t.body.nonce == body.nonce;
        if let Some(at) = self.waiting.iter().position(same) {
            let old = &self.waiting[at].body;
            let more = |old: u128, new: u128| new * 10 >= old * 11;
            if !more(old.max_fee_per_gas, body.max_fee_per_gas)
                || !more(old.max_priority_fee_per_gas, body.max_priority_fee_per_gas)
            {
                return Err(error(-32000, "replacement transaction underpriced"));
            }
            self.waiting.remove(at);
        }
        self.waiting.push(Transaction { hash, from, body });
        if self.mines {
            self.mine(self.now() + 1);
        }
        Ok(json!(hash))
    }

    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        match method {
            "eth_chainId" => Ok(json!(U64::from(self.id))),
            "eth_maxPriorityFeePerGas" => Ok(json!("0x1")),
            "eth_getBlockByNumber" => {
                if self.mines_when_asked && params[0] == "latest" {
                    self.mine(self.now() + 1);
                }
                let number =
                    if params[0] == "latest" { self.blocks.len() - 1 } else { parse::<U64>(&params[0]).to() };
                Ok(self.blocks.get(number).map_or(Value::Null, |block| {
                    json!({
                        "number": U64::from(number), "hash": block.hash, "timestamp": U64::from(block.time),
                        "gasLimit": U64::from(60_000_000u64), "baseFeePerGas": U256::from(self.base_fee),
                    })
                }))
            }
            "eth_getCode" => {
                let info = self.state.load_account(parse(&params[0])).unwrap().info.clone();
                Ok(json!(info.code.map(|code| code.original_bytes()).unwrap_or_default()))
            }
            "eth_getBalance" => Ok(json!(self.balance(parse(&params[0])))),
            "eth_getTransactionCount" => {
                let account = parse(&params[0]);
                let waiting = self.waiting.iter().filter(|t| t.from == account).count() as u64;
                let more = if params[1] == "pending" { waiting } else { 0 };
                Ok(json!(U64::from(self.transactions(account) + more)))
            }
            "eth_getTransactionReceipt" => {
                let hash: B256 = parse(&params[0]);
                let Some(at) = self.blocks.iter().position(|block| block.receipts.contains_key(&hash)) else {
                    return Ok(Value::Null);
                };
                let found = self.blocks[at].receipts[&hash].clone();
                if let Some(Fault::Reorganise(left)) = self.fault {
                    self.fault = left.checked_sub(1).map(Fault::Reorganise);
                    if left == 0 {
                        self.reorganise(at);
                    }
                }
                Ok(found)
            }
            "eth_getTransactionByHash" => {
                let hash: B256 = parse(&params[0]);
                let known = self.waiting.iter().any(|t| t.hash == hash)
                    || self.blocks.iter().any(|block| block.receipts.contains_key(&hash));
                Ok(if known { json!({ "hash": hash }) } else { Value::Null })
            }
            "eth_sendRawTransaction" => self.take(&parse(&params[0])),
            "eth_estimateGas" => match self.simulate(&params[0]) {
                // Refunds come back only afterwards.
                result @ ExecutionResult::Success { .. } => {
                    Ok(json!(U64::from(result.tx_gas_used() * 5 / 4)))
                }
                result => Err(reverted(&result)),
            },
            "eth_call" => match self.simulate(&params[0]) {
                ExecutionResult::Success { output, .. } => Ok(json!(output.into_data())),
                result => Err(reverted(&result)),
            },
            "eth_getLogs" => self.logs(&params[0]),
            other => Err(error(-32601, &format!("no method {other}"))),
        }
    }

    fn logs(&self, span: &Value) -> Result<Value, Value> {
        let [from, to] = ["fromBlock", "toBlock"].map(|end| parse::<U64>(&span[end]).to::<usize>());
        if (to - from) as u64 >= self.log_span {
            return Err(error(-32005, "query exceeds max block range"));
        }
        let topics = span["topics"].as_array().unwrap();
        let matches = |log: &&Value| {
            let same = |(i, topic): (usize, &Value)| topic.is_null() || *topic == log["topics"][i];
            log["address"] == span["address"] && topics.iter().enumerate().all(same)
        };
        let blocks = self.blocks.iter().take(to + 1).skip(from);
        Ok(json!(blocks.flat_map(|block| &block.logs).filter(matches).collect::<Vec<_>>()))
    }
}

fn evm(state: &mut Db, number: u64, time: u64, base_fee: u64) -> MainnetEvm<Ctx<'_>> {
    let block = |block: &mut BlockEnv| {
        block.number = U256::from(number);
        block.timestamp = U256::from(time);
        block.basefee = base_fee;
        block.gas_limit = 60_000_000;
    };
    Context::mainnet()
        .with_db(state)
        .modify_cfg_chained(|cfg| {
            cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
            cfg.chain_id = ID;
            cfg.disable_nonce_check = true;
        })
        .modify_block_chained(block)
        .build_mainnet()
}

fn environment_of(transaction: &Transaction) -> TxEnv {
    let body = &transaction.body;
    TxEnv::builder()
        .caller(transaction.from)
        .kind(body.to)
        .value(body.value)
        .data(body.input.clone())
        .gas_limit(body.gas_limit)
        .gas_price(body.max_fee_per_gas)
        .gas_priority_fee(Some(body.max_priority_fee_per_gas))
        .nonce(body.nonce)
        .chain_id(Some(ID))
        .build()
        .unwrap()
}

fn receipt(
    transaction: &Transaction,
    result: &ExecutionResult,
    number: u64,
    block: B256,
    base_fee: u64,
    all: &mut Vec<Value>,
) -> Value {
    let mut created = None;
    if let ExecutionResult::Success { output, logs, .. } = result {
        if let Output::Create(_, address) = output {
            created = *address;
        }
        all.extend(logs.iter().map(|log| {
            json!({
                "address": log.address, "topics": log.data.topics(), "data": log.data.data,
                "blockNumber": U64::from(number),
            })
        }));
    }
    let body = &transaction.body;
    let price = body.max_fee_per_gas.min(u128::from(base_fee) + body.max_priority_fee_per_gas);
    json!({
        "transactionHash": transaction.hash, "blockHash": block, "blockNumber": U64::from(number),
        "status": U64::from(u64::from(result.is_success())), "gasUsed": U64::from(result.tx_gas_used()),
        "effectiveGasPrice": U256::from(price), "contractAddress": created,
    })
}

fn error(code: i64, message: &str) -> Value {
    json!({ "code": code, "message": message })
}

fn reverted(result: &ExecutionResult) -> Value {
    let data = match result {
        ExecutionResult::Revert { output, .. } => output.clone(),
        _ => Bytes::new(),
    };
    json!({ "code": 3, "message": "execution reverted", "data": data })
}

fn parse<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

/// The chain and its address. It ends with the test.
pub struct Server {
    pub url: String,
    chain: Arc<Mutex<Chain>>,
}

impl Server {
    pub fn start(now: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let chain = Arc::new(Mutex::new(Chain::new(now)));
        let shared = Arc::clone(&chain);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let _ = serve(&shared, stream); // whoever hangs up gets no answer
            }
        });
        Self { url, chain }
    }

    pub fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn serve(chain: &Mutex<Chain>, stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let method = request["method"].as_str().unwrap_or_default().to_owned();
    let answer = {
        let mut chain = chain.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is = |fault: Option<Fault>, wanted: fn(&'static str) -> Fault| match fault {
            Some(Fault::HangUpBefore(at) | Fault::HangUpAfter(at)) => {
                at == method && fault == Some(wanted(at))
            }
            _ => false,
        };
        if chain.is_down || is(chain.fault, Fault::HangUpBefore) {
            return Ok(());
        }
        let hang_up = is(chain.fault, Fault::HangUpAfter);
        let answer = chain.answer(&method, &request["params"]);
        if hang_up {
            return Ok(());
        }
        answer
    };
    let mut reply = json!({ "jsonrpc": "2.0", "id": request["id"] });
    match answer {
        Ok(result) => reply["result"] = result,
        Err(error) => reply["error"] = error,
    }
    let reply = reply.to_string();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{reply}",
        reply.len()
    )
}
