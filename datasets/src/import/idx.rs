//! IDX, the format of MNIST: unsigned bytes with a header of dimensions, images and labels in two files.
//!
//! Source: "THE IDX FILE FORMAT" on the MNIST page of Y. LeCun, C. Cortes and C. Burges.

use super::{
    error::ImportError,
    table::{MAX_CLASSES, MAX_FEATURES, MAX_VALUES},
};
use circuits::{
    Task, TestSet,
    statement::{Feature, MAX_ROWS, TaskError},
};
use std::{fs::File, io::Read, path::Path};

/// The type code of unsigned bytes, the only type that is read.
const UNSIGNED_BYTE: u8 = 0x08;
const MAX_DIMENSIONS: u8 = 4;

/// How images are mapped to integers.
#[derive(Clone, Debug, PartialEq)]
pub struct IdxOptions {
    /// Bits of a pixel's integer, 1 to 8.
    pub feature_bits: u8,
    /// The real value of a pixel of 255, as models see it: 255, or 1 if they are trained on scaled pixels.
    pub white: f64,
    /// The classes in order of their label; without them `0`, `1`, ... up to the largest label.
    pub classes: Option<Vec<String>>,
}

/// Reads images (`N x height x width` or any 2 to 4 dimensions) and labels (`N`) into a test set.
///
/// # Errors
/// If a header is something else, sizes are beyond what a task admits or differ, or bytes are missing or left.
pub fn import_idx(
    images: impl Read,
    labels: impl Read,
    options: &IdxOptions,
) -> Result<TestSet, ImportError> {
    let (shape, pixels) = read_idx(images, "images", 2..=MAX_DIMENSIONS)?;
    let (label_shape, labels) = read_idx(labels, "labels", 1..=1)?;
    if shape[..1] != label_shape[..] {
        return Err(wrong("labels", format!("{} labels, one an image", shape[0]), label_shape[0]));
    }
    let task = task(&shape[1..], &labels, options)?;
    let x_max = u32::from(task.x_max());
    // In integers, rounded to the nearest: the same as the task's map on pixel / 255 * white.
    let x = pixels.iter().map(|&p| ((u32::from(p) * x_max * 2 + 255) / 510) as u16).collect();
    Ok(TestSet::new(task, x, labels.into_iter().map(u16::from).collect())?)
}

/// [`import_idx`] from files.
///
/// # Errors
/// As [`import_idx`], and if a file cannot be opened.
pub fn import_idx_files(images: &Path, labels: &Path, options: &IdxOptions) -> Result<TestSet, ImportError> {
    import_idx(File::open(images)?, File::open(labels)?, options)
}

fn task(shape: &[usize], labels: &[u8], options: &IdxOptions) -> Result<Task, ImportError> {
    if !(1..=8).contains(&options.feature_bits) {
        let got = usize::from(options.feature_bits);
        return Err(TaskError::Count { what: "feature bits", expected: "1 to 8", got }.into());
    }
    if labels.iter().all(|label| Some(label) == labels.first()) {
        let got = labels.first().map_or_else(String::new, u8::to_string);
        return Err(ImportError::SingleClass { got });
    }
    let largest = labels.iter().copied().max().map_or(0, usize::from);
    let classes = match &options.classes {
        Some(classes) if classes.len().min(MAX_CLASSES) <= largest => {
            return Err(wrong("labels", format!("labels below {}", classes.len()), largest));
        }
        Some(classes) => classes.clone(),
        None => (0..=largest).map(|label| label.to_string()).collect(),
    };
    let step = options.white / f64::from((1u16 << options.feature_bits) - 1);
    let features = (0..shape.iter().product())
        .map(|k| Feature { name: pixel_name(shape, k), offset: 0.0, step })
        .collect();
    let task = Task { features, feature_bits: options.feature_bits, classes };
    task.validate()?;
    Ok(task)
}

/// `pixel_ROW_COLUMN`: the place of value `k` in the image.
fn pixel_name(shape: &[usize], k: usize) -> String {
    let mut rest = k;
    let mut places: Vec<String> = Vec::with_capacity(shape.len());
    for &size in shape.iter().rev() {
        places.push((rest % size.max(1)).to_string());
        rest /= size.max(1);
    }
    places.reverse();
    format!("pixel_{}", places.join("_"))
}

/// The dimensions (at least one) and exactly as many bytes as they say.
fn read_idx(
    mut reader: impl Read,
    file: &'static str,
    dimensions: std::ops::RangeInclusive<u8>,
) -> Result<(Vec<usize>, Vec<u8>), ImportError> {
    let magic: [u8; 4] = read_word(&mut reader, file)?;
    if magic[..2] == [0x1f, 0x8b] {
        return Err(wrong(file, "an unpacked file".to_owned(), "a gzip archive: run gunzip first"));
    }
    let [0, 0, UNSIGNED_BYTE, count] = magic else {
        return Err(wrong(file, format!("a magic of 00 00 08 {dimensions:?}"), format!("{magic:02x?}")));
    };
    if !dimensions.contains(&count) {
        return Err(wrong(file, format!("{dimensions:?} dimensions"), count));
    }
    let mut shape = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let size = u32::from_be_bytes(read_word(&mut reader, file)?);
        shape.push(usize::try_from(size).unwrap_or(usize::MAX));
    }
    let rows = shape[0];
    let features = shape[1..].iter().try_fold(1usize, |n, &size| n.checked_mul(size)).unwrap_or(usize::MAX);
    if rows == 0 {
        return Err(ImportError::NoRows);
    }
    if rows > MAX_ROWS {
        return Err(ImportError::TooManyRows { expected: MAX_ROWS });
    }
    if !(1..=MAX_FEATURES).contains(&features) {
        return Err(wrong(file, format!("1 to {MAX_FEATURES} pixels an image"), features));
    }
    if rows * features > MAX_VALUES {
        return Err(ImportError::TooManyValues { expected: MAX_VALUES });
    }
    let expected = rows * features;
    // Grows with what is really there: a header alone allocates nothing. One byte more tells a longer file.
    let mut bytes = Vec::new();
    reader.take(expected as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() != expected {
        let got = if bytes.len() > expected { "more".to_owned() } else { bytes.len().to_string() };
        return Err(wrong(file, format!("{expected} bytes after the header"), got));
    }
    Ok((shape, bytes))
}

fn read_word(reader: &mut impl Read, file: &'static str) -> Result<[u8; 4], ImportError> {
    let mut word = [0; 4];
    reader.read_exact(&mut word).map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => wrong(file, "a whole header".to_owned(), "the end of the file"),
        _ => ImportError::Io(e),
    })?;
    Ok(word)
}

fn wrong(file: &'static str, expected: String, got: impl ToString) -> ImportError {
    ImportError::Idx { file, expected, got: got.to_string() }
}
