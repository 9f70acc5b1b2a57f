//! Every rule at its limit, and one beyond.

use crate::{BlobId, BlobRef, SealError};
use crate::{
    Body, ClaimRule, Competition, FormError, Prize, RuleError, TestSetTerms, limits, sign,
    testing::{
        CREATED, DEADLINE, admitted, classes, competition, enter, entry, host, person, sealed, submission,
    },
};
use circuits::{model::CATALOGUE, statement::Feature};

/// Signs a competition that has been changed.
fn try_host(change: impl FnOnce(&mut Competition)) -> Result<(), RuleError> {
    let mut rules = competition("digits");
    change(&mut rules);
    match sign(&person(1), &Body::Competition(Box::new(rules))) {
        Ok(_) => Ok(()),
        Err(SealError::Form(FormError::Rule(error))) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

fn out_of_range(what: &str, change: impl FnOnce(&mut Competition)) {
    match try_host(change) {
        Err(RuleError::Range { what: got, .. } | RuleError::TextLength { what: got, .. }) => {
            assert_eq!(got, what)
        }
        other => panic!("{what}: {other:?}"),
    }
}

/// The open test set of a competition.
fn open(c: &mut Competition) -> (&mut BlobRef, &mut u64) {
    let TestSetTerms::Open { blob, rows } = &mut c.test_set else { panic!("it is open") };
    (blob, rows)
}

fn blob(bytes: u64) -> BlobRef {
    BlobRef { id: BlobId::new([9; 32]), bytes }
}

#[test]
fn texts() {
    use limits::{MAX_DESCRIPTION_BYTES, MAX_TITLE_BYTES};
    try_host(|c| c.title = "t".repeat(MAX_TITLE_BYTES)).unwrap();
    out_of_range("title", |c| c.title = "t".repeat(MAX_TITLE_BYTES + 1));
    out_of_range("title", |c| c.title = "é".repeat(MAX_TITLE_BYTES / 2 + 1));
    out_of_range("title", |c| c.title.clear());
    try_host(|c| c.description.clear()).unwrap();
    try_host(|c| c.description = "d".repeat(MAX_DESCRIPTION_BYTES)).unwrap();
    out_of_range("description", |c| c.description = "d".repeat(MAX_DESCRIPTION_BYTES + 1));
    for bad in ["a\nb", "a\u{1b}[31mb", "a\u{202e}b", "a\u{200b}b", "a\0", "a\u{85}b", "\u{feff}a"] {
        let title = try_host(|c| c.title = bad.to_owned());
        assert!(matches!(title, Err(RuleError::TextCharacter { what: "title", .. })), "{bad:?}");
    }
    let description = try_host(|c| c.description = "a\u{1b}b".to_owned());
    assert!(matches!(description, Err(RuleError::TextCharacter { got: '\u{1b}', .. })));
    for bad in [" a", "a ", "\u{3000}a"] {
        assert!(matches!(try_host(|c| c.title = bad.to_owned()), Err(RuleError::TextEnds { .. })), "{bad:?}");
    }
}

#[test]
fn times() {
    try_host(|c| c.prove_deadline = c.created + 1).unwrap();
    let error = try_host(|c| c.prove_deadline = c.created);
    let (what, than) = ("prove deadline", "creation");
    assert_eq!(error, Err(RuleError::Order { what, than, bound: CREATED, got: CREATED }));
    assert!(matches!(try_host(|c| c.prove_deadline = 0), Err(RuleError::Order { .. })));
    try_host(|c| c.prove_deadline = limits::MAX_TIMESTAMP).unwrap();
    out_of_range("prove deadline", |c| c.prove_deadline = limits::MAX_TIMESTAMP + 1);
    out_of_range("created", |c| (c.created, c.prove_deadline) = (u64::MAX - 1, u64::MAX));
}

#[test]
fn numbers() {
    out_of_range("rows", |c| *open(c).1 = 0);
    out_of_range("rows", |c| *open(c).1 = limits::MAX_ROWS as u64 + 1);
    try_host(|c| c.threshold_bps = 10_000).unwrap();
    try_host(|c| c.threshold_bps = 0).unwrap();
    out_of_range("threshold in basis points", |c| c.threshold_bps = 10_001);
    try_host(|c| c.caps.entries = limits::MAX_ENTRIES_CAP).unwrap();
    out_of_range("entries of one competitor", |c| c.caps.entries = limits::MAX_ENTRIES_CAP + 1);
    out_of_range("entries of one competitor", |c| c.caps.entries = 0);
    try_host(|c| c.caps.submissions = limits::MAX_SUBMISSIONS_CAP).unwrap();
    out_of_range("submissions of one entry", |c| c.caps.submissions = limits::MAX_SUBMISSIONS_CAP + 1);
    out_of_range("submissions of one entry", |c| c.caps.submissions = 0);
    let prize = |chain_id| Some(Prize { chain_id, contract: [0; 20], id: [0; 32] });
    try_host(|c| c.prize = prize(1)).unwrap();
    out_of_range("chain id of the prize", |c| c.prize = prize(0));
}

#[test]
fn blobs() {
    let max = limits::MAX_TEST_SET_BYTES as u64;
    try_host(|c| *open(c).0 = blob(max)).unwrap();
    out_of_range("test set bytes", |c| *open(c).0 = blob(max + 1));
    out_of_range("test set bytes", |c| *open(c).0 = blob(0));
    try_host(|c| c.training = Some(blob(limits::MAX_TRAINING_BYTES))).unwrap();
    out_of_range("training bytes", |c| c.training = Some(blob(limits::MAX_TRAINING_BYTES + 1)));
    out_of_range("training bytes", |c| c.training = Some(blob(0)));
    let max = limits::MAX_VERIFYING_KEY_BYTES;
    try_host(|c| c.size_classes[0].verifying_key = blob(max)).unwrap();
    out_of_range("verifying key bytes", |c| c.size_classes[0].verifying_key = blob(max + 1));
    out_of_range("verifying key bytes", |c| c.size_classes[1].verifying_key = blob(0));
    let max = limits::MAX_PROVING_KEY_BYTES;
    try_host(|c| c.size_classes[0].proving_key = blob(max)).unwrap();
    out_of_range("proving key bytes", |c| c.size_classes[0].proving_key = blob(max + 1));
    out_of_range("proving key bytes", |c| c.size_classes[1].proving_key = blob(0));
}

#[test]
fn size_classes() {
    out_of_range("size classes", |c| c.size_classes.clear());
    out_of_range("size classes", |c| {
        c.size_classes = vec![admitted(classes()[0]); limits::MAX_SIZE_CLASSES + 1];
    });
    let duplicate = try_host(|c| c.size_classes.push(admitted(classes()[1])));
    assert_eq!(duplicate, Err(RuleError::DuplicateClass { class: classes()[1] }));
    // One feature, one bit or one class more than the class holds.
    let shape = &CATALOGUE[0];
    let features = |count: usize| {
        (0..count).map(|i| Feature { name: format!("f{i}"), offset: 0.0, step: 1.0 }).collect::<Vec<_>>()
    };
    try_host(|c| c.task.features = features(shape.features)).unwrap();
    let error = try_host(|c| c.task.features = features(shape.features + 1));
    assert!(matches!(error, Err(RuleError::ClassDoesNotFit { class, .. }) if class == shape.id));
    let names = |count: usize| (0..count).map(|i| format!("c{i}")).collect::<Vec<_>>();
    let error = try_host(|c| c.task.classes = names(shape.classes + 1));
    assert!(matches!(error, Err(RuleError::ClassDoesNotFit { class, .. }) if class == shape.id));
    let narrow = CATALOGUE.iter().find(|class| class.feature_bits < 8).unwrap();
    let bits = narrow.feature_bits as u8;
    let only = |c: &mut Competition, bits| {
        c.size_classes = vec![admitted(narrow.id)];
        c.task.feature_bits = bits;
    };
    try_host(|c| only(c, bits)).unwrap();
    let error = try_host(|c| only(c, bits + 1));
    assert!(matches!(error, Err(RuleError::ClassDoesNotFit { class, .. }) if class == narrow.id));
}

#[test]
fn test_sets_of_too_many_chunks() {
    let most = (limits::MAX_CHUNKS * CATALOGUE[0].rows) as u64;
    assert!(most < limits::MAX_ROWS as u64, "the rule can be broken");
    try_host(|c| *open(c).1 = most).unwrap();
    let error = try_host(|c| *open(c).1 = most + 1);
    let got = limits::MAX_CHUNKS as u64 + 1;
    assert_eq!(error, Err(RuleError::TooManyChunks { class: classes()[0], max: limits::MAX_CHUNKS, got }));
}

#[test]
fn tasks() {
    assert!(matches!(try_host(|c| c.task.classes.truncate(1)), Err(RuleError::Task(_))));
    assert!(matches!(try_host(|c| c.task.features.clear()), Err(RuleError::Task(_))));
    assert!(matches!(try_host(|c| c.task.features[0].step = 0.0), Err(RuleError::Task(_))));
    assert!(matches!(try_host(|c| c.task.features[1].name = "f0".into()), Err(RuleError::Task(_))));
    // What the encoding has no form for is not signed either.
    let mut rules = competition("digits");
    rules.task.features[0].offset = f64::NAN;
    let error = sign(&person(1), &Body::Competition(Box::new(rules)));
    assert!(matches!(error, Err(SealError::Form(FormError::Malformed(_)))));
}

/// Signs a sealed competition that has been changed.
fn try_sealed(change: impl FnOnce(&mut Competition)) -> Result<(), RuleError> {
    try_host(|c| {
        *c = sealed("digits");
        change(c);
    })
}

fn terms(c: &mut Competition) -> (&mut u64, &mut u64) {
    let TestSetTerms::Sealed { min_rows, commit_deadline, .. } = &mut c.test_set else {
        panic!("it is sealed")
    };
    (min_rows, commit_deadline)
}

#[test]
fn the_deadlines_of_a_sealed_competition_come_in_their_order() {
    try_sealed(|c| *terms(c).1 = CREATED + 1).unwrap();
    try_sealed(|c| *terms(c).1 = DEADLINE - 1).unwrap();
    for got in [0, CREATED - 1, CREATED] {
        let (what, than, bound) = ("commit deadline", "creation", CREATED);
        let error = try_sealed(|c| *terms(c).1 = got);
        assert_eq!(error, Err(RuleError::Order { what, than, bound, got }));
    }
    for bound in [DEADLINE, DEADLINE + 1] {
        let (what, than, got) = ("prove deadline", "commit deadline", DEADLINE);
        let error = try_sealed(|c| *terms(c).1 = bound);
        assert_eq!(error, Err(RuleError::Order { what, than, bound, got }));
    }
    let late = try_sealed(|c| *terms(c).1 = limits::MAX_TIMESTAMP + 1);
    assert!(matches!(late, Err(RuleError::Range { what: "commit deadline", .. })));
}

#[test]
fn the_rows_and_withdrawals_of_a_sealed_competition() {
    try_sealed(|c| *terms(c).0 = 1).unwrap();
    for bad in [0, limits::MAX_ROWS as u64 + 1] {
        let error = try_sealed(|c| *terms(c).0 = bad);
        assert!(matches!(error, Err(RuleError::Range { what: "minimum of rows", .. })), "{bad}");
    }
    for good in [0, limits::MAX_ENTRIES_CAP] {
        try_sealed(|c| c.caps.withdrawals = good).unwrap();
    }
    let error = try_sealed(|c| c.caps.withdrawals = limits::MAX_ENTRIES_CAP + 1);
    assert!(matches!(error, Err(RuleError::Range { what: "withdrawals of one competitor", .. })));
    // Where nothing is revealed, nothing is withdrawn.
    out_of_range("withdrawals of one competitor", |c| c.caps.withdrawals = 1);
}

#[test]
fn levels_of_claims_are_ascending_and_the_threshold_is_one_of_them() {
    let levels = |levels: Vec<u32>, threshold| {
        try_sealed(|c| (c.claims, c.threshold_bps) = (ClaimRule::Levels(levels), threshold))
    };
    levels(vec![1, 8000, 10_000], 8000).unwrap();
    levels(vec![8000], 0).unwrap();
    levels((1..=limits::MAX_LEVELS as u32).collect(), 1).unwrap();
    for bad in [Vec::new(), (1..=limits::MAX_LEVELS as u32 + 1).collect()] {
        assert!(matches!(levels(bad, 0), Err(RuleError::Range { what: "levels of claims", .. })));
    }
    for bad in [0, limits::MAX_THRESHOLD_BPS + 1] {
        assert!(matches!(levels(vec![bad], 0), Err(RuleError::Range { what: "level in basis points", .. })));
    }
    for bad in [vec![9000, 8000], vec![8000, 8000]] {
        let what = "levels of claims";
        assert_eq!(levels(bad, 0), Err(RuleError::NotAscending { what, at: 1 }));
    }
    let error = levels(vec![7000, 9000], 8000);
    assert_eq!(error, Err(RuleError::ThresholdBetweenLevels { got: 8000 }));
    try_host(|c| c.claims = ClaimRule::Levels(vec![8000])).unwrap();
}

#[test]
fn entries_and_submissions() {
    let hosted = host(competition("digits"));
    let good = entry(hosted.id(), &person(2), classes()[0], 5, CREATED);
    let try_enter = |name: &str, created| {
        let mut entry = good.clone();
        (entry.display_name, entry.created) = (name.to_owned(), created);
        Body::Entry(Box::new(entry)).validate()
    };
    try_enter(&"n".repeat(limits::MAX_DISPLAY_NAME_BYTES), limits::MAX_TIMESTAMP).unwrap();
    for name in
        [String::new(), "n".repeat(limits::MAX_DISPLAY_NAME_BYTES + 1), "\u{202e}n".into(), "n\n".into()]
    {
        assert!(try_enter(&name, CREATED).is_err(), "{name:?}");
    }
    assert!(try_enter("n", limits::MAX_TIMESTAMP + 1).is_err());

    let entered = enter(&person(2), good.clone());
    let mut submitted = submission(&entered, &good, &person(2), &[1, 2, 0], CREATED, 0);
    Body::Submission(submitted.clone()).validate().unwrap();
    submitted.chunks[1].correct = limits::MAX_ROWS as u64 + 1;
    assert!(matches!(
        Body::Submission(submitted.clone()).validate(),
        Err(RuleError::Range { what: "correct rows of a chunk", .. })
    ));
    submitted.chunks.clear();
    assert!(matches!(Body::Submission(submitted).validate(), Err(RuleError::Range { what: "chunks", .. })));
}
