//! CSV: what is read, and one test for every way of being refused.

// Helpers of tests are not inside `#[test]` functions, where the lints allow this by themselves.
#![allow(clippy::unwrap_used, clippy::panic)]

use circuits::{TestSet, TestSetError, statement::TaskError};
use datasets::{CsvOptions, ImportError, MAX_CSV_BYTES, import_csv, import_csv_files, read_csv};
use std::io::{Read, Write};

const GOOD: &str = "a,b,y\n1,0.5,no\n2,1.5,yes\n3,-1,no\n";

fn options() -> CsvOptions {
    CsvOptions::new("y", 4)
}

fn import(text: &str) -> Result<TestSet, ImportError> {
    import_csv(text.as_bytes(), None, &options())
}

fn rows(set: &TestSet) -> Vec<Vec<u16>> {
    (0..set.rows()).map(|i| set.row(i).to_vec()).collect()
}

fn map(set: &TestSet, feature: usize) -> (f64, f64) {
    (set.task().features[feature].offset, set.task().features[feature].step)
}

#[test]
fn integers_are_kept_and_other_columns_are_cut_into_steps() {
    let set = import(GOOD).unwrap();
    assert_eq!(set.task().classes, ["no", "yes"]);
    assert_eq!((map(&set, 0), map(&set, 1)), ((0.0, 1.0), (-1.0, 2.5 / 15.0)));
    assert_eq!(rows(&set), [[1, 9], [2, 15], [3, 0]]);
    assert_eq!((0..3).map(|i| set.label(i)).collect::<Vec<_>>(), [0, 1, 0]);
}

#[test]
fn integers_beyond_the_range_are_shifted_and_constants_have_step_one() {
    let set = import("a,b,c,y\n100,-3,2.5,0\n115,4,2.5,1\n").unwrap();
    assert_eq!([map(&set, 0), map(&set, 1), map(&set, 2)], [(100.0, 1.0), (-3.0, 1.0), (2.5, 1.0)]);
    assert_eq!(rows(&set), [[0, 0, 0], [15, 7, 0]]);
    let wide = import("a,y\n0,0\n30,1\n").unwrap();
    assert_eq!((map(&wide, 0), rows(&wide)), ((0.0, 2.0), vec![vec![0], vec![15]]));
}

#[test]
fn extreme_ranges_still_have_a_map() {
    let set = import("a,b,y\n-1.7e308,0,0\n1.7e308,5e-324,1\n").unwrap();
    assert_eq!(rows(&set), [[0, 0], [15, 0]]);
}

#[test]
fn the_training_set_gives_the_map_and_values_beyond_it_are_clamped() {
    let mut training = "y,b,a\nyes,0,10\nno,1,40.5\nmaybe,1,11\n".as_bytes();
    let set = import_csv(GOOD.as_bytes(), Some(&mut training), &options()).unwrap();
    assert_eq!(set.task().classes, ["maybe", "no", "yes"]);
    assert_eq!((map(&set, 0), map(&set, 1)), ((10.0, 30.5 / 15.0), (0.0, 1.0)));
    assert_eq!(rows(&set), [[0, 1], [0, 2], [0, 0]]);
}

#[test]
fn spaces_quotes_bom_and_line_ends_do_not_matter() {
    let set = import("\u{feff}a, b ,\"y\"\r\n 1 ,0.5,no\r\n\"2\",1.5,\"yes\" \r\n3,-1,no").unwrap();
    assert_eq!(set.digest(), import(GOOD).unwrap().digest());
    let mut semicolons = options();
    semicolons.delimiter = b';';
    let set = import_csv(GOOD.replace(',', ";").as_bytes(), None, &semicolons).unwrap();
    assert_eq!(set.digest(), import(GOOD).unwrap().digest());
}

#[test]
fn numeric_labels_sort_by_value_and_match_in_any_form() {
    let set = import("a,y\n1,10\n2,9\n3,10.0\n").unwrap();
    assert_eq!(set.task().classes, ["9", "10"]);
    assert_eq!([set.label(0), set.label(1), set.label(2)], [1, 0, 1]);
    let classes = Some(vec!["yes".to_owned(), "no".to_owned(), "maybe".to_owned()]);
    let given = import_csv(GOOD.as_bytes(), None, &CsvOptions { classes, ..options() }).unwrap();
    assert_eq!((given.task().classes.len(), given.label(0), given.label(1)), (3, 1, 0));
}

