//! A chain of one's own: what tests need of an EVM, whoever runs it.

use contracts::{Address, B256, Bytes, Log, U256};
use revm::context::result::{ExecutionResult, Output};
use revm::context::{BlockEnv, CfgEnv, Journal, TxEnv};
use revm::context_interface::ContextTr;
use revm::database::{CacheDB, EmptyDB};
use revm::precompile::Precompiles;
use revm::primitives::{TxKind, hardfork::SpecId};
use revm::state::AccountInfo;
use revm::{Context, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext, MainnetEvm};

/// Gas of a transaction: the most that Ethereum admits (EIP-7825).
pub const GAS: u64 = contracts::ETHEREUM_GAS_LIMIT;
/// When chains begin, in seconds since 1970.
pub const GENESIS: u64 = 1_800_000_000;

type Db = CacheDB<EmptyDB>;
type Ctx = Context<BlockEnv, TxEnv, CfgEnv, Db, Journal<Db>, ()>;

/// What became of a transaction.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// What it returned, or why it was refused.
    pub answer: Result<Bytes, Bytes>,
    pub logs: Vec<Log>,
    /// Gas of the whole transaction, refunds deducted.
    pub gas: u64,
    pub created: Option<Address>,
}

/// What tests do with a chain: another one behind JSON-RPC would do.
pub trait Chain {
    fn id(&self) -> u64;
    fn now(&self) -> u64;
    /// The time of the next transactions.
    fn set_time(&mut self, time: u64);
    fn fund(&mut self, account: Address, amount: u128);
    fn balance(&mut self, account: Address) -> U256;
    fn code(&mut self, account: Address) -> Bytes;
    /// The chain's id changes, as it does in a fork: its state stays.
    fn fork(&mut self, id: u64);
    fn set_block_gas_limit(&mut self, limit: u64);
    /// To a contract, or without `to` its creation; with so much gas.
    fn send_with_gas(
        &mut self,
        from: Address,
        to: Option<Address>,
        value: u128,
        data: Bytes,
        gas: u64,
    ) -> Receipt;
    /// The same with the most gas that a transaction may take.
    fn send(&mut self, from: Address, to: Option<Address>, value: u128, data: Bytes) -> Receipt {
        self.send_with_gas(from, to, value, data, GAS)
    }
    /// What a transaction would do; it changes nothing.
    fn ask(&mut self, from: Address, to: Address, value: u128, data: Bytes) -> Receipt;
    /// The same of nobody, with nothing.
    fn view(&mut self, to: Address, data: Bytes) -> Receipt {
        self.ask(Address::ZERO, to, 0, data)
    }
}

/// A chain of this id: revm, or where `PODIUM_ANVIL` names its program, anvil.
pub fn chain(id: u64) -> Box<dyn Chain> {
    match std::env::var("PODIUM_ANVIL") {
        Ok(path) => Box::new(crate::anvil::Anvil::new(&path, id)),
        Err(_) => Box::new(Evm::new(id)),
    }
}

/// revm, with the rules of Ethereum's Osaka. No fees, so that balances are exact.
pub struct Evm {
    evm: MainnetEvm<Ctx>,
    nonces: std::collections::BTreeMap<Address, u64>,
    id: u64,
    now: u64,
}

impl Evm {
    pub fn new(id: u64) -> Self {
        let db = CacheDB::new(EmptyDB::default());
        let mut evm = Context::mainnet()
            .with_db(db)
            .modify_cfg_chained(|cfg| {
                cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
                cfg.chain_id = id;
                cfg.disable_nonce_check = true;
            })
            .modify_block_chained(|block| {
                block.gas_limit = 60_000_000;
                block.basefee = 0;
            })
            .build_mainnet();
        evm.ctx.modify_block(|block| block.timestamp = U256::from(GENESIS));
        Self { evm, nonces: Default::default(), id, now: GENESIS }
    }

    /// A chain that lacks precompiles: a call of their addresses succeeds, with no answer.
    pub fn without_precompiles(mut self, missing: &[u8]) -> Self {
        let all = self.evm.precompiles.precompiles;
        let is_missing =
            |address: &&Address| missing.iter().any(|n| **address == Address::with_last_byte(*n));
        let mut left = Precompiles::default();
        left.extend(all.addresses().filter(|a| !is_missing(a)).filter_map(|a| all.get(a)).cloned());
        // The EVM holds precompiles for as long as the program runs.
        self.evm.precompiles.precompiles = Box::leak(Box::new(left));
        self
    }

    fn transaction(&self, from: Address, to: Option<Address>, value: u128, data: Bytes, gas: u64) -> TxEnv {
        TxEnv::builder()
            .caller(from)
            .kind(to.map_or(TxKind::Create, TxKind::Call))
            .value(U256::from(value))
            .data(data)
            .gas_limit(gas)
            .gas_price(0)
            .nonce(self.nonces.get(&from).copied().unwrap_or(0))
            .chain_id(Some(self.id))
            .build()
            .unwrap()
    }
}

fn receipt(result: ExecutionResult) -> Receipt {
    let gas = result.tx_gas_used();
    match result {
        ExecutionResult::Success { logs, output, .. } => {
            let created = match &output {
                Output::Create(_, address) => *address,
                Output::Call(_) => None,
            };
            Receipt { answer: Ok(output.into_data()), logs, gas, created }
        }
        ExecutionResult::Revert { output, .. } => {
            Receipt { answer: Err(output), logs: vec![], gas, created: None }
        }
        ExecutionResult::Halt { .. } => {
            Receipt { answer: Err(Bytes::new()), logs: vec![], gas, created: None }
        }
    }
}

impl Chain for Evm {
    fn id(&self) -> u64 {
        self.id
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn set_time(&mut self, time: u64) {
        self.now = time;
        self.evm.ctx.modify_block(|block| block.timestamp = U256::from(time));
    }

    fn fund(&mut self, account: Address, amount: u128) {
        let db = self.evm.ctx.db_mut();
        let mut info = db.load_account(account).unwrap().info.clone();
        info.balance += U256::from(amount);
        db.insert_account_info(account, AccountInfo { ..info });
    }

    fn balance(&mut self, account: Address) -> U256 {
        self.evm.ctx.db_mut().load_account(account).unwrap().info.balance
    }

    fn code(&mut self, account: Address) -> Bytes {
        let info = self.evm.ctx.db_mut().load_account(account).unwrap().info.clone();
        info.code.map(|code| code.original_bytes()).unwrap_or_default()
    }

    fn fork(&mut self, id: u64) {
        self.id = id;
        self.evm.ctx.modify_cfg(|cfg| cfg.chain_id = id);
    }

    fn set_block_gas_limit(&mut self, limit: u64) {
        self.evm.ctx.modify_block(|block| block.gas_limit = limit);
    }

    fn send_with_gas(
        &mut self,
        from: Address,
        to: Option<Address>,
        value: u128,
        data: Bytes,
        gas: u64,
    ) -> Receipt {
        let transaction = self.transaction(from, to, value, data, gas);
        *self.nonces.entry(from).or_default() += 1;
        receipt(self.evm.transact_commit(transaction).unwrap())
    }

    fn ask(&mut self, from: Address, to: Address, value: u128, data: Bytes) -> Receipt {
        let transaction = self.transaction(from, Some(to), value, data, GAS);
        receipt(self.evm.transact(transaction).unwrap().result)
    }
}

/// An account of a test, by number.
pub fn account(number: u8) -> Address {
    let mut bytes = [0xac; 20];
    bytes[19] = number;
    bytes.into()
}

pub fn hash(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}
