//! The canonical integer test set, its public affine map and its digest.

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, marker::PhantomData};

/// Most rows of a test set.
pub const MAX_ROWS: usize = 1 << 20;
/// Largest encoded test set, in bytes: checked before anything is decoded.
pub const MAX_TEST_SET_BYTES: usize = 256 << 20;
/// Most features of a task.
const MAX_FEATURES: usize = 4096;
/// Most classes of a task.
const MAX_CLASSES: usize = 256;
/// Longest name of a feature or class, in bytes.
const MAX_NAME_BYTES: usize = 64;
const VERSION: u8 = 1;

/// One feature: its column and the public affine map to integers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// The column's name, 1 to 64 bytes.
    pub name: String,
    /// The real value that becomes 0; finite.
    pub offset: f64,
    /// The real distance between two integers; finite and above 0.
    pub step: f64,
}

impl Feature {
    /// `round((value - offset) / step)`, halves away from zero, clamped to `0..=x_max`. NaN becomes 0.
    pub fn to_integer(&self, value: f64, x_max: u16) -> u16 {
        ((value - self.offset) / self.step).round().clamp(0.0, f64::from(x_max)) as u16
    }

    /// The real value that an integer stands for.
    pub fn to_real(&self, value: u16) -> f64 {
        self.offset + self.step * f64::from(value)
    }
}

/// What is to be predicted from what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The features in order, 1 to 4,096.
    #[serde(deserialize_with = "at_most::<MAX_FEATURES, _, _>")]
    pub features: Vec<Feature>,
    /// Bits of a feature's integer: values lie in `0..=2^feature_bits - 1`. 1 to 8.
    pub feature_bits: u8,
    /// The classes' names in order, 2 to 256, all different.
    #[serde(deserialize_with = "at_most::<MAX_CLASSES, _, _>")]
    pub classes: Vec<String>,
}

/// A list of at most `MAX` elements: stops at the first one too many, before it is held in memory.
fn at_most<'de, const MAX: usize, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct AtMost<const MAX: usize, T>(PhantomData<T>);

    impl<'de, const MAX: usize, T: Deserialize<'de>> Visitor<'de> for AtMost<MAX, T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MAX} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut out = Vec::new();
            while let Some(element) = seq.next_element()? {
                if out.len() == MAX {
                    return Err(A::Error::invalid_length(MAX + 1, &self));
                }
                out.push(element);
            }
            Ok(out)
        }
    }

    deserializer.deserialize_seq(AtMost::<MAX, T>(PhantomData))
}

/// What is wrong with a task.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TaskError {
    /// A number out of range.
    #[error("{what}: expected {expected}, got {got}")]
    Count {
        /// What was counted.
        what: &'static str,
        /// The range.
        expected: &'static str,
        /// The number.
        got: usize,
    },
    /// A name that is empty, too long or has control characters.
    #[error(
        "{what} {index}: expected a name of 1 to {MAX_NAME_BYTES} bytes without control characters, got {got:?}"
    )]
    Name {
        /// `feature` or `class`.
        what: &'static str,
        /// Index from 0.
        index: usize,
        /// The name, cut.
        got: String,
    },
    /// The same name twice.
    #[error("{what} {index}: the name {got:?} is there already")]
    Duplicate {
        /// `feature` or `class`.
        what: &'static str,
        /// Index from 0.
        index: usize,
        /// The name.
        got: String,
    },
    /// A map that is not affine and increasing.
    #[error("feature {index}: expected a finite offset and a finite step above 0, got {offset} and {step}")]
    Map {
        /// Index from 0.
        index: usize,
        /// The offset.
        offset: f64,
        /// The step.
        step: f64,
    },
}

impl Task {
    /// Largest integer of a feature.
    pub fn x_max(&self) -> u16 {
        ((1u32 << self.feature_bits.min(16)) - 1) as u16
    }

    /// # Errors
    /// The first field outside its range.
    pub fn validate(&self) -> Result<(), TaskError> {
        let count = |what, expected, got: usize, range: std::ops::RangeInclusive<usize>| {
            if range.contains(&got) { Ok(()) } else { Err(TaskError::Count { what, expected, got }) }
        };
        count("features", "1 to 4096", self.features.len(), 1..=MAX_FEATURES)?;
        count("feature bits", "1 to 8", usize::from(self.feature_bits), 1..=8)?;
        count("classes", "2 to 256", self.classes.len(), 2..=MAX_CLASSES)?;
        check_names("feature", self.features.iter().map(|f| f.name.as_str()))?;
        check_names("class", self.classes.iter().map(String::as_str))?;
        for (index, f) in self.features.iter().enumerate() {
            if !f.offset.is_finite() || !f.step.is_finite() || f.step <= 0.0 {
                return Err(TaskError::Map { index, offset: f.offset, step: f.step });
            }
        }
        Ok(())
    }
}

