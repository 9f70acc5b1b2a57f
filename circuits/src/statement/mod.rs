//! What is public: the test set, and (with the claim and the ids) the statement that a proof is bound to.

mod claim;
mod evm;
mod public;
mod test_set;

pub use claim::{Chunk, Competitor, Scope, ScoreClaim};
pub use public::{Challenges, PublicInputs, be_bytes};
pub use test_set::{Feature, MAX_ROWS, MAX_TEST_SET_BYTES, Task, TaskError, TestSet, TestSetError};
