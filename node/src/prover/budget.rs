//! How much memory proving takes, how much there is, and how many proofs at once that makes.

use circuits::ClassId;
use circuits::groth16::{Cost, cost};
use circuits::model::BoundsError;
use std::path::Path;

/// Memory of the program itself, before there is any key.
const PROGRAM_BYTES: u64 = 12 << 20;
/// Copies of a test set's encoded bytes that live at once: as read, in memory with two bytes a value, encoded again.
const TEST_SET_COPIES: u64 = 4;

/// Why nothing is proved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BudgetError {
    /// Not even one proof fits.
    #[error(
        "size class {class} needs {} of memory for one proof at a time, the budget is {}: {}",
        size(*needed), size(*budget), instead(*smaller, *needed)
    )]
    Memory {
        /// The size class.
        class: ClassId,
        /// Bytes that one proof at a time takes.
        needed: u64,
        /// Bytes that may be used.
        budget: u64,
        /// A class that the competition admits, that holds the model and that fits, and its need.
        smaller: Option<(ClassId, u64)>,
    },
    /// The size class is unsound.
    #[error(transparent)]
    Bounds(#[from] BoundsError),
}

/// Bytes in mebibytes, rounded up: what `--memory` would have to be.
fn size(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

fn instead(smaller: Option<(ClassId, u64)>, needed: u64) -> String {
    match smaller {
        Some((class, bytes)) => format!("--size-class {class} would fit, it needs {}", size(bytes)),
        None => format!(
            "no smaller size class of this competition holds the model; --memory {}MiB would do",
            needed.div_ceil(1 << 20)
        ),
    }
}

/// What proving a submission takes, and how it is done within a budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// The size class.
    pub class: ClassId,
    /// What it costs.
    pub cost: Cost,
    /// Chunks of the test set.
    pub chunks: usize,
    /// Bytes that may be used; none if nobody knows a bound.
    pub budget: Option<u64>,
    /// Proofs that fit at once; none if nobody knows a bound.
    pub fitting: Option<usize>,
    /// Proofs that are made at once.
    pub jobs: usize,
    /// Memory of everything but the key and the proofs.
    base: u64,
}

impl Plan {
    /// A plan for `chunks` chunks of a test set whose encoding has `set_bytes` bytes, for as many jobs as were asked
    /// for, or half as many as there are cores: a proof uses several itself.
    ///
    /// # Errors
    /// If the class is unsound.
    pub fn new(
        class: ClassId,
        chunks: usize,
        set_bytes: u64,
        budget: Option<u64>,
        jobs: Option<usize>,
    ) -> Result<Self, BudgetError> {
        let cost = cost(class.class())?;
        let base = PROGRAM_BYTES.saturating_add(set_bytes.saturating_mul(TEST_SET_COPIES));
        let rest = |budget: u64| budget.saturating_sub(base.saturating_add(cost.key_memory_bytes));
        let fit =
            |budget| usize::try_from(rest(budget) / cost.proof_memory_bytes.max(1)).unwrap_or(usize::MAX);
        let fitting = budget.map(fit);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = jobs.unwrap_or(cores.div_ceil(2)).min(chunks);
        let jobs = fitting.map_or(wanted, |fitting| wanted.min(fitting)).max(1);
        Ok(Self { class, cost, chunks, budget, fitting, jobs, base })
    }

    /// Memory with so many proofs at once.
    fn bytes(&self, jobs: usize) -> u64 {
        let proofs = self.cost.proof_memory_bytes.saturating_mul(jobs as u64);
        self.base.saturating_add(self.cost.key_memory_bytes).saturating_add(proofs)
    }

    /// The least memory: one proof at a time.
    pub fn needed_bytes(&self) -> u64 {
        self.bytes(1)
    }

    /// Expected peak memory.
    pub fn peak_bytes(&self) -> u64 {
        self.bytes(self.jobs)
    }

    /// Proofs in all: that of the model, and one a chunk.
    pub fn proofs(&self) -> usize {
        self.chunks.saturating_add(1)
    }

    /// Expected seconds of all proofs.
    pub fn seconds(&self, seconds_per_unit: f64) -> f64 {
        self.cost.seconds(seconds_per_unit) * self.proofs() as f64
    }

