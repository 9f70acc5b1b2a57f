//! IDX: what is read, and every way of being refused.

// Helpers of tests are not inside `#[test]` functions, where the lints allow this by themselves.
#![allow(clippy::unwrap_used, clippy::panic)]

use circuits::{TestSet, statement::TaskError};
use datasets::{IdxOptions, ImportError, import_idx, import_idx_files};

fn options() -> IdxOptions {
    IdxOptions { feature_bits: 5, white: 255.0, classes: None }
}

fn idx(dims: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, 8, dims.len() as u8];
    out.extend(dims.iter().flat_map(|size| size.to_be_bytes()));
    out.extend(bytes);
    out
}

fn images() -> Vec<u8> {
    idx(&[2, 1, 3], &[0, 128, 255, 4, 5, 8])
}

fn labels() -> Vec<u8> {
    idx(&[2], &[2, 0])
}

fn import(images: &[u8], labels: &[u8]) -> Result<TestSet, ImportError> {
    import_idx(images, labels, &options())
}

fn refused(images: &[u8], labels: &[u8]) -> String {
    match import(images, labels) {
        Err(e @ ImportError::Idx { .. }) => e.to_string(),
        other => panic!("expected an IDX error, got {other:?}"),
    }
}

#[test]
fn pixels_become_integers_by_the_tasks_map() {
    let set = import(&images(), &labels()).unwrap();
    assert_eq!((set.row(0), set.row(1)), (&[0, 16, 31][..], &[0, 1, 1][..]));
    assert_eq!((set.label(0), set.label(1)), (2, 0));
    assert_eq!(set.task().classes, ["0", "1", "2"]);
    assert_eq!(set.task().features[2].name, "pixel_0_2");
    for bits in 1..=8 {
        let all: Vec<u8> = (0..=255).chain(0..=255).collect();
        let options = IdxOptions { feature_bits: bits, white: 1.0, classes: None };
        let set = import_idx(&idx(&[2, 16, 16], &all)[..], &labels()[..], &options).unwrap();
        for pixel in 0..=255u16 {
            let feature = &set.task().features[usize::from(pixel)];
            let by_map = feature.to_integer(f64::from(pixel) / 255.0, set.x_max());
            assert_eq!(set.row(0)[usize::from(pixel)], by_map, "pixel {pixel}, {bits} bits");
        }
    }
}

#[test]
fn given_classes_name_the_labels() {
    let classes = Some(["cat", "cow", "dog", "hen"].map(str::to_owned).to_vec());
    let set = import_idx(&images()[..], &labels()[..], &IdxOptions { classes, ..options() }).unwrap();
    assert_eq!((set.classes(), set.label(0)), (4, 2));
    let classes = Some(["cat", "cow"].map(str::to_owned).to_vec());
    let e = import_idx(&images()[..], &labels()[..], &IdxOptions { classes, ..options() }).unwrap_err();
    assert!(e.to_string().contains("labels below 2, got 2"), "{e}");
}

#[test]
fn files_of_another_kind_are_refused() {
    assert!(refused(&[0x1f, 0x8b, 8, 0, 0, 0], &labels()).contains("gunzip"));
    assert!(refused(b"a,b,y\n", &labels()).contains("magic"));
    assert!(refused(&[0, 0, 0x0d, 3], &labels()).contains("magic"));
    assert!(refused(&labels(), &labels()).contains("dimensions"));
    assert!(refused(&images(), &images()).contains("dimensions"));
    assert!(refused(&[], &labels()).contains("header"));
    assert!(refused(&images()[..9], &labels()).contains("header"));
}

#[test]
fn lengths_must_be_what_the_header_says() {
    assert!(refused(&images()[..20], &labels()).contains("6 bytes after the header, got 4"));
    let mut longer = images();
    longer.push(0);
    assert!(refused(&longer, &labels()).contains("got more"));
    assert!(refused(&images(), &idx(&[3], &[0, 1, 2])).contains("2 labels"));
}

#[test]
fn headers_that_promise_too_much_allocate_nothing() {
    let rows = import(&idx(&[u32::MAX, 28, 28], &[]), &labels());
    assert!(matches!(rows, Err(ImportError::TooManyRows { .. })), "{rows:?}");
    assert!(refused(&idx(&[2, u32::MAX, u32::MAX], &[]), &labels()).contains("pixels"));
    assert!(refused(&idx(&[2, 0, 28], &[]), &labels()).contains("pixels"));
    let values = import(&idx(&[1 << 20, 64, 64], &[]), &labels());
    assert!(matches!(values, Err(ImportError::TooManyValues { .. })), "{values:?}");
    assert!(matches!(import(&idx(&[0, 1, 3], &[]), &labels()), Err(ImportError::NoRows)));
}

#[test]
fn options_and_labels_out_of_range_are_refused() {
    let single = import(&images(), &idx(&[2], &[1, 1]));
    assert!(matches!(single, Err(ImportError::SingleClass { .. })), "{single:?}");
    for bits in [0, 9] {
        let e = import_idx(&images()[..], &labels()[..], &IdxOptions { feature_bits: bits, ..options() });
        assert!(matches!(e, Err(ImportError::Task(TaskError::Count { .. }))), "{e:?}");
    }
    for white in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let e = import_idx(&images()[..], &labels()[..], &IdxOptions { white, ..options() });
        assert!(matches!(e, Err(ImportError::Task(TaskError::Map { .. }))), "{e:?}");
    }
}

#[test]
fn files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("images"), folder.path().join("labels"));
    std::fs::write(&a, images()).unwrap();
    std::fs::write(&b, labels()).unwrap();
    let set = import_idx_files(&a, &b, &options()).unwrap();
    assert_eq!(set.digest(), import(&images(), &labels()).unwrap().digest());
    assert!(matches!(import_idx_files(&folder.path().join("none"), &b, &options()), Err(ImportError::Io(_))));
}