#[test]
fn a_table_maps_by_the_names_of_its_columns() {
    let set = import(GOOD).unwrap();
    let other = read_csv("b,y,a\n0.5,no,1\n1.5,yes,2\n-1,no,3\n".as_bytes(), "y", b',').unwrap();
    assert_eq!(other.to_test_set(set.task()).unwrap().digest(), set.digest());
    assert_eq!((other.rows(), other.row(2), other.label(1)), (3, &[-1.0, 3.0][..], "yes"));
}

#[test]
fn a_missing_value_names_line_and_column() {
    let e = import("a,b,y\n1,2,no\n1,,yes\n").unwrap_err();
    assert!(matches!(&e, ImportError::Missing { line: 3, column } if column == "b"), "{e}");
    let e = import("a,b,y\n1,2,\n").unwrap_err();
    assert!(matches!(&e, ImportError::Missing { line: 2, column } if column == "y"), "{e}");
}

#[test]
fn text_in_a_numeric_column_names_line_and_column() {
    let e = import("a,b,y\n1,2,no\nred,2,yes\n").unwrap_err();
    assert!(
        matches!(&e, ImportError::NotANumber { line: 3, column, got } if column == "a" && got == "red"),
        "{e}"
    );
    assert_eq!(e.to_string(), "line 3, column \"a\": expected a number, got \"red\"");
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    for bad in ["NaN", "inf", "-Infinity", "1e999"] {
        let e = import(&format!("a,b,y\n1,{bad},no\n")).unwrap_err();
        assert!(matches!(&e, ImportError::NotFinite { line: 2, column, .. } if column == "b"), "{e}");
    }
}

#[test]
fn an_unknown_label_names_line_and_classes() {
    let classes = Some(vec!["no".to_owned(), "maybe".to_owned()]);
    let e = import_csv(GOOD.as_bytes(), None, &CsvOptions { classes, ..options() }).unwrap_err();
    assert!(
        matches!(&e, ImportError::UnknownLabel { line: 3, column, got, .. } if column == "y" && got == "yes"),
        "{e}"
    );
}

#[test]
fn ragged_rows_are_refused() {
    for (text, fields) in [("a,b,y\n1,2,no\n1,yes\n", 2), ("a,b,y\n1,2,no\n1,2,3,yes\n", 4)] {
        let e = import(text).unwrap_err();
        assert!(matches!(&e, ImportError::Ragged { line: 3, expected: 3, got } if *got == fields), "{e}");
    }
}

#[test]
fn empty_files_and_files_without_rows_are_refused() {
    for empty in ["", "\n", "\n\n\n"] {
        assert!(matches!(import(empty), Err(ImportError::Empty)), "{empty:?}");
    }
    for header_only in ["a,b,y", "a,b,y\n\n"] {
        assert!(matches!(import(header_only), Err(ImportError::NoRows)), "{header_only:?}");
    }
}

#[test]
fn headers_must_have_the_label_once_and_some_features() {
    let e = import("a,a,y\n1,2,no\n").unwrap_err();
    assert!(matches!(&e, ImportError::DuplicateColumn { name, first: 1, second: 2 } if name == "a"), "{e}");
    let e = import("a,b,label\n1,2,no\n").unwrap_err();
    assert!(matches!(&e, ImportError::NoLabelColumn { expected, .. } if expected == "y"), "{e}");
    assert!(matches!(import("y\nno\nyes\n"), Err(ImportError::NoFeatures { .. })));
    let e = import("a,,y\n1,2,no\n3,4,yes\n").unwrap_err();
    assert!(matches!(e, ImportError::Task(TaskError::Name { index: 1, .. })), "{e}");
}

#[test]
fn bytes_that_are_not_utf8_name_their_place() {
    let e = import_csv(&b"a,b,y\n1,2,no\n1,2,\xff\n"[..], None, &options()).unwrap_err();
    assert!(matches!(e, ImportError::NotUtf8 { line: 3, column: 3 }), "{e}");
    let e = import_csv(&b"a,\xfe\xff,y\n1,2,no\n"[..], None, &options()).unwrap_err();
    assert!(matches!(e, ImportError::NotUtf8 { line: 1, column: 2 }), "{e}");
}

