//! From a model to signed records: quantise, commit, model proof, score proofs, and the check of everything.
//!
//! ```text
//! contest      the competition;  scored: what the model reaches in it
//! entrant      enters a model
//! workbench    makes a submission out of all
//! chunks       several proofs at a time;  chunk_file: each as a file
//! job          the shared folder of an array job;  job_parts: what a machine reads from it
//! budget       how many proofs at once;  calibration: how long they take
//! ```

mod budget;
mod calibration;
mod chunk_file;
mod chunks;
mod contest;
mod entrant;
mod error;
mod job;
mod job_parts;
mod scored;
#[cfg(test)]
mod tests;
mod workbench;

pub use budget::{BudgetError, Plan, available};
pub use calibration::Calibration;
pub use chunk_file::{Check, ChunkFileError, ChunkFolder};
pub use chunks::{Shared, Stage, prove_all};
pub use contest::{Contest, check_name};
pub use entrant::{Entered, Entrant};
pub use error::ProverError;
pub use job::{Job, JobError, JobFolder};
pub use job_parts::{Parts, verify_entry};
pub use scored::Scored;
pub use workbench::{Made, Source, Workbench};
