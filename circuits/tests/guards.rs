//! Guards are tested by removing them: each guard of `guards/guards.txt` is taken out of a copy of the workspace
//! by one small change of a source, and a test must turn red. `guards/results.md` is what was seen.
//!
//! `PODIUM_GUARDS=challenge.rs,C20` runs only guards whose name or file has one of these in it; their results are
//! merged into the table.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // helpers of tests may fail loudly

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const GUARDS: &str = include_str!("guards/guards.txt");
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guards/results.md");

/// The suites in the order in which they run: the first that sees a guard missing is enough.
const SUITES: [&[&str]; 2] = [&["--lib"], &["--test", "round_trip", "--test", "shape"]];

/// Tests that turn red at any change of the circuit's shape: listed, but no evidence by themselves.
const ALARMS: [&str; 5] = [
    "forgeries::variant::the_composition_without_a_flaw_is_the_production_circuit",
    "internal::keys::counts_are_those_of_the_synthesised_circuit",
    "shape::shapes_are_golden",
    "shape::every_class_holds_as_many_rows_as_its_domain",
    "shape::classes_keep_their_promised_sizes",
];

/// Longest run of one suite: without some guards, tests look for what they never find.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// How many red tests are named; where most honest proofs fail, the others say nothing new.
const NAMED: usize = 8;

/// How a cell begins that names no test.
const NONE: &str = "none: ";

/// A guard, and the change that takes it out.
struct Guard {
    name: String,
    /// From `circuits/src`.
    file: String,
    old: String,
    new: String,
    /// Why no test can see that it is missing.
    unseen: Option<String>,
}

impl Guard {
    fn path(&self, root: &Path) -> PathBuf {
        root.join("circuits/src").join(&self.file)
    }

    /// What was changed, as a cell of the table.
    fn change(&self) -> String {
        let code = |code: &str| match code.split_whitespace().collect::<Vec<_>>().join(" ") {
            code if code.is_empty() => "nothing".into(),
            code => format!("`{}`", code.replace('|', "\\|")),
        };
        format!("{} → {}", code(&self.old), code(&self.new))
    }
}

/// Reads the list; its format is explained where it begins.
fn guards() -> Vec<Guard> {
    let mut file = "";
    let mut out = Vec::new();
    let lines = GUARDS.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
    for block in lines.split(|line| line.is_empty()).filter(|block| !block.is_empty()) {
        if let Some(name) = block[0].strip_prefix('[') {
            file = name.trim_end_matches(']');
            continue;
        }
        let marked = |mark: char| {
            let text = block[1..].iter().filter_map(|line| line.strip_prefix(mark));
            text.map(|text| text.strip_prefix(' ').unwrap_or(text)).collect::<Vec<_>>().join("\n")
        };
        assert!(block[1..].iter().all(|line| line.starts_with(['-', '+', '='])), "{block:?}");
        out.push(Guard {
            name: block[0].to_owned(),
            file: file.to_owned(),
            old: marked('-'),
            new: marked('+'),
            unseen: Some(marked('=').replace('\n', " ")).filter(|reason| !reason.is_empty()),
        });
    }
    out
}

/// The cell of the red tests.
fn cell(guard: &Guard, red: &BTreeSet<String>) -> String {
    let names = red.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = red.len().saturating_sub(NAMED);
    match &guard.unseen {
        _ if more > 0 => format!("{names} and {more} more"),
        _ if !red.is_empty() => names,
        Some(reason) => format!("{NONE}{reason}"),
        None => format!("{NONE}a test is missing"),
    }
}

/// Whether a cell names a test that shows that the guard is missing.
fn evidence(cell: &str) -> bool {
    !cell.starts_with(NONE) && cell.split('`').skip(1).step_by(2).any(|name| !ALARMS.contains(&name))
}

/// The red tests, as cells, of each guard whose change is still the one that was tried.
fn results(guards: &[Guard]) -> BTreeMap<String, String> {
    let table = fs::read_to_string(RESULTS).unwrap_or_default();
    let row = |guard: &Guard| {
        let start = format!("| {} | {} | ", guard.name, guard.change());
        let cell = table.lines().find_map(|line| line.strip_prefix(&start)?.strip_suffix(" |"))?;
        Some((guard.name.clone(), cell.to_owned()))
    };
    guards.iter().filter_map(row).collect()
}

