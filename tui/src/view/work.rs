//! What is this node's own: proofs under way, blobs on their way, records and who holds them.

use api::{Fetch, OwnRecord, Work};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Row, lines, table};
use crate::items::Job;
use crate::state::{Pane, State};
use crate::table::{Column, Table};
use crate::text::{self, Align};
use crate::theme::Theme;

const COLUMNS: &[Column] = &[
    Column { title: "what", min: 10, max: 12, align: Align::Left, keep: 250, grow: 9 },
    Column { title: "which", min: 14, max: 60, align: Align::Left, keep: 255, grow: 1 },
    Column { title: "state", min: 18, max: 30, align: Align::Left, keep: 254, grow: 0 },
    Column { title: "opening", min: 7, max: 7, align: Align::Left, keep: 240, grow: 9 },
    Column { title: "since", min: 5, max: 16, align: Align::Left, keep: 200, grow: 2 },
];

/// The columns that fit into `width`; ages before `now`, in seconds since 1970.
pub fn columns(width: u16, now: u64) -> Table<Job> {
    Table::new(COLUMNS, width, now, cell)
}

/// Nothing has been heard of it for so long, in seconds, that it is worth a remark.
const QUIET_S: u64 = 60;

fn cell(job: &Job, now: u64, column: usize, width: u16) -> String {
    let columns = usize::from(width);
    match job {
        Job::Work(work) => under_way(work, now, column, columns),
        Job::Blob(blob) => fetch(blob, column, columns),
        Job::Own(record) => own(record, now, column, width),
    }
}

fn under_way(work: &Work, now: u64, column: usize, columns: usize) -> String {
    let report = &work.report;
    match column {
        0 => report.task.clone(),
        1 => report.step.clone(),
        2 if now.saturating_sub(work.updated) > QUIET_S => {
            format!("quiet for {}", text::age(now, work.updated))
        }
        2 => text::gauge(report.done_bps, columns),
        3 => String::new(),
        _ => text::age(now, work.started),
    }
}

fn fetch(blob: &Fetch, column: usize, columns: usize) -> String {
    match column {
        0 => "blob".to_owned(),
        1 => {
            let (done, all) = (text::bytes(blob.done), text::bytes(blob.bytes));
            let from = text::count(blob.sources, "peer", "peers");
            format!("{done} of {all} from {from}, {}", text::short_hex(&blob.blob))
        }
        2 if blob.active => text::gauge(text::basis_points(blob.done, blob.bytes).unwrap_or(0), columns),
        2 => "waits for its turn".to_owned(),
        _ => String::new(),
    }
}

fn own(record: &OwnRecord, now: u64, column: usize, width: u16) -> String {
    match column {
        0 => record.kind.clone(),
        1 => record.summary.clone(),
        2 => held(record),
        3 => opening(record).to_owned(),
        _ if width >= 16 => text::date(record.first_seen),
        _ => text::age(now, record.first_seen),
    }
}

/// Who has an own record.
pub fn held(record: &OwnRecord) -> String {
    let held = format!("held by {}", text::count(record.held_by, "peer", "peers"));
    if record.waiting { format!("outbox, {held}") } else { held }
}

/// Whether what opens an own entry's commitment is there.
pub fn opening(record: &OwnRecord) -> &'static str {
    match record.opening {
        Some(true) => "present",
        Some(false) => "MISSING",
        None => "",
    }
}

/// How much there is of everything.
pub fn summary(jobs: &[Job]) -> String {
    let count = |wanted: fn(&Job) -> bool| jobs.iter().filter(|job| wanted(job)).count() as u64;
    let under_way = count(|job| matches!(job, Job::Work(_)));
    let waiting = count(|job| matches!(job, Job::Own(record) if record.waiting));
    let missing = count(|job| matches!(job, Job::Own(record) if record.opening == Some(false)));
    let lost = if missing > 0 {
        format!(" · {} MISSING: nothing can be proved without", text::count(missing, "opening", "openings"))
    } else {
        String::new()
    };
    let own = text::count(count(|job| matches!(job, Job::Own(_))), "own record", "own records");
    let proofs = text::count(under_way, "task", "tasks");
    format!("{proofs} under way · {own} · {waiting} in the outbox{lost}")
}

/// What is said above the rows where the pane is `area`, and where the rows are.
fn split(jobs: &[Job], area: Rect) -> (Vec<String>, Rect) {
    let mut said = text::wrap(&summary(jobs), usize::from(area.width));
    said.truncate(usize::from(area.height.saturating_sub(3)));
    let used = u16::try_from(said.len()).unwrap_or(u16::MAX).min(area.height);
    (said, Rect { y: area.y + used, height: area.height - used, ..area })
}

/// Where the table is in the pane `area`.
pub(super) fn table_area(state: &State, area: Rect) -> Rect {
    split(state.jobs.items(), area).1
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    if state.jobs.items().is_empty() {
        let nothing = "Nothing of your own yet. Enter a model: node enter --help, then node submit --help";
        let wrapped = text::wrap(nothing, usize::from(area.width));
        return lines(frame, area, wrapped.into_iter().map(|l| (l, theme.dim())));
    }
    let (said, below) = split(state.jobs.items(), area);
    let lacking = state.jobs.items().iter().any(|job| matches!(job, Job::Own(r) if r.opening == Some(false)));
    let style = if lacking { theme.warning() } else { theme.dim() };
    lines(frame, area, said.into_iter().map(|line| (line, style)));
    let columns = columns(area.width.saturating_sub(1), state.clock.unix);
    let focused = state.focus == Pane::Work;
    table(frame, below, &columns.heads(), &state.jobs, focused, theme, |job| Row {
        mark: ' ',
        text: columns.line(job),
        style: match job {
            Job::Work(_) => theme.good(),
            Job::Own(record) if record.waiting || record.opening == Some(false) => theme.warning(),
            Job::Own(_) | Job::Blob(_) => Style::new(),
        },
    });
}
