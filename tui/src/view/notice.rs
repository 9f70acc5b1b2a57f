//! What is said instead of panes when there is nothing to show in them, and what to do about it.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::lines;
use crate::conn::Down;
use crate::keymap::Action;
use crate::state::{Link, Pane, State};
use crate::text;
use crate::theme::Theme;

/// A title and paragraphs.
pub(super) struct Notice {
    title: String,
    paragraphs: Vec<String>,
    bad: bool,
}

/// What to say, if there is nothing to show.
pub(super) fn of(state: &State) -> Option<Notice> {
    // What was known before the connection broke is still worth reading.
    if state.loaded {
        return empty(state);
    }
    let socket = crate::sanitise::text(&state.socket.display().to_string());
    match &state.link {
        Link::Connecting => Some(calm("Connecting", vec![format!("to the daemon at {socket}")])),
        Link::Up => Some(calm("Connected", vec!["Asking for the competitions …".to_owned()])),
        Link::Down { why, .. } => Some(down(why, &socket, state)),
    }
}

fn calm(title: &str, paragraphs: Vec<String>) -> Notice {
    Notice { title: title.to_owned(), paragraphs, bad: false }
}

/// How a daemon can be started.
fn offer(state: &State) -> String {
    let key = state.keymap.key_of(Action::StartDaemon);
    match &state.node_program {
        _ if state.starting => "Starting one …".to_owned(),
        Some(program) => {
            let program = crate::sanitise::text(&program.display().to_string());
            format!("{key} starts one: {program} run")
        }
        None => "Start one in another terminal:  node run".to_owned(),
    }
}

fn down(why: &Down, socket: &str, state: &State) -> Notice {
    let retry = state.keymap.key_of(Action::Refresh);
    let (title, paragraphs) = match why {
        Down::NoDaemon => (
            "No daemon is running",
            vec![
                format!("Nothing listens at {socket}"),
                offer(state),
                format!("This board connects by itself as soon as it is up; {retry} tries at once."),
                "Is its data elsewhere? Give --data-dir DIR or --socket PATH.".to_owned(),
            ],
        ),
        Down::Version { expected, got } => (
            "The daemon is of another release",
            vec![
                format!("It speaks version {got} of the local interface, this board version {expected}."),
                "Install both from the same release, then restart the older one.".to_owned(),
            ],
        ),
        Down::Other(reason) => (
            "Disconnected",
            vec![reason.clone(), format!("Socket: {socket}"), format!("{retry} tries again at once.")],
        ),
    };
    Notice { title: title.to_owned(), paragraphs, bad: true }
}

/// There are no competitions: how to make or find one.
fn empty(state: &State) -> Option<Notice> {
    let list = !matches!(state.focus, Pane::Peers | Pane::Work | Pane::Health | Pane::Log);
    if !state.competitions.items().is_empty() || !list {
        return None;
    }
    Some(calm(
        "No competitions yet",
        vec![
            "They appear here as soon as a peer tells of one.".to_owned(),
            "Host one from a labelled CSV file; how:  node host --help".to_owned(),
            "See everything at work on this machine:  node demo --keep".to_owned(),
        ],
    ))
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, notice: &Notice, theme: &Theme) {
    let width = usize::from(area.width).saturating_sub(4).min(76);
    let mut texts = vec![(notice.title.clone(), if notice.bad { theme.error() } else { theme.title() })];
    for paragraph in &notice.paragraphs {
        let wrapped = wrap_kept(paragraph, width);
        texts.extend(wrapped.into_iter().map(|line| (line, ratatui::style::Style::new())));
    }
    if texts.len() > usize::from(area.height) {
        texts.retain(|(line, _)| !line.is_empty());
    }
    let height = u16::try_from(texts.len()).unwrap_or(u16::MAX).min(area.height);
    let side = (area.width - u16::try_from(width).unwrap_or(area.width).min(area.width)) / 2;
    let place =
        Rect { x: area.x + side, y: area.y + (area.height - height) / 3, width: area.width - side, height };
    lines(frame, place, texts);
}

/// A paragraph with an empty line before it. One that fits keeps its blanks: they set a command apart.
fn wrap_kept(paragraph: &str, width: usize) -> Vec<String> {
    let body = if text::width(paragraph) <= width {
        vec![paragraph.to_owned()]
    } else {
        text::wrap(paragraph, width)
    };
    std::iter::once(String::new()).chain(body).collect()
}
