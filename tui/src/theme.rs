//! Styles. Nothing is told by colour alone; with `NO_COLOR` only weight, dimming and inversion remain.

use clap::ValueEnum;
use ratatui::style::{Color, Modifier, Style};
use serde::{Deserialize, Serialize};

/// The colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Palette {
    /// For dark backgrounds
    #[default]
    Dark,
    /// For light backgrounds
    Light,
    /// Bright on black, for those who see little or in the sun
    HighContrast,
}

/// The styles of the parts of the screen, and the characters that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Theme {
    /// The colours, if there are any.
    pub palette: Palette,
    /// Whether there are colours.
    pub colour: bool,
    /// Whether only ASCII characters are drawn.
    pub ascii: bool,
}

/// What a colour is for.
#[derive(Clone, Copy)]
enum Role {
    Dim,
    Warning,
    Error,
    Good,
    Own,
    Focus,
}

impl Theme {
    /// The usual theme with or without colours.
    pub fn new(colour: bool) -> Self {
        Self { palette: Palette::Dark, colour, ascii: false }
    }

    /// Whether colours are wanted: not if `NO_COLOR` is set and not empty (<https://no-color.org>).
    pub fn colour_wanted() -> bool {
        std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
    }

    fn colour(self, role: Role) -> Color {
        match (self.palette, role) {
            (Palette::Dark, Role::Dim) => Color::DarkGray,
            (Palette::Dark, Role::Warning) => Color::Yellow,
            (Palette::Dark | Palette::Light, Role::Error) => Color::Red,
            (Palette::Dark, Role::Good) => Color::Green,
            (Palette::Dark, Role::Own | Role::Focus) => Color::Cyan,
            // Yellow, green and cyan are pale on white.
            (Palette::Light, Role::Dim) => Color::DarkGray,
            (Palette::Light, Role::Warning) => Color::Magenta,
            (Palette::Light, Role::Good) => Color::Indexed(22),
            (Palette::Light, Role::Own | Role::Focus) => Color::Blue,
            (Palette::HighContrast, Role::Dim) => Color::White,
            (Palette::HighContrast, Role::Warning | Role::Focus) => Color::LightYellow,
            (Palette::HighContrast, Role::Error) => Color::LightYellow,
            (Palette::HighContrast, Role::Good | Role::Own) => Color::LightCyan,
        }
    }

    fn style(self, role: Role, modifier: Modifier) -> Style {
        let plain = Style::new().add_modifier(modifier);
        if self.colour { plain.fg(self.colour(role)) } else { plain }
    }

    /// What everything else is drawn over.
    pub fn base(self) -> Style {
        match self.palette {
            Palette::HighContrast if self.colour => Style::new().fg(Color::White).bg(Color::Black),
            _ => Style::new(),
        }
    }

    /// Titles, column heads.
    pub fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Less important text.
    pub fn dim(self) -> Style {
        self.style(Role::Dim, if self.colour { Modifier::empty() } else { Modifier::DIM })
    }

    /// What a reader must know before trusting a row.
    pub fn warning(self) -> Style {
        self.style(Role::Warning, Modifier::BOLD)
    }

    /// What went wrong.
    pub fn error(self) -> Style {
        self.style(Role::Error, Modifier::BOLD)
    }

    /// What is as it should be.
    pub fn good(self) -> Style {
        self.style(Role::Good, Modifier::empty())
    }

    /// The spectator's own row.
    pub fn mine(self) -> Style {
        self.style(Role::Own, Modifier::BOLD)
    }

    /// The selected row of the pane that has the keyboard.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The border of the pane that has the keyboard.
    pub fn focus(self) -> Style {
        self.style(Role::Focus, Modifier::BOLD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of the colours that the palette uses, as xterm draws them (WCAG 2.2).
    fn luminance(colour: Color) -> f64 {
        let (r, g, b) = match colour {
            Color::White => (229, 229, 229),
            Color::LightYellow => (255, 255, 0),
            Color::LightCyan => (0, 255, 255),
            Color::Black => (0, 0, 0),
            other => panic!("no colour of this palette: {other:?}"),
        };
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    #[test]
    fn high_contrast_is_at_least_seven_to_one() {
        let theme = Theme { palette: Palette::HighContrast, colour: true, ascii: false };
        let base = theme.base();
        let styles = [theme.dim(), theme.warning(), theme.error(), theme.good(), theme.mine(), theme.focus()];
        for style in [vec![base], styles.to_vec()].concat() {
            let (fg, bg) = (style.fg.unwrap(), base.bg.unwrap());
            let ratio = (luminance(fg) + 0.05) / (luminance(bg) + 0.05);
            assert!(ratio >= 7.0, "{fg:?}: {ratio:.1}");
        }
    }
}