    /// Whether at least one proof fits.
    pub fn fits(&self) -> bool {
        self.fitting.is_none_or(|fitting| fitting > 0)
    }

    /// # Errors
    /// If not even one proof fits; `others` are the plans of the other size classes that hold the model.
    pub fn check(&self, others: impl IntoIterator<Item = Plan>) -> Result<(), BudgetError> {
        let Some(budget) = self.budget.filter(|_| !self.fits()) else { return Ok(()) };
        let smaller = others.into_iter().filter(Plan::fits).min_by_key(Plan::needed_bytes);
        let smaller = smaller.map(|plan| (plan.class, plan.needed_bytes()));
        Err(BudgetError::Memory { class: self.class, needed: self.needed_bytes(), budget, smaller })
    }
}

/// Memory that this process may take: what the system calls available, or the limit of its control group, if that is
/// lower. Nothing where the system tells neither.
pub fn available() -> Option<u64> {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let free = read(Path::new("/proc/meminfo")).and_then(|text| mem_available(&text));
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let limits =
        group_files(&groups).into_iter().filter_map(|file| read(Path::new(&file))?.trim().parse().ok());
    limits.chain(free).min()
}

fn mem_available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Where the memory limits of these control groups stand, those of all groups above included.
fn group_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let above = Path::new(path).ancestors().map(|dir| dir.display().to_string());
        files.extend(above.map(|dir| format!("{root}{}/{file}", dir.trim_end_matches('/'))));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(name: &str) -> ClassId {
        name.parse().unwrap()
    }

    #[test]
    fn as_many_proofs_at_once_as_fit_but_no_more_than_asked_for() {
        let class = class("linear-30-2");
        let plan = |budget, jobs| Plan::new(class, 8, 1000, budget, jobs).unwrap();
        let free = plan(None, Some(3));
        assert_eq!((free.jobs, free.fitting, free.proofs()), (3, None, 9));
        let cost = free.cost;
        let exact = free.needed_bytes() + cost.proof_memory_bytes;
        assert_eq!(plan(Some(exact), Some(3)).jobs, 2);
        assert_eq!(plan(Some(exact), Some(3)).peak_bytes(), exact);
        assert_eq!(plan(Some(exact - 1), Some(3)).jobs, 1);
        assert_eq!(plan(Some(u64::MAX), Some(100)).jobs, 8, "no more than there are chunks");
        let none = plan(Some(free.needed_bytes() - 1), None);
        assert_eq!((none.fitting, none.fits()), (Some(0), false));
    }

    #[test]
    fn what_does_not_fit_is_told_what_would() {
        let large = Plan::new(class("mlp-64-32-10"), 1, 0, Some(100 << 20), None).unwrap();
        let small = Plan::new(class("linear-64-10"), 1, 0, Some(1 << 40), None).unwrap();
        let error = large.check([]).unwrap_err().to_string();
        assert!(
            error.contains(&format!("--memory {}MiB", large.needed_bytes().div_ceil(1 << 20))),
            "{error}"
        );
        let error = large.check([small]).unwrap_err().to_string();
        assert!(error.contains("--size-class linear-64-10 would fit"), "{error}");
        let unfit = Plan::new(class("linear-64-10"), 1, 0, Some(1), None).unwrap();
        assert!(matches!(large.check([unfit]), Err(BudgetError::Memory { smaller: None, .. })));
        assert_eq!(small.check([]), Ok(()));
    }

    #[test]
    fn limits_of_all_groups_above_count() {
        assert_eq!(
            group_files("0::/a/b\n"),
            ["/sys/fs/cgroup/a/b/memory.max", "/sys/fs/cgroup/a/memory.max", "/sys/fs/cgroup/memory.max"]
        );
        let old = group_files("5:cpu:/x\n4:hugetlb,memory:/y\nnonsense\n");
        assert_eq!(
            old,
            ["/sys/fs/cgroup/memory/y/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        );
        assert_eq!(mem_available("MemTotal: 9 kB\nMemAvailable:   3 kB\n"), Some(3072));
        assert_eq!(mem_available("MemAvailable: many kB\n"), None);
    }
}
