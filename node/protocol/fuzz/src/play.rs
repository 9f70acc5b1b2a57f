//! Sequences of records: what a node keeps, and what others make of it.

use super::{decoders::message, input::Input, records::changed_payload, scene::Scene};
use protocol::{
    Board, Body, Bundle, Dossier, Kind, Outcome, ProofCheck, ProofError, ProofJob, RecordId, Signed, Update,
    Verdict,
    limits::MAX_PENDING,
    sign,
    testing::{
        CREATED, FakeChecker, FakeModel, FakeState, TEST_SET, bring_blobs, classes, competition, enter,
        entry, host, key_bytes, person, reveal, run_all, sealed, submission_after, test_set_bytes,
    },
    verify_bundle, verify_offline,
};
use std::collections::{BTreeMap, BTreeSet};

/// Most steps of one input.
const MAX_STEPS: usize = 48;
const NOW: u64 = CREATED + 5;

/// A node's core: records, blobs, proof checks and their results in whatever order, with its promises checked after
/// every step; in the end, a bundle of what it keeps shows the same.
pub fn state(data: &[u8]) {
    let mut input = Input::new(data);
    let mut play = Play::default();
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        play.step(&mut input);
        play.check();
    }
    play.finish();
}

#[derive(Default)]
struct Play {
    scene: Scene,
    state: FakeState,
    held: Vec<ProofJob<FakeModel>>,
    /// Kept up to date as a node does it.
    boards: BTreeMap<RecordId, Board>,
}

