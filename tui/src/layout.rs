//! Where the panes are, for a size of the terminal and the pane that has the keyboard.

use ratatui::layout::{Constraint, Layout, Rect};

use crate::state::Pane;

/// Narrower or lower than this, nothing readable fits.
pub const SMALLEST: (u16, u16) = (40, 8);
/// From this size on several panes stand side by side.
const WIDE: (u16, u16) = (140, 30);
/// From this size on the list stands above the board while one chooses from it.
const STACKED: (u16, u16) = (72, 20);

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Who, connected or not.
    pub title: Rect,
    /// Names of all panes.
    pub tabs: Rect,
    /// The visible panes.
    pub panes: Vec<(Pane, Rect)>,
    /// All panes together.
    pub body: Rect,
    /// What happened last.
    pub event: Rect,
    /// Some keys.
    pub hints: Rect,
    /// Whether panes have borders; else a compact screen spends no columns on them.
    pub borders: bool,
}

/// Whether the terminal is too small to draw on.
pub fn too_small((width, height): (u16, u16)) -> bool {
    width < SMALLEST.0 || height < SMALLEST.1
}

/// Where everything is on `area`, with the keyboard in `focus`.
pub fn plan(area: Rect, focus: Pane) -> Plan {
    let fits = |size: (u16, u16)| area.width >= size.0 && area.height >= size.1;
    let wide = fits(WIDE);
    let [title, tabs, body, event, hints] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    let panes = if wide {
        side_by_side(body, focus)
    } else if fits(STACKED) && focus == Pane::Competitions {
        stacked(body)
    } else {
        vec![(focus, body)]
    };
    Plan { title, tabs, panes, body, event, hints, borders: fits(STACKED) }
}

/// The list, the competition and the events at the left; the board at the right, above whatever else is looked at.
fn side_by_side(body: Rect, focus: Pane) -> Vec<(Pane, Rect)> {
    let left_width = body.width * 2 / 5;
    let [left, right] = Layout::horizontal([Constraint::Length(left_width), Constraint::Min(0)]).areas(body);
    let [top, middle, bottom] =
        Layout::vertical([Constraint::Fill(3), Constraint::Fill(4), Constraint::Fill(2)]).areas(left);
    let [board, below] = Layout::vertical([Constraint::Fill(4), Constraint::Fill(3)]).areas(right);
    let other = match focus {
        Pane::Competitions | Pane::Competition | Pane::Board | Pane::Log => Pane::Chart,
        looked_at => looked_at,
    };
    vec![
        (Pane::Competitions, top),
        (Pane::Competition, middle),
        (Pane::Board, board),
        (other, below),
        (Pane::Log, bottom),
    ]
}

fn stacked(body: Rect) -> Vec<(Pane, Rect)> {
    // Two borders, the heads and a few rows.
    let list_height = (body.height / 3).clamp(5, 14);
    let [top, bottom] = Layout::vertical([Constraint::Length(list_height), Constraint::Min(0)]).areas(body);
    vec![(Pane::Competitions, top), (Pane::Board, bottom)]
}

/// Rows that PgUp and PgDn move by in the pane that has the keyboard.
pub fn page((width, height): (u16, u16), focus: Pane) -> isize {
    // Borders and heads; a board and entries also have some lines about the competition.
    let chrome = if matches!(focus, Pane::Board | Pane::Entries) { 8 } else { 4 };
    let plan = plan(Rect::new(0, 0, width, height), focus);
    let pane_height = plan.panes.iter().find(|(pane, _)| *pane == focus).map_or(0, |(_, r)| r.height);
    isize::try_from(pane_height.saturating_sub(chrome).max(1)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_focused_pane_is_always_visible_and_nothing_overlaps() {
        for width in (1..240).step_by(7) {
            for height in 1..70 {
                for focus in Pane::ALL {
                    let area = Rect::new(0, 0, width, height);
                    let plan = plan(area, focus);
                    assert!(plan.panes.iter().any(|(p, _)| *p == focus), "{width}x{height} {focus:?}");
                    for (i, (_, a)) in plan.panes.iter().enumerate() {
                        assert_eq!(a.intersection(area), *a);
                        assert!(plan.panes[i + 1..].iter().all(|(_, b)| a.intersection(*b).is_empty()));
                    }
                    assert!(page((width, height), focus) >= 1);
                }
            }
        }
    }
}
