//! The sample sets and models: they are what their README says, and rounding costs next to nothing.

// Helpers of tests are not inside `#[test]` functions, where the lints allow this by themselves.
#![allow(clippy::unwrap_used, clippy::panic)]

use circuits::{ClassId, TestSet};
use datasets::{
    CsvOptions, FloatModel, QuantisationReport, choose_class, import_csv, quantise, read_csv, read_onnx,
    samples::*,
};

fn digits() -> TestSet {
    let mut training = DIGITS_TRAIN_CSV;
    import_csv(DIGITS_TEST_CSV, Some(&mut training), &CsvOptions::new(DIGITS_LABEL, DIGITS_FEATURE_BITS))
        .unwrap()
}

fn breast_cancer() -> TestSet {
    let mut training = BREAST_CANCER_TRAIN_CSV;
    let options = CsvOptions::new(BREAST_CANCER_LABEL, BREAST_CANCER_FEATURE_BITS);
    import_csv(BREAST_CANCER_TEST_CSV, Some(&mut training), &options).unwrap()
}

/// A sample model, its size class, and what its maker's library predicts for the test split.
struct Case {
    onnx: &'static [u8],
    class: &'static str,
    predictions: &'static str,
    /// Rows that the maker's library gets right, as the README says.
    correct: usize,
    /// Rows that its integer twin gets right.
    integer: usize,
}

const DIGITS: [Case; 3] = [
    Case {
        onnx: DIGITS_LOGISTIC_ONNX,
        class: "linear-64-10",
        predictions: include_str!("../samples/digits-logistic.predictions.csv"),
        correct: 857,
        integer: 857,
    },
    Case {
        onnx: DIGITS_MLP_ONNX,
        class: "mlp-64-32-10",
        predictions: include_str!("../samples/digits-mlp.predictions.csv"),
        correct: 880,
        integer: 880,
    },
    Case {
        onnx: DIGITS_MLP_TORCH_ONNX,
        class: "mlp-64-32-10",
        predictions: include_str!("../samples/digits-mlp-torch.predictions.csv"),
        correct: 879,
        integer: 879,
    },
];
const BREAST_CANCER: Case = Case {
    onnx: BREAST_CANCER_LOGISTIC_ONNX,
    class: "linear-30-2",
    predictions: include_str!("../samples/breast-cancer-logistic.predictions.csv"),
    correct: 277,
    integer: 278,
};

fn hex(digest: [u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn digits_are_the_set_that_was_committed() {
    let set = digits();
    assert_eq!((set.rows(), set.features(), set.classes()), (898, 64, 10));
    assert_eq!(set.task().classes, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    // Pixels are integers that fit: the map changes nothing.
    assert!(set.task().features.iter().all(|f| (f.offset, f.step) == (0.0, 1.0)));
    assert_eq!(hex(set.digest()), "c27233df91feb852f916389c43b920f237d7ecb669e3d053974825c459854410");
}

#[test]
fn breast_cancer_is_the_set_that_was_committed() {
    let set = breast_cancer();
    assert_eq!(
        (set.rows(), set.features(), set.task().classes.as_slice()),
        (284, 30, &["benign".to_owned(), "malignant".to_owned()][..])
    );
    assert_eq!(hex(set.digest()), "149fffb3657affffad7c41fc1ba8a99ef25e54cda013aee8285733ca1c2271c0");
}

#[test]
fn train_and_test_share_no_row() {
    for (train, test, label) in [
        (DIGITS_TRAIN_CSV, DIGITS_TEST_CSV, DIGITS_LABEL),
        (BREAST_CANCER_TRAIN_CSV, BREAST_CANCER_TEST_CSV, BREAST_CANCER_LABEL),
    ] {
        let (train, test) = (read_csv(train, label, b',').unwrap(), read_csv(test, label, b',').unwrap());
        let shared =
            (0..test.rows()).filter(|&i| (0..train.rows()).any(|j| train.row(j) == test.row(i))).count();
        assert_eq!(shared, 0);
    }
}

/// Float predictions on the real values of the CSV, against the maker's.
fn check_float(case: &Case, csv: &[u8], label: &str) -> FloatModel {
    let model = read_onnx(case.onnx).unwrap();
    let table = read_csv(csv, label, b',').unwrap();
    let task = table.task(None, 5, None).unwrap();
    let matched = model.for_task(&task).unwrap();
    let ours: Vec<&str> =
        (0..table.rows()).map(|i| task.classes[matched.predict(table.row(i))].as_str()).collect();
    let theirs: Vec<&str> = case.predictions.lines().skip(1).collect();
    assert_eq!(ours, theirs, "{}", case.class);
    let correct = (0..table.rows()).filter(|&i| table.label(i) == ours[i]).count();
    assert_eq!(correct, case.correct);
    model
}

fn check_integer(case: &Case, model: &FloatModel, set: &TestSet, report: &QuantisationReport) {
    let class: ClassId = case.class.parse().unwrap();
    let (again, _) = quantise(model, set.task(), class.class(), Some(set)).unwrap();
    let score = again.accuracy(set).unwrap();
    let rows = report.calibration.unwrap();
    assert_eq!(
        (score.correct, score.overflowed, score.rows),
        (rows.integer_correct, rows.overflowed, rows.rows)
    );
    assert_eq!(score.correct, case.integer);
    assert!((rows.float_accuracy() - rows.integer_accuracy()).abs() <= 0.005, "{report}");
    assert_eq!(rows.overflowed, 0, "{report}");
}

#[test]
fn every_sample_model_keeps_its_accuracy_in_integers() {
    let all: Vec<ClassId> = circuits::model::CATALOGUE.iter().map(|class| class.id).collect();
    let (digits, cancer) = (digits(), breast_cancer());
    let cases = DIGITS.iter().map(|case| (case, &digits, DIGITS_TEST_CSV, DIGITS_LABEL));
    for (case, set, csv, label) in
        cases.chain([(&BREAST_CANCER, &cancer, BREAST_CANCER_TEST_CSV, BREAST_CANCER_LABEL)])
    {
        let model = check_float(case, csv, label);
        let class = choose_class(&model, set.task(), &all).unwrap();
        assert_eq!(class.as_str(), case.class);
        let (_, report) = quantise(&model, set.task(), class.class(), Some(set)).unwrap();
        println!("{report}");
        check_integer(case, &model, set, &report);
    }
}

#[test]
fn calibration_on_the_train_split_or_on_nothing_is_as_good() {
    let set = digits();
    let train = read_csv(DIGITS_TRAIN_CSV, DIGITS_LABEL, b',').unwrap().to_test_set(set.task()).unwrap();
    for case in &DIGITS {
        let model = read_onnx(case.onnx).unwrap();
        let class: ClassId = case.class.parse().unwrap();
        for calibration in [Some(&train), None] {
            let (integer, report) = quantise(&model, set.task(), class.class(), calibration).unwrap();
            let score = integer.accuracy(&set).unwrap();
            println!("{report}; on the test split {score:?}");
            assert!(score.correct + 4 >= case.correct, "{} of {}: {report}", score.correct, case.correct);
            assert_eq!(report.calibration.is_some(), calibration.is_some());
        }
    }
}