impl Play {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.below(16) {
            0..=8 => {
                if let Some(bytes) = self.scene.make(input) {
                    self.apply(&bytes);
                }
            }
            9 => drop(self.scene.make(input)),
            10 => {
                let at = input.below(self.scene.made.len().max(1));
                if let Some(bytes) = self.scene.made.get(at).cloned() {
                    self.apply(&bytes);
                }
            }
            11 => self.bring(),
            12 if input.rarely(2) => {
                let jobs = self.state.next_jobs(1 + input.below(6));
                together(&jobs);
                self.held.extend(jobs);
            }
            12 => self.held.extend(self.state.next_job()),
            13 => self.report(input),
            14 => self.give_up(input),
            _ => {
                self.bring();
                let updates = run_all(&mut self.state);
                self.note(updates);
            }
        }
    }

    fn apply(&mut self, bytes: &[u8]) {
        let id = RecordId::of(bytes);
        let before = (self.state.set().kind_of(id), self.state.is_pending(id));
        let (outcome, updates) = self.state.apply(bytes, NOW);
        assert!(updates.iter().all(|update| update.id != id));
        match &outcome {
            Outcome::Known => assert!(before.0.is_some()),
            Outcome::Pending => assert!(before.1),
            Outcome::Refused(refusal) => message(refusal),
            _ => assert_eq!(before, (None, false)),
        }
        assert_eq!(matches!(outcome, Outcome::Checking), outcome.verdict().is_none());
        let own = self.scene.known.get(&id).map(|(_, kind, competition)| Update {
            id,
            kind: *kind,
            competition: *competition,
            outcome: outcome.clone(),
        });
        assert!(own.is_some() || matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
        self.note(own.into_iter().chain(updates).collect());
    }

    fn bring(&mut self) {
        let updates = bring_blobs(&mut self.state);
        assert!(self.state.wanted_blobs().is_empty());
        self.note(updates);
    }

    fn report(&mut self, input: &mut Input<'_>) {
        if self.held.is_empty() {
            return;
        }
        let at = input.below(self.held.len());
        let job = self.held.swap_remove(at);
        let subject = job.check.subject();
        let result = match input.below(8) {
            0 => Err(ProofError::NotChecked { reason: "too busy".to_owned() }),
            1 => run(self.held.first().unwrap_or(&job)),
            _ => run(&job),
        };
        let updates = self.state.proof_checked(job.id, result.clone(), 1);
        assert_eq!(updates.first().map(|update| update.id), Some(subject));
        self.note(updates);
        assert!(self.state.proof_checked(job.id, result, 1).is_empty(), "the job is over");
    }

    fn give_up(&mut self, input: &mut Input<'_>) {
        let updates = if input.rarely(2) {
            self.state.give_up_late(NOW + 10 * u64::from(input.byte()), 60, &BTreeSet::new())
        } else {
            let at = input.below(self.scene.made.len().max(1));
            let id = self.scene.made.get(at).map(|bytes| RecordId::of(bytes));
            id.map(|id| self.state.give_up(id)).unwrap_or_default()
        };
        assert!(updates.iter().all(|update| matches!(update.outcome, Outcome::Refused(_))));
        self.note(updates);
    }

    /// Does with boards what a node does.
    fn note(&mut self, updates: Vec<Update>) {
        let mut kept_at_last = BTreeMap::new();
        for update in &updates {
            let (author, kind, competition) = self.scene.known[&update.id];
            assert_eq!((kind, competition), (update.kind, update.competition));
            let kept = matches!(update.outcome, Outcome::Accepted { .. } | Outcome::Known);
            kept_at_last.insert(update.id, kept);
            if let Outcome::Accepted { displaced } = &update.outcome {
                for gone in displaced {
                    let (other, of, _) = self.scene.known[gone];
                    let by_host = kind == Kind::Reveal;
                    assert!(other == author || by_host || of == Kind::Misbehaviour, "{update:?}");
                    kept_at_last.insert(*gone, false);
                }
            }
        }
        for (id, kept) in kept_at_last {
            assert_eq!(self.state.set().kind_of(id).is_some(), kept, "{id}");
        }
        for update in updates.iter().filter(|update| matches!(update.outcome, Outcome::Accepted { .. })) {
            let Some(contest) = self.state.set().contest(update.competition) else { panic!("{update:?}") };
            let (author, kind, competition) = self.scene.known[&update.id];
            let of_one = matches!(kind, Kind::Entry | Kind::Withdrawal | Kind::Submission);
            match self.boards.get_mut(&competition) {
                Some(board) if of_one => board.update(contest, &author),
                _ => drop(self.boards.insert(competition, Board::of(contest))),
            }
        }
    }

    fn check(&self) {
        let (state, known) = (&self.state, &self.scene.known);
        let pending = known.keys().filter(|id| state.is_pending(**id)).count();
        assert_eq!(state.pending(None), pending);
        assert!(pending <= MAX_PENDING && state.jobs_ready() + self.held.len() <= pending);
        for id in state.wanted_records() {
            assert!(state.set().kind_of(id).is_none() && !state.is_pending(id));
        }
        let mut kept = 0;
        for contest in state.set().contests() {
            kept += contest.ids().len();
            assert_eq!(contest.counts().records, contest.ids().len() as u64);
            for record in contest.records() {
                let (id, kind, bytes, author) = record.item;
                assert_eq!(state.set().kind_of(id), Some((kind, contest.id())));
                assert_eq!(known.get(&id), Some(&(author, kind, contest.id())));
                assert_eq!(RecordId::of(bytes), id);
                assert!(contest.record(id, kind).is_some() && !state.is_pending(id));
            }
            caps(contest);
            let board = Board::of(contest);
            assert_eq!(self.boards.get(&contest.id()), Some(&board));
            in_order(&board);
            state.defects(contest.id()).iter().for_each(|defect| message(defect));
        }
        assert_eq!((kept, self.boards.len()), (state.set().len(), state.set().contests().count()));
    }

    fn finish(mut self) {
        for job in std::mem::take(&mut self.held) {
            let updates = self.state.proof_checked(job.id, run(&job), 1);
            self.note(updates);
        }
        self.bring();
        let updates = run_all(&mut self.state);
        self.note(updates);
        self.check();
        assert_eq!(self.state.jobs_ready(), 0);
        for contest in self.state.set().contests() {
            let records = contest.records().map(|kept| kept.item.2.to_vec()).collect();
            let bundle = Bundle { records, blobs: blobs() };
            let Ok(report) = verify_bundle(&FakeChecker, &bundle, NOW) else { panic!("{bundle:?}") };
            assert_eq!(report.fingerprint, contest.fingerprint().to_string(), "{report:?}");
            assert_eq!(report.board, Board::of(contest));
            // What is wrong with the files that the host named, and those that nobody has, is told.
            let defects = self.state.defects(contest.id()).len();
            let wanted = self.state.wanted_blobs();
            let missing = wanted.iter().filter(|wanted| wanted.competition == contest.id()).count();
            assert_eq!((report.refused.len(), report.undecided.len()), (defects, missing), "{report:?}");
        }
    }
}

fn run(job: &ProofJob<FakeModel>) -> Result<protocol::Evidence<FakeModel>, ProofError> {
    job.check.run(&FakeChecker, &key_bytes(job.check.key().class), Some(&TEST_SET))
}