fn check_names<'a>(what: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), TaskError> {
    let mut seen = std::collections::HashSet::new();
    for (index, name) in names.enumerate() {
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
            return Err(TaskError::Name { what, index, got: name.chars().take(MAX_NAME_BYTES).collect() });
        }
        if !seen.insert(name) {
            return Err(TaskError::Duplicate { what, index, got: name.to_owned() });
        }
    }
    Ok(())
}

/// A labelled test set in integers. Every value has been checked; the digest covers all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TestSet {
    task: Task,
    x: Vec<u16>,
    labels: Vec<u16>,
    digest: [u8; 32],
}

/// What is wrong with a test set.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TestSetError {
    /// The task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// No rows, or too many.
    #[error("expected 1 to {MAX_ROWS} rows, got {got}")]
    Rows {
        /// The number of rows.
        got: usize,
    },
    /// Not as many values as rows times features.
    #[error("expected {expected} values, rows times features, got {got}")]
    Values {
        /// Rows times features.
        expected: usize,
        /// The number of values.
        got: usize,
    },
    /// A feature's value beyond the task's bits.
    #[error("row {row}, feature {feature}: expected a value of at most {expected}, got {got}")]
    Value {
        /// Row from 0.
        row: usize,
        /// Feature from 0.
        feature: usize,
        /// The largest value.
        expected: u16,
        /// The value.
        got: u16,
    },
    /// A label that is no class.
    #[error("row {row}: expected a label below {expected}, got {got}")]
    Label {
        /// Row from 0.
        row: usize,
        /// The number of classes.
        expected: usize,
        /// The label.
        got: u16,
    },
    /// Too long to be decoded.
    #[error("expected a test set of at most {MAX_TEST_SET_BYTES} bytes, got {got}")]
    TooLong {
        /// Its length in bytes.
        got: usize,
    },
    /// Not a test set at all.
    #[error("not an encoded test set: {0}")]
    Malformed(String),
    /// Bytes that are not the canonical encoding of what they decode to.
    #[error("expected the canonical encoding of a test set")]
    NotCanonical,
}

/// The encoding: DAG-CBOR, features as one byte each, labels as one byte each.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u8,
    task: Task,
    #[serde(with = "serde_bytes")]
    x: Vec<u8>,
    #[serde(with = "serde_bytes")]
    labels: Vec<u8>,
}

impl TestSet {
    /// Checks every value and label. `x` is row-major.
    ///
    /// # Errors
    /// The first value that does not fit, with row and column.
    pub fn new(task: Task, x: Vec<u16>, labels: Vec<u16>) -> Result<Self, TestSetError> {
        let set = Self::checked(task, x, labels)?;
        let digest = *blake3::hash(&set.to_bytes()?).as_bytes();
        Ok(Self { digest, ..set })
    }

    /// Without its digest.
    fn checked(task: Task, x: Vec<u16>, labels: Vec<u16>) -> Result<Self, TestSetError> {
        task.validate()?;
        check_values(&task, &x, &labels)?;
        Ok(Self { task, x, labels, digest: [0; 32] })
    }

    /// The canonical bytes: what is stored, sent and hashed.
    ///
    /// # Errors
    /// Only if the encoder fails, which it does not for a checked test set.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TestSetError> {
        let narrow = |values: &[u16]| values.iter().map(|&v| v as u8).collect();
        let wire = Wire {
            version: VERSION,
            task: self.task.clone(),
            x: narrow(&self.x),
            labels: narrow(&self.labels),
        };
        serde_ipld_dagcbor::to_vec(&wire).map_err(malformed)
    }

    /// Decodes canonical bytes and checks everything.
    ///
    /// # Errors
    /// If the bytes are too long, malformed, not canonical, or a value does not fit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TestSetError> {
        if bytes.len() > MAX_TEST_SET_BYTES {
            return Err(TestSetError::TooLong { got: bytes.len() });
        }
        let wire: Wire = serde_ipld_dagcbor::from_slice(bytes).map_err(malformed)?;
        if wire.version != VERSION {
            return Err(TestSetError::Malformed(format!("expected version {VERSION}, got {}", wire.version)));
        }
        let widen = |values: Vec<u8>| values.into_iter().map(u16::from).collect();
        let set = Self::checked(wire.task, widen(wire.x), widen(wire.labels))?;
        if set.to_bytes()? != bytes {
            return Err(TestSetError::NotCanonical);
        }
        Ok(Self { digest: *blake3::hash(bytes).as_bytes(), ..set })
    }

    /// BLAKE3 of the canonical bytes: also the address of the blob.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The task.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Number of rows (N).
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    /// Number of features.
    pub fn features(&self) -> usize {
        self.task.features.len()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.task.classes.len()
    }

    /// Largest value that a feature may have.
    pub fn x_max(&self) -> u16 {
        self.task.x_max()
    }

    /// The features of row `i`, below `rows()`.
    pub fn row(&self, i: usize) -> &[u16] {
        &self.x[i * self.features()..(i + 1) * self.features()]
    }

    /// The label of row `i`, below `rows()`.
    pub fn label(&self, i: usize) -> u16 {
        self.labels[i]
    }
}

