//! `node bench --scale`: how time and memory grow.

use super::{Context, child, data, peak_bytes, ratio};
use crate::cli::output::{self, Align};
use crate::prover::{Plan, Shared, prove_all};
use circuits::groth16::{commit, cost};
use circuits::model::CATALOGUE;
use circuits::statement::{Chunk, Competitor, Scope};
use circuits::{ClassId, SizeClass};
use protocol::RecordId;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;

const ROWS: [usize; 4] = [256, 1024, 4096, 16_384];
/// Hidden units and classes are measured with so many rows: one chunk of every size class.
const FEW_ROWS: usize = 256;

/// What is proved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    size_class: ClassId,
    rows: usize,
    hidden: usize,
    classes: usize,
}

/// What that took.
#[derive(Serialize, Deserialize)]
struct Measured {
    chunks: usize,
    jobs: usize,
    seconds: f64,
    peak_bytes: Option<u64>,
}

/// One line of the table.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    point: Point,
    #[serde(flatten)]
    measured: Measured,
    predicted_seconds: f64,
    predicted_peak_bytes: u64,
}

/// Seconds as a multiple of the number of chunks.
#[derive(Debug, PartialEq, Serialize)]
struct Fit {
    size_class: ClassId,
    constraints: usize,
    seconds_per_chunk: f64,
    /// Largest difference between measured and fitted seconds, in parts of the fitted ones.
    largest_deviation: f64,
}

impl Point {
    /// Its size class.
    pub fn class(&self) -> ClassId {
        self.size_class
    }

    /// From the command line.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    fn all(class: &SizeClass) -> Vec<Self> {
        let whole =
            Self { size_class: class.id, rows: FEW_ROWS, hidden: class.hidden(), classes: class.classes };
        let rows = ROWS.map(|rows| Self { rows, ..whole.clone() });
        let narrower = [class.hidden() / 4, class.hidden() / 2].into_iter().filter(|&hidden| hidden > 0);
        let narrower = narrower.map(|hidden| Self { hidden, ..whole.clone() });
        let fewer =
            [2, class.classes / 2].into_iter().filter(|&classes| classes >= 2 && classes < class.classes);
        let fewer = fewer.map(|classes| Self { classes, ..whole.clone() });
        rows.into_iter().chain(narrower).chain(fewer).collect()
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        let class = self.size_class.class();
        let bytes = self.rows.saturating_mul(class.features) as u64;
        Ok(Plan::new(self.size_class, self.rows.div_ceil(class.rows), bytes, None, None)?)
    }

    /// Proves every chunk in this process.
    pub fn prove(&self, key: &Path) -> anyhow::Result<impl Serialize + use<>> {
        let (set, model) = data::synthetic(self.size_class, self.rows, self.hidden, self.classes)?;
        // The pin is taken from the file: this measures, it trusts nothing.
        let key = crate::keys::load(key, crate::keys::digest(key)?)?;
        let (competition, secret) = ([7; 32], [9; 32]);
        let opening = commit(&key, &model, &competition, &secret)?;
        let scope = Scope { competition, competitor: Competitor::Node([1; 32]) };
        let entry = RecordId::new([3; 32]);
        let shared = Shared {
            key: &key,
            opening: &opening,
            set: &set,
            secret: &secret,
            scope,
            entry,
            roster: [0; 32],
        };
        let chunks = Chunk::all(set.rows(), self.size_class.class());
        let claims = shared.claims(&chunks, &vec![0; chunks.len()]);
        let jobs = self.plan()?.jobs;
        let start = Instant::now();
        prove_all(&shared, &claims, jobs, &mut |_, _| Ok(()), &|_| {})?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(Measured { chunks: chunks.len(), jobs, seconds, peak_bytes: peak_bytes() })
    }
}