/// Checks that are handed out together take one key, and show together what each shows alone.
fn together(jobs: &[ProofJob<FakeModel>]) {
    let Some(first) = jobs.first() else { return };
    assert!(jobs.iter().all(|job| job.check.key() == first.check.key()));
    let checks: Vec<_> = jobs.iter().map(|job| (&job.check, Some(&*TEST_SET))).collect();
    let key = key_bytes(first.check.key().class);
    let shown = ProofCheck::run_batch(&checks, &FakeChecker, &key, &[0; 32]);
    assert_eq!(shown, jobs.iter().map(run).collect::<Vec<_>>());
}

fn blobs() -> Vec<Vec<u8>> {
    classes().map(key_bytes).into_iter().chain([test_set_bytes()]).collect()
}

/// No competitor has more than the rules admit.
fn caps(contest: &protocol::Contest<FakeModel>) {
    let caps = contest.competition().item.body().caps;
    let listed = |id: RecordId| contest.reveals().iter().any(|reveal| reveal.item.body().lists(id));
    let mut entries = BTreeMap::new();
    for entry in contest.entries() {
        let record = entry.item.record();
        if !listed(record.id()) {
            *entries.entry(record.author()).or_insert(0) += 1;
        }
    }
    assert!(entries.values().all(|count| *count <= caps.entries + caps.withdrawals));
    let mut submissions = BTreeMap::new();
    for submission in contest.submissions() {
        let body = submission.item.record().body();
        assert!(contest.entry(body.entry).is_some());
        assert!(body.reveal.is_none_or(|id| contest.reveal(id).is_some()));
        *submissions.entry((body.entry, body.reveal)).or_insert(0) += 1;
    }
    assert!(submissions.values().all(|count| *count <= caps.submissions));
    assert!(contest.reveals().len() <= 2 && contest.closes().len() <= 2);
}

/// A board that makes sense by itself.
fn in_order(board: &Board) {
    let competitors: BTreeSet<&str> = board.rows.iter().map(|row| row.competitor.as_str()).collect();
    assert_eq!(competitors.len(), board.rows.len());
    let rows = board.rows_total.unwrap_or(0);
    for row in &board.rows {
        assert!(row.correct <= rows && row.accuracy_bps <= 10_000 && row.entries >= 1);
        assert!(row.interval_bps.0 <= row.accuracy_bps && row.accuracy_bps <= row.interval_bps.1);
        assert!(row.rank.is_none_or(|rank| (1..=board.rows.len() as u64).contains(&rank)));
    }
    for pair in board.rows.windows(2) {
        let (ranked, other) = (pair[0].rank.is_some(), pair[1].rank.is_some());
        assert!(ranked >= other && (ranked != other || pair[0].correct >= pair[1].correct));
        assert!(!other || pair[0].rank <= pair[1].rank);
    }
    assert!(!board.to_bytes().is_empty());
}

/// Records of a scene, all of them made before any is looked at.
fn records(input: &mut Input<'_>) -> Vec<Vec<u8>> {
    let mut scene = Scene::default();
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        scene.make(input);
    }
    scene.made
}

/// The same records in two orders, handed in until nothing is new, come to the same.
pub fn order(data: &[u8]) {
    let mut input = Input::new(data);
    let seed = input.number();
    let records = records(&mut input);
    let shown = |records: &[&Vec<u8>]| {
        let mut state = FakeState::default();
        for _ in 0..3 {
            for bytes in records {
                state.apply(bytes, NOW);
                bring_blobs(&mut state);
                run_all(&mut state);
            }
        }
        let boards: Vec<Board> = state.set().contests().map(Board::of).collect();
        (state.set().fingerprint(), boards)
    };
    let forward: Vec<&Vec<u8>> = records.iter().collect();
    let mut other = forward.clone();
    other.sort_by_key(|bytes| *blake3::hash(&[&seed.to_be_bytes()[..], bytes].concat()).as_bytes());
    assert_eq!(shown(&forward), shown(&other));
}

