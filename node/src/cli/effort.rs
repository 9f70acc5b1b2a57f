//! The options that bound what proving takes.

use super::output;
use super::score::Trial;
use crate::limits::PROVER_JOBS;
use crate::prover::{BudgetError, Plan, available};
use bytesize::ByteSize;
use circuits::ClassId;
use serde::Deserialize;

/// How much memory, and how many proofs at once.
#[derive(clap::Args, Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Effort {
    /// Memory that proving may take, such as 512MiB or 2GB [default: what is available].
    #[arg(long, env = "PODIUM_MEMORY", hide_env_values = true, value_name = "SIZE")]
    memory: Option<ByteSize>,
    /// Proofs at once, as far as they fit into the memory [default: half as many as there are cores].
    #[arg(long, env = "PODIUM_JOBS", hide_env_values = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(PROVER_JOBS)))]
    jobs: Option<u16>,
}

impl Effort {
    /// How so many chunks of a test set of so many bytes are proved.
    pub fn plan(self, class: ClassId, chunks: usize, set_bytes: u64) -> Result<Plan, BudgetError> {
        let budget = self.memory.map(|size| size.as_u64()).or_else(available);
        Plan::new(class, chunks, set_bytes, budget, self.jobs.map(usize::from))
    }

    /// The same for a model that has been scored.
    pub fn plan_of(self, trial: &Trial) -> Result<Plan, BudgetError> {
        let bytes = trial.scoring.test_set.bytes;
        self.plan(trial.admitted.class, trial.scored.chunks.len(), bytes)
    }

    /// Refuses a plan that does not fit into memory, and says what would.
    pub fn check(self, plan: &Plan, trial: &Trial) -> Result<(), BudgetError> {
        let other = |class: ClassId| {
            let chunks = trial.set.rows().div_ceil(class.class().rows);
            self.plan(class, chunks, trial.scoring.test_set.bytes).ok()
        };
        plan.check(trial.other_classes().into_iter().filter_map(other))
    }

    /// Says that fewer proofs are made at once than were asked for.
    pub fn explain(self, plan: &Plan) {
        if let Some(fitting) = plan.fitting.filter(|&fitting| fitting < self.jobs.map_or(0, usize::from)) {
            let memory = output::bytes(plan.budget.unwrap_or_default());
            output::message(&format!("{fitting} proofs at once: no more fit into {memory} of memory"));
        }
    }
}