/// Measures every point of these classes, or of all.
pub fn run(context: &Context, classes: &[ClassId], seconds_per_unit: f64) -> anyhow::Result<()> {
    let (mut lines, mut fits) = (Vec::new(), Vec::new());
    for class in CATALOGUE.iter().filter(|class| classes.is_empty() || classes.contains(&class.id)) {
        let folder = tempfile::Builder::new().prefix("podium-bench-").tempdir()?;
        let key = folder.path().join("key");
        output::message(&format!("{}: key ...", class.id));
        let mut own = Vec::new();
        let points = Point::all(class);
        if let Some(point) = points.first() {
            child(&key, &["--stage", "setup", "--point", &serde_json::to_string(point)?])?;
        }
        for point in points {
            let (rows, hidden, classes) = (point.rows, point.hidden, point.classes);
            output::message(&format!(
                "{}: {rows} rows, {hidden} hidden units, {classes} classes ...",
                class.id
            ));
            let measured = child(&key, &["--point", &serde_json::to_string(&point)?])?;
            let (plan, measured): (_, Measured) = (point.plan()?, serde_json::from_slice(&measured)?);
            let seconds = plan.cost.seconds(seconds_per_unit) * plan.chunks as f64;
            let predicted_peak_bytes = plan.peak_bytes();
            own.push(Line { point, measured, predicted_seconds: seconds, predicted_peak_bytes });
        }
        let times: Vec<(usize, f64)> = own
            .iter()
            .filter(|line| (line.point.hidden, line.point.classes) == (class.hidden(), class.classes))
            .map(|line| (line.measured.chunks, line.measured.seconds))
            .collect();
        let (seconds_per_chunk, largest_deviation) = fit(&times);
        let constraints = cost(class)?.constraints;
        fits.push(Fit { size_class: class.id, constraints, seconds_per_chunk, largest_deviation });
        lines.append(&mut own);
    }
    if context.json {
        return output::json(&serde_json::json!({ "points": lines, "fits": fits }));
    }
    output::data(&format!("{}\n\n{}", table(&lines), fit_table(&fits)))
}

/// The factor that fits best, through the origin, and the largest deviation from it in parts.
fn fit(times: &[(usize, f64)]) -> (f64, f64) {
    let sum = |term: &dyn Fn(f64, f64) -> f64| times.iter().map(|&(x, y)| term(x as f64, y)).sum::<f64>();
    let factor = sum(&|x, y| x * y) / sum(&|x, _| x * x);
    let deviation = |&(x, y): &(usize, f64)| (y / (factor * x as f64) - 1.0).abs();
    (factor, times.iter().map(deviation).fold(0.0, f64::max))
}

fn table(lines: &[Line]) -> String {
    let header = [
        ("size class", Align::Left),
        ("rows", Align::Right),
        ("hidden", Align::Right),
        ("classes", Align::Right),
        ("chunks", Align::Right),
        ("at once", Align::Right),
        ("prove", Align::Right),
        ("a chunk", Align::Right),
        ("memory", Align::Right),
        ("time predicted", Align::Right),
        ("memory predicted", Align::Right),
    ];
    let row = |line: &Line| {
        let (point, measured) = (&line.point, &line.measured);
        vec![
            point.size_class.to_string(),
            point.rows.to_string(),
            point.hidden.to_string(),
            point.classes.to_string(),
            measured.chunks.to_string(),
            measured.jobs.to_string(),
            format!("{:.2} s", measured.seconds),
            format!("{:.3} s", measured.seconds / measured.chunks.max(1) as f64),
            measured.peak_bytes.map_or("n/a".to_owned(), output::bytes),
            ratio(line.predicted_seconds, Some(measured.seconds)),
            ratio(line.predicted_peak_bytes as f64, measured.peak_bytes.map(|bytes| bytes as f64)),
        ]
    };
    output::table(&header, &lines.iter().map(row).collect::<Vec<_>>())
}

fn fit_table(fits: &[Fit]) -> String {
    let header = [
        ("size class", Align::Left),
        ("constraints", Align::Right),
        ("seconds a chunk", Align::Right),
        ("largest deviation", Align::Right),
        ("a million constraints", Align::Right),
    ];
    let row = |fit: &Fit| {
        vec![
            fit.size_class.to_string(),
            fit.constraints.to_string(),
            format!("{:.3}", fit.seconds_per_chunk),
            format!("{:.1} %", fit.largest_deviation * 100.0),
            format!("{:.1} s", fit.seconds_per_chunk / fit.constraints as f64 * 1e6),
        ]
    };
    output::table(&header, &fits.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_has_no_deviation_and_an_outlier_has_its_own() {
        let (factor, deviation) = fit(&[(1, 2.0), (3, 6.0)]);
        assert!((factor - 2.0).abs() < 1e-9 && deviation < 1e-9);
        let (factor, deviation) = fit(&[(1, 3.0), (100, 200.0)]);
        assert!((factor - 2.0).abs() < 0.01 && (deviation - 0.5).abs() < 0.01);
    }

    #[test]
    fn points_cover_rows_widths_and_classes_and_survive_the_command_line() {
        let points = Point::all("mlp-64-32-10".parse::<ClassId>().unwrap().class());
        assert!(points.iter().any(|point| point.rows == 16_384));
        assert!(
            points.iter().any(|point| point.hidden == 8) && points.iter().any(|point| point.classes == 2)
        );
        for point in points {
            assert_eq!(Point::parse(&serde_json::to_string(&point).unwrap()), Ok(point));
        }
        assert!(Point::parse("{}").is_err());
    }
}