/// Bundles of whatever records and blobs: the order in them does not matter.
pub fn bundle(data: &[u8]) {
    let mut input = Input::new(data);
    let missing = input.byte();
    let mut blobs: Vec<Vec<u8>> = blobs()
        .into_iter()
        .enumerate()
        .filter(|(at, _)| missing >> at & 1 == 0)
        .map(|(_, blob)| blob)
        .collect();
    if input.rarely(4) {
        blobs.push(input.take(200).to_vec());
    }
    let records = records(&mut input);
    let mut bundle = Bundle { records, blobs };
    let report = verify_bundle(&FakeChecker, &bundle, NOW);
    bundle.records.reverse();
    bundle.blobs.reverse();
    match (report, verify_bundle(&FakeChecker, &bundle, NOW)) {
        (Ok(report), Ok(again)) => {
            in_order(&report.board);
            assert!(report.records <= bundle.records.len() as u64);
            assert_eq!((report.board, report.fingerprint), (again.board, again.fingerprint));
            assert_eq!((report.records, report.missing_entries), (again.records, again.missing_entries));
        }
        (Err(error), Err(again)) => {
            assert_eq!(error, again);
            message(&error);
        }
        (one, other) => panic!("{one:?} {other:?}"),
    }
}

/// One submission with its files, with fields changed and bytes damaged: what verifies without a node is kept by one,
/// and stands on the board.
pub fn dossier(data: &[u8]) {
    let mut input = Input::new(data);
    let sealed_one = input.rarely(2);
    let rules = if sealed_one { sealed("sealed") } else { competition("open") };
    let hosted = changed(&host(rules.clone()), 1, Body::Competition(Box::new(rules)), &mut input);
    let class = input.pick(&classes());
    let of = entry(hosted.id(), &person(2), class, 5, CREATED);
    let entered = changed(&enter(&person(2), of.clone()), 2, Body::Entry(Box::new(of.clone())), &mut input);
    let body = reveal(hosted.id(), &[entered.id()]);
    let revealed = sign(&person(1), &Body::Reveal(body.clone())).unwrap();
    let revealed = changed(&revealed, 1, Body::Reveal(body.clone()), &mut input);
    let after = sealed_one.then_some((revealed.id(), &body));
    let correct = [input.below(4) as u64, 1, 1];
    let made =
        Body::Submission(submission_after(after, &entered, &of, &person(2), &correct, CREATED + 600, 0));
    let submitted = changed(&sign(&person(2), &made).unwrap(), 2, made, &mut input);
    let mut files = [hosted, entered, revealed, submitted].map(|signed| signed.bytes().to_vec());
    let mut blobs = [key_bytes(class), test_set_bytes()];
    if input.rarely(2) {
        let damaged = input.below(6);
        let bytes = if damaged < 4 { &mut files[damaged] } else { &mut blobs[damaged - 4] };
        let at = input.below(1 << 12) % bytes.len();
        bytes[at] ^= input.byte();
    }
    let reveal = (sealed_one != input.rarely(8)).then_some(&files[2][..]);
    let dossier = Dossier {
        competition: &files[0],
        entry: &files[1],
        reveal,
        submission: &files[3],
        key: &blobs[0],
        test_set: &blobs[1],
    };
    let verified = match verify_offline(&FakeChecker, &dossier) {
        Ok(verified) => verified,
        Err(error) => return message(&error),
    };
    let mut state = FakeState::default();
    for bytes in
        [&files[0], &files[1]].into_iter().map(|bytes| &bytes[..]).chain(reveal).chain([&files[3][..]])
    {
        let (outcome, _) = state.apply(bytes, NOW);
        assert!(!matches!(outcome.verdict(), Some(Verdict::Reject)), "{outcome:?}");
        bring_blobs(&mut state);
        run_all(&mut state);
    }
    let Some(contest) = state.set().contest(verified.competition) else { panic!("{verified:?}") };
    assert!(contest.submission(verified.submission).is_some());
    let board = Board::of(contest);
    assert_eq!(board.rows.len(), 1);
    let row = &board.rows[0];
    assert_eq!(
        (row.correct, row.interval_bps, row.class),
        (verified.correct, verified.interval_bps, verified.class)
    );
    assert_eq!((&row.competitor, board.rows_total), (&verified.competitor, Some(verified.rows)));
}

/// The record, or one chance in four of another with changed fields by the same author.
fn changed(signed: &Signed, who: u8, body: Body, input: &mut Input<'_>) -> Signed {
    if !input.rarely(4) {
        return signed.clone();
    }
    let payload = changed_payload(&body, input);
    let sealed = payload.and_then(|payload| Signed::seal(&person(who), payload).ok());
    sealed.unwrap_or_else(|| signed.clone())
}
