//! A screen as a picture.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use svg::node::element::{Group, Rectangle, Style, Text};
use svg::{Document, Node};
use tui::picture;
use tui::state::State;
use tui::theme::Theme;

/// Size of a cell in pixels.
const CELL: (usize, usize) = (9, 18);
/// Room around the screen in pixels.
const MARGIN: usize = 12;
const BACKGROUND: &str = "#10141a";
const FOREGROUND: &str = "#d8dee6";

/// The screen of a state.
pub fn picture(state: &State) -> String {
    let buffer = picture::of(state, &Theme::new(true));
    let (width, height) = (usize::from(buffer.area.width), usize::from(buffer.area.height));
    let (w, h) = (width * CELL.0 + 2 * MARGIN, height * CELL.1 + 2 * MARGIN);
    let mut page = Group::new().set("transform", format!("translate({MARGIN} {MARGIN})"));
    for y in 0..height {
        row(&buffer, y, &mut page);
    }
    let font = "text { font: 15px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; }";
    let ground = Rectangle::new().set("width", w).set("height", h).set("rx", 8).set("fill", BACKGROUND);
    let document = Document::new()
        .set("viewBox", (0, 0, w, h))
        .set("role", "img")
        .set("aria-label", "The board of Podium in a terminal")
        .add(Style::new(font))
        .add(ground)
        .add(page);
    format!("{document}\n")
}

/// Cells of the same look become one text.
fn row(buffer: &Buffer, y: usize, page: &mut Group) {
    let width = usize::from(buffer.area.width);
    let cell = |x: usize| &buffer.content()[y * width + x];
    let mut x = 0;
    while x < width {
        let (start, look) = (x, look(cell(x)));
        let mut text = String::new();
        while x < width && self::look(cell(x)) == look {
            let symbol = cell(x).symbol();
            text.push_str(symbol);
            x += tui::text::width(symbol).max(1);
        }
        run(page, (start, y), x - start, &text, look);
    }
}

/// Colours, and whether the text is bold.
type Look = (&'static str, Option<&'static str>, bool);

fn look(cell: &Cell) -> Look {
    let fg = colour(cell.fg).unwrap_or(FOREGROUND);
    let bg = colour(cell.bg);
    let bold = cell.modifier.contains(Modifier::BOLD);
    match cell.modifier.contains(Modifier::REVERSED) {
        true => (bg.unwrap_or(BACKGROUND), Some(fg), bold),
        false => (fg, bg, bold),
    }
}

fn colour(colour: Color) -> Option<&'static str> {
    match colour {
        Color::DarkGray => Some("#7b8794"),
        Color::Yellow => Some("#e5c07b"),
        Color::Red => Some("#e06c75"),
        Color::Green => Some("#98c379"),
        Color::Cyan => Some("#56b6c2"),
        _ => None,
    }
}

fn run(page: &mut Group, (x, y): (usize, usize), columns: usize, text: &str, (fg, bg, bold): Look) {
    let (left, top) = (x * CELL.0, y * CELL.1);
    if let Some(bg) = bg {
        let ground = Rectangle::new().set("x", left).set("y", top).set("width", columns * CELL.0);
        page.append(ground.set("height", CELL.1).set("fill", bg));
    }
    if text.trim().is_empty() {
        return;
    }
    // Every font is stretched to the columns, so that they stand under each other.
    let length = columns * CELL.0;
    // Renderers draw several blanks as one, but for those that must not be broken.
    let mut words =
        Text::new(text.replace(' ', "\u{a0}")).set("x", left).set("y", top + CELL.1 * 3 / 4).set("fill", fg);
    words.assign("textLength", length);
    words.assign("lengthAdjust", "spacingAndGlyphs");
    if bold {
        words.assign("font-weight", "bold");
    }
    page.append(words);
}