fn write_results(guards: &[Guard], results: &BTreeMap<String, String>) {
    let mut out = String::from(
        "# Guards taken out one at a time, and the tests that turned red\n\n\
         Seen, not derived: `cargo test -p circuits --test guards -- --ignored` writes this file from `guards.txt`. \
         The suites run in the order library, `round_trip`, `shape`, and the first that turns red ends the run of a \
         guard.\n",
    );
    let mut file = "";
    for guard in guards {
        let Some(red) = results.get(&guard.name) else { continue };
        if file != guard.file {
            file = &guard.file;
            out += &format!("\n## {file}\n\n| guard | taken out | red |\n|---|---|---|\n");
        }
        out += &format!("| {} | {} | {red} |\n", guard.name, guard.change());
    }
    fs::write(RESULTS, out).unwrap();
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn every_guard_stands_where_the_list_says() {
    let mut names = BTreeSet::new();
    for guard in guards() {
        let source = fs::read_to_string(guard.path(&workspace())).unwrap();
        assert_eq!(source.matches(&guard.old).count(), 1, "{} in {}", guard.name, guard.file);
        assert!(!guard.old.is_empty() && guard.old != guard.new, "{}", guard.name);
        assert!(names.insert(guard.name.clone()), "twice: {}", guard.name);
    }
}

/// Of every guard it has been seen that a test turns red without it, or it is said why none can.
#[test]
fn every_guard_has_a_test_that_needs_it() {
    let guards = guards();
    let results = results(&guards);
    let seen = |guard: &Guard| results.get(&guard.name).map(|cell| evidence(cell));
    let open = guards.iter().filter(|guard| seen(guard) != Some(guard.unseen.is_none()));
    let open: Vec<&str> = open.map(|guard| guard.name.as_str()).collect();
    assert!(open.is_empty(), "run with PODIUM_GUARDS for these, see the top of this file: {open:#?}");
}

/// A copy of the workspace outside the repository; its target folder stays, so that only `circuits` is rebuilt.
struct Sandbox {
    root: PathBuf,
    target: PathBuf,
    /// Suites that are green with all guards in place.
    green: BTreeSet<&'static [&'static str]>,
}

impl Sandbox {
    fn new() -> Self {
        let folder = std::env::temp_dir().join("podium-guards");
        let (root, target) = (folder.join("workspace"), folder.join("target"));
        copy(&workspace(), &root);
        Self { root, target, green: BTreeSet::new() }
    }

    /// The red tests of the first suite that sees that the guard is missing, or the compiler's errors.
    fn without(&mut self, guard: &Guard) -> Result<String, String> {
        let path = guard.path(&self.root);
        let source = fs::read_to_string(&path).unwrap();
        let mut red = BTreeSet::new();
        for suite in SUITES {
            if self.green.insert(suite) {
                let red = self.run(suite).unwrap_or_else(|errors| panic!("{errors}"));
                assert!(red.is_empty(), "red with all guards in place: {red:?}");
            }
            fs::write(&path, source.replacen(&guard.old, &guard.new, 1)).unwrap();
            let more = self.run(suite);
            fs::write(&path, &source).unwrap();
            red.extend(more?);
            if evidence(&cell(guard, &red)) {
                break;
            }
        }
        Ok(cell(guard, &red))
    }

    fn cargo(&self, command: &str, arguments: &[&str]) -> Output {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([command, "--offline", "--locked", "-p", "circuits", "--target-dir"]).arg(&self.target);
        cargo.args(arguments).current_dir(&self.root).output().unwrap()
    }

    /// What cargo says of the test programs that it built, or the compiler's errors.
    fn build(&self, suite: &[&str]) -> Result<Vec<u8>, String> {
        let build = || self.cargo("test", &[&["--no-run", "--message-format=json"], suite].concat());
        let mut built = build();
        if !built.status.success() && errors_in_sources(&built.stdout).is_empty() {
            // A build that was killed half-way leaves objects behind that do not belong together.
            self.cargo("clean", &[]);
            built = build();
        }
        if built.status.success() {
            return Ok(built.stdout);
        }
        Err(errors_in_sources(&built.stdout) + &String::from_utf8_lossy(&built.stderr))
    }