/// A decoder's message may repeat what it read: it is cut.
fn malformed(error: impl fmt::Display) -> TestSetError {
    TestSetError::Malformed(error.to_string().chars().take(200).collect())
}

fn check_values(task: &Task, x: &[u16], labels: &[u16]) -> Result<(), TestSetError> {
    let features = task.features.len();
    if labels.is_empty() || labels.len() > MAX_ROWS {
        return Err(TestSetError::Rows { got: labels.len() });
    }
    if x.len() != labels.len() * features {
        return Err(TestSetError::Values { expected: labels.len() * features, got: x.len() });
    }
    if let Some(at) = x.iter().position(|&v| v > task.x_max()) {
        let (row, feature) = (at / features, at % features);
        return Err(TestSetError::Value { row, feature, expected: task.x_max(), got: x[at] });
    }
    match labels.iter().position(|&label| usize::from(label) >= task.classes.len()) {
        Some(row) => Err(TestSetError::Label { row, expected: task.classes.len(), got: labels[row] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn small() -> TestSet {
        let feature = |i: usize| Feature { name: format!("f{i}"), offset: -1.5, step: 0.25 };
        let task = Task {
            features: (0..3).map(feature).collect(),
            feature_bits: 4,
            classes: vec!["no".into(), "yes".into()],
        };
        TestSet::new(task, vec![0, 15, 3, 1, 2, 3], vec![1, 0]).unwrap()
    }

    #[test]
    fn bytes_round_trip_and_the_digest_covers_them() {
        let set = small();
        let bytes = set.to_bytes().unwrap();
        let again = TestSet::from_bytes(&bytes).unwrap();
        assert_eq!(again, set);
        assert_eq!(set.digest(), *blake3::hash(&bytes).as_bytes());
    }

    #[test]
    fn every_changed_byte_is_refused_or_changes_the_digest() {
        let set = small();
        let bytes = set.to_bytes().unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            if let Ok(other) = TestSet::from_bytes(&changed) {
                assert_ne!(other.digest(), set.digest(), "byte {at}");
            }
        }
        for cut in [0, 1, bytes.len() - 1] {
            assert!(TestSet::from_bytes(&bytes[..cut]).is_err());
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(TestSet::from_bytes(&longer).is_err());
    }

    /// A list of empty names costs one byte an element on the wire and 24 in memory: it is not read to its end.
    #[test]
    fn long_lists_are_refused_while_they_are_read() {
        let mut task = small().task;
        task.classes = vec![String::new(); 1 << 16];
        let wire = Wire { version: VERSION, task, x: vec![0; 3], labels: vec![0] };
        let refused = TestSet::from_bytes(&serde_ipld_dagcbor::to_vec(&wire).unwrap());
        assert!(matches!(refused, Err(TestSetError::Malformed(reason)) if reason.contains("256")));
    }

    #[test]
    fn values_and_labels_out_of_range_name_their_place() {
        let task = small().task;
        let value = TestSet::new(task.clone(), vec![0, 1, 2, 3, 16, 5], vec![0, 1]);
        assert_eq!(value, Err(TestSetError::Value { row: 1, feature: 1, expected: 15, got: 16 }));
        let label = TestSet::new(task, vec![0; 6], vec![0, 2]);
        assert_eq!(label, Err(TestSetError::Label { row: 1, expected: 2, got: 2 }));
    }

    /// Numbers in other widths, a number for a float, a list for a map: the same values in other bytes.
    #[test]
    fn other_encodings_of_the_same_values_are_refused() {
        let bytes = small().to_bytes().unwrap();
        let replaced = |from: &[u8], to: &[u8]| {
            let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
            let other = [&bytes[..at], to, &bytes[at + from.len()..]].concat();
            assert!(TestSet::from_bytes(&other).is_err(), "{from:x?} as {to:x?}");
        };
        let float = |value: f64| [&[0xfb][..], &value.to_be_bytes()].concat();
        replaced(&float(-1.5), &[&[0xfa][..], &(-1.5f32).to_be_bytes()].concat());
        replaced(&float(0.25), &[0xf9, 0x34, 0x00]);
        replaced(b"gversion\x01", b"gversion\x18\x01");
        replaced(b"gversion\x01", b"gversion\xf9\x3c\x00");
        // Name, step and offset of a feature as a list, in the order of the struct.
        let map = [&b"\xa3dnamebf0dstep"[..], &float(0.25), b"foffset", &float(-1.5)].concat();
        replaced(&map, &[&b"\x83bf0"[..], &float(-1.5), &float(0.25)].concat());
    }

    #[test]
    fn every_rule_of_a_task_is_checked() {
        type Change<'a> = &'a dyn Fn(&mut Task);
        let small = small().task;
        let refused = |change: Change<'_>| {
            let mut task = small.clone();
            change(&mut task);
            let (x, labels) = (vec![0; task.features.len()], vec![0]);
            match TestSet::new(task, x, labels) {
                Err(TestSetError::Task(error)) => error,
                other => panic!("{other:?}"),
            }
        };
        let many = |n: usize| (0..n).map(|i| format!("n{i}"));
        let feature = |name| Feature { name, offset: 0.0, step: 1.0 };
        let counts: [(&str, Change<'_>); 6] = [
            ("features", &|t| t.features.clear()),
            ("features", &|t| t.features = many(MAX_FEATURES + 1).map(feature).collect()),
            ("feature bits", &|t| t.feature_bits = 0),
            ("feature bits", &|t| t.feature_bits = 9),
            ("classes", &|t| t.classes.truncate(1)),
            ("classes", &|t| t.classes = many(MAX_CLASSES + 1).collect()),
        ];
        for (expected, change) in counts {
            assert!(
                matches!(refused(change), TaskError::Count { what, .. } if what == expected),
                "{expected}"
            );
        }
        for name in [String::new(), "n".repeat(MAX_NAME_BYTES + 1), "a\nb".into()] {
            let feature = refused(&|t| t.features[1].name = name.clone());
            assert!(matches!(feature, TaskError::Name { what: "feature", index: 1, .. }), "{name:?}");
            let class = refused(&|t| t.classes[1] = name.clone());
            assert!(matches!(class, TaskError::Name { what: "class", index: 1, .. }), "{name:?}");
        }
        let twice = refused(&|t| t.features[2].name = "f0".into());
        assert!(matches!(twice, TaskError::Duplicate { what: "feature", index: 2, .. }));
        let twice = refused(&|t| t.classes[1] = "no".into());
        assert!(matches!(twice, TaskError::Duplicate { what: "class", index: 1, .. }));
        for (offset, step) in [
            (f64::NAN, 1.0),
            (f64::INFINITY, 1.0),
            (0.0, f64::NAN),
            (0.0, f64::INFINITY),
            (0.0, 0.0),
            (0.0, -1.0),
        ] {
            let map = refused(&|t| (t.features[1].offset, t.features[1].step) = (offset, step));
            assert!(matches!(map, TaskError::Map { index: 1, .. }), "{offset} {step}");
        }
    }

    #[test]
    fn rows_values_versions_and_lengths_are_counted() {
        let task = small().task;
        let new = |values: usize, rows: usize| TestSet::new(task.clone(), vec![0; values], vec![0; rows]);
        assert_eq!(new(0, 0), Err(TestSetError::Rows { got: 0 }));
        assert_eq!(new(0, MAX_ROWS + 1), Err(TestSetError::Rows { got: MAX_ROWS + 1 }));
        for got in [5, 7] {
            assert_eq!(new(got, 2), Err(TestSetError::Values { expected: 6, got }));
        }
        let wire = Wire { version: 2, task, x: vec![0; 3], labels: vec![0] };
        let refused = TestSet::from_bytes(&serde_ipld_dagcbor::to_vec(&wire).unwrap());
        assert!(matches!(refused, Err(TestSetError::Malformed(reason)) if reason.contains("version")));
        let got = MAX_TEST_SET_BYTES + 1;
        assert_eq!(TestSet::from_bytes(&vec![0; got]), Err(TestSetError::TooLong { got }));
    }

    #[test]
    fn the_map_clamps_and_rounds() {
        let f = Feature { name: "f".into(), offset: -1.5, step: 0.25 };
        assert_eq!(f.to_integer(-9.0, 15), 0);
        assert_eq!(f.to_integer(-1.25, 15), 1);
        assert_eq!(f.to_integer(100.0, 15), 15);
        assert_eq!(f.to_real(4), -0.5);
    }
}
