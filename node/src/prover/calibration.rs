//! How fast this machine proves: measured once, and kept in the data folder.

use crate::home::{Home, HomeError, read_input, write_private};
use circuits::groth16::{COST_VERSION, Probe};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::{Duration, Instant};

const VERSION: u32 = 1;
/// Longest file.
const MAX_BYTES: u64 = 4 << 10;
/// Longest name of a processor that is looked at, in characters.
const MAX_NAME: usize = 128;
/// Seconds per unit of work that a machine may have: anything else is a damaged file.
const POSSIBLE: std::ops::Range<f64> = 1e-10..1e-2;

/// How fast a machine proves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    version: u32,
    /// Of the units and the probe.
    cost_version: u32,
    /// Cores that this process may use.
    cores: usize,
    /// What the system calls the processor.
    processor: String,
    /// What was measured.
    pub seconds_per_unit: f64,
}

/// How long the probe goes on.
const PROBE_TIME: Duration = Duration::from_millis(300);

/// The shortest of several measurements, with all cores.
fn seconds_per_unit() -> f64 {
    let probe = Probe::new();
    let begin = Instant::now();
    let mut shortest = f64::INFINITY;
    while shortest.is_infinite() || begin.elapsed() < PROBE_TIME {
        let start = Instant::now();
        let units = probe.run();
        shortest = shortest.min(start.elapsed().as_secs_f64() / units as f64);
    }
    shortest
}

impl Calibration {
    /// Measures now.
    pub fn measure() -> Self {
        Self {
            version: VERSION,
            cost_version: COST_VERSION,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: processor(),
            seconds_per_unit: seconds_per_unit(),
        }
    }

    /// Whether it is of this machine and of this program.
    fn is_current(&self) -> bool {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (self.version, self.cost_version, self.cores) == (VERSION, COST_VERSION, cores)
            && self.processor == processor()
    }

    /// The stored calibration, or a new one if there is none, it is another machine's, it is damaged, or `again` says
    /// so. `message` is told why.
    ///
    /// # Errors
    /// If the new one cannot be stored.
    pub fn load_or_measure(home: &Home, again: bool, message: &dyn Fn(&str)) -> Result<Self, HomeError> {
        let path = home.calibration();
        let stored = if path.exists() && !again { Some(read(&path)) } else { None };
        match stored {
            Some(Ok(stored)) if stored.is_current() => return Ok(stored),
            Some(Ok(_)) => message("the calibration is of another machine or version: measuring again"),
            Some(Err(reason)) => {
                message(&format!("{}: no calibration ({reason}): measuring again", path.display()));
            }
            None => message("measuring how fast this machine proves"),
        }
        let measured = Self::measure();
        let bytes = serde_json::to_vec_pretty(&measured).map_err(|error| HomeError::Malformed {
            path: path.clone(),
            expected: "a calibration that can be encoded",
            got: error.to_string(),
        })?;
        write_private(&path, &bytes)?;
        Ok(measured)
    }
}

fn read(path: &Path) -> Result<Calibration, String> {
    let bytes = read_input(path, MAX_BYTES).map_err(|error| error.to_string())?;
    let read: Calibration = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if POSSIBLE.contains(&read.seconds_per_unit) {
        return Ok(read);
    }
    Err(format!("expected {POSSIBLE:?} seconds per unit, got {}", read.seconds_per_unit))
}

/// The processor's name, where the system tells it.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let name = name.trim_start_matches([' ', '\t', ':']);
    if name.is_empty() { std::env::consts::ARCH.to_owned() } else { name.chars().take(MAX_NAME).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn it_is_measured_once_and_again_when_the_file_is_of_no_use() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().to_owned()), None).unwrap();
        let messages = Cell::new(0);
        let count = |_: &str| messages.set(messages.get() + 1);
        let load = |again| Calibration::load_or_measure(&home, again, &count).unwrap();
        let first = load(false);
        assert_eq!(messages.get(), 1);
        assert_eq!((load(false), messages.get()), (first.clone(), 1), "stored");
        load(true);
        assert_eq!(messages.get(), 2);
        let other = |edit: &dyn Fn(&mut Calibration)| {
            let mut calibration = first.clone();
            edit(&mut calibration);
            serde_json::to_vec(&calibration).unwrap()
        };
        let unusable = [
            b"{".to_vec(),
            b"".to_vec(),
            vec![b' '; 10_000],
            other(&|c| c.seconds_per_unit = 0.0),
            other(&|c| c.seconds_per_unit = 1e300),
            other(&|c| c.cores += 1),
            other(&|c| c.processor.push('x')),
            other(&|c| c.version += 1),
            other(&|c| c.cost_version += 1),
        ];
        for (i, bytes) in unusable.iter().enumerate() {
            std::fs::write(home.calibration(), bytes).unwrap();
            let again = load(false);
            assert_eq!(messages.get(), 3 + i);
            assert!(again.is_current() && POSSIBLE.contains(&again.seconds_per_unit));
        }
        std::fs::remove_file(home.calibration()).unwrap();
        std::fs::create_dir(home.calibration()).unwrap();
        assert!(
            Calibration::load_or_measure(&home, false, &count).is_err(),
            "a folder is no file, and no panic"
        );
    }
}