    /// Builds and runs one suite: its red tests, or the compiler's errors.
    fn run(&self, suite: &[&str]) -> Result<BTreeSet<String>, String> {
        let built = self.build(suite)?;
        let mut red = BTreeSet::new();
        for (name, program) in programs(&built) {
            red.extend(self.red_tests(&program).into_iter().map(|test| match name.as_str() {
                "circuits" => test,
                name => format!("{name}::{test}"),
            }));
        }
        Ok(red)
    }

    fn red_tests(&self, program: &str) -> Vec<String> {
        let shown = self.target.join("output.txt");
        let mut child = Command::new(program)
            .current_dir(self.root.join("circuits"))
            .env("CARGO_MANIFEST_DIR", self.root.join("circuits"))
            .env("RUST_BACKTRACE", "0")
            .stdout(fs::File::create(&shown).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break Some(status),
                None if start.elapsed() > LIMIT => {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(100)),
            }
        };
        let output = String::from_utf8_lossy(&fs::read(&shown).unwrap()).into_owned();
        let failed = |line: &str| {
            let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
            Some(name.trim_end_matches(" - should panic").to_owned())
        };
        let mut red: Vec<String> = output.lines().filter_map(failed).collect();
        match status {
            None => red.push("(does not end)".into()),
            Some(status) if !status.success() && red.is_empty() => red.push("(crashes)".into()),
            Some(_) => (),
        }
        red
    }
}

/// Everything of the workspace but hidden folders and what was built; what is there already stays untouched, and
/// with it what was built from it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(name));
            continue;
        }
        let (source, to) = (fs::read(entry.path()).unwrap(), to.join(name));
        if fs::read(&to).ok().as_ref() != Some(&source) {
            fs::write(to, source).unwrap();
        }
    }
}

fn messages(stdout: &[u8]) -> impl Iterator<Item = serde_json::Value> {
    stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

/// Names and paths of the test programs that were built.
fn programs(stdout: &[u8]) -> Vec<(String, String)> {
    let program = |message: serde_json::Value| {
        let path = message["executable"].as_str().filter(|_| message["profile"]["test"] == true)?;
        Some((message["target"]["name"].as_str()?.to_owned(), path.to_owned()))
    };
    messages(stdout).filter_map(program).collect()
}

/// Errors that point at a line: not those of the linker, or of a compiler that was killed.
fn errors_in_sources(stdout: &[u8]) -> String {
    let error = |message: serde_json::Value| {
        let message = &message["message"];
        let points = message["spans"].as_array().is_some_and(|spans| !spans.is_empty());
        (message["level"] == "error" && points)
            .then(|| message["rendered"].as_str().map(str::to_owned))
            .flatten()
    };
    messages(stdout).filter_map(error).collect()
}

/// Progress past the test harness, which holds back what tests print.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
#[ignore = "10 seconds a guard on a quiet machine, an hour in all: cargo test -p circuits --test guards -- --ignored"]
fn guards_taken_out_turn_tests_red() {
    let guards = guards();
    let wanted = std::env::var("PODIUM_GUARDS").unwrap_or_default();
    let wants = |g: &&Guard| wanted.split(',').any(|part| g.name.contains(part) || g.file.contains(part));
    let chosen: Vec<&Guard> = guards.iter().filter(wants).collect();
    assert!(!chosen.is_empty(), "no guard has {wanted:?} in its name or file");
    let mut sandbox = Sandbox::new();
    let mut results = results(&guards);
    let mut problems = Vec::new();
    for (index, guard) in chosen.iter().enumerate() {
        let start = Instant::now();
        let shown = match sandbox.without(guard) {
            Ok(cell) => {
                match (&guard.unseen, evidence(&cell)) {
                    (None, false) => problems.push(format!("{}: no test turned red", guard.name)),
                    (Some(_), true) => problems.push(format!("{}: seen after all by {cell}", guard.name)),
                    _ => (),
                }
                results.insert(guard.name.clone(), cell.clone());
                cell
            }
            Err(errors) => {
                problems.push(format!("{}: does not compile\n{errors}", guard.name));
                results.remove(&guard.name);
                "does not compile".into()
            }
        };
        write_results(&guards, &results);
        let (at, of, time) = (index + 1, chosen.len(), start.elapsed().as_secs());
        say(&format!("{at}/{of} in {time} s, {}: {shown}", guard.name));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