#[test]
fn a_single_class_is_refused() {
    let e = import("a,y\n1,no\n2,no\n").unwrap_err();
    assert!(matches!(&e, ImportError::SingleClass { got } if got == "no"), "{e}");
    let classes = Some(vec!["no".to_owned(), "yes".to_owned()]);
    let e = import_csv(&b"a,y\n1,no\n"[..], None, &CsvOptions { classes, ..options() }).unwrap_err();
    assert!(matches!(e, ImportError::SingleClass { .. }), "{e}");
}

#[test]
fn too_many_classes_are_refused_where_they_appear() {
    let text: String =
        std::iter::once("a,y\n".to_owned()).chain((0..300).map(|i| format!("1,{i}.5\n"))).collect();
    let e = import(&text).unwrap_err();
    assert!(matches!(e, ImportError::TooManyClasses { line: 258, expected: 256, .. }), "{e}");
}

#[test]
fn too_many_columns_are_refused() {
    let header: Vec<String> = (0..4097).map(|k| format!("f{k}")).collect();
    let e = import(&format!("{},y\n", header.join(","))).unwrap_err();
    assert!(matches!(e, ImportError::TooManyColumns { expected: 4096, got: 4098 }), "{e}");
}

#[test]
fn too_many_rows_are_refused() {
    let mut text = "a,y\n".to_owned();
    text.push_str(&"1,0\n2,1\n".repeat((1 << 19) + 1));
    assert!(matches!(import(&text), Err(ImportError::TooManyRows { expected: 1_048_576 })));
}

#[test]
fn a_file_that_is_too_long_is_refused_without_being_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    let file = std::fs::File::create(&path).unwrap();
    // Sparse: takes no space on the disk.
    file.set_len(MAX_CSV_BYTES + 1).unwrap();
    let e = import_csv_files(&path, None, &options()).unwrap_err();
    assert!(matches!(e, ImportError::TooManyBytes { got: Some(_), .. }), "{e}");
}

#[test]
fn a_stream_that_does_not_end_is_refused() {
    // A header, then blank lines without end: skipped, but counted.
    let endless = "a,y\n".as_bytes().chain(Lines);
    let e = read_csv(endless, "y", b',').unwrap_err();
    assert!(matches!(e, ImportError::TooManyBytes { got: None, .. }), "{e}");
}

struct Lines;

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        buffer.fill(b'\n');
        Ok(buffer.len())
    }
}

#[test]
fn files_are_read_and_errors_in_the_training_set_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path
    };
    let (test, training) = (path("test.csv", GOOD), path("training.csv", "a,b,y\n1,,no\n"));
    assert_eq!(import_csv_files(&test, None, &options()).unwrap().rows(), 3);
    let e = import_csv_files(&test, Some(&training), &options()).unwrap_err();
    assert!(e.to_string().starts_with("in the training set: line 2, column \"b\""), "{e}");
    let e = import_csv_files(&test, Some(&path("other.csv", "a,c,y\n1,2,no\n")), &options()).unwrap_err();
    assert!(matches!(e, ImportError::Columns { .. }), "{e}");
    assert!(matches!(
        import_csv_files(&folder.path().join("none.csv"), None, &options()),
        Err(ImportError::Io(_))
    ));
}

#[test]
fn feature_bits_out_of_range_are_refused() {
    for bits in [0, 9, 255] {
        let e = import_csv(GOOD.as_bytes(), None, &CsvOptions::new("y", bits)).unwrap_err();
        assert!(matches!(e, ImportError::Task(TaskError::Count { what: "feature bits", .. })), "{e}");
    }
}

#[test]
fn long_names_are_refused_and_cut_in_messages() {
    let name = "x".repeat(1000);
    let e = import(&format!("{name},y\n1,no\n2,yes\n")).unwrap_err();
    assert!(matches!(e, ImportError::Task(TaskError::Name { .. })), "{e}");
    let e = import(&format!("a,y\n{name},no\n")).unwrap_err();
    assert!(e.to_string().len() < 120, "{e}");
    // A class list is checked as any other.
    let classes = Some(vec!["no".to_owned(), "yes".to_owned(), "no".to_owned()]);
    let e = import_csv(GOOD.as_bytes(), None, &CsvOptions { classes, ..options() }).unwrap_err();
    assert!(matches!(e, ImportError::Task(TaskError::Duplicate { .. })), "{e}");
    assert!(!matches!(e, ImportError::TestSet(TestSetError::NotCanonical)));
}
