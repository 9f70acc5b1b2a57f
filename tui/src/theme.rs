//! Styles. Nothing is told by colour alone; with `NO_COLOR` only weight, dimming and inversion remain.

use ratatui::style::{Color, Modifier, Style};

/// The styles of the parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    colour: bool,
}

impl Theme {
    /// A theme with or without colours.
    pub fn new(colour: bool) -> Self {
        Self { colour }
    }

    /// Without colours if `NO_COLOR` is set and not empty (<https://no-color.org>).
    pub fn from_env() -> Self {
        Self::new(std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()))
    }

    fn style(self, colour: Color, modifier: Modifier) -> Style {
        let plain = Style::new().add_modifier(modifier);
        if self.colour { plain.fg(colour) } else { plain }
    }

    /// Titles, column heads.
    pub fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Less important text.
    pub fn dim(self) -> Style {
        self.style(Color::DarkGray, if self.colour { Modifier::empty() } else { Modifier::DIM })
    }

    /// What a reader must know before trusting a row.
    pub fn warning(self) -> Style {
        self.style(Color::Yellow, Modifier::BOLD)
    }

    /// What went wrong.
    pub fn error(self) -> Style {
        self.style(Color::Red, Modifier::BOLD)
    }

    /// What is as it should be.
    pub fn good(self) -> Style {
        self.style(Color::Green, Modifier::empty())
    }

    /// The spectator's own row.
    pub fn mine(self) -> Style {
        self.style(Color::Cyan, Modifier::BOLD)
    }

    /// The selected row of the pane that has the keyboard.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The border of the pane that has the keyboard.
    pub fn focus(self) -> Style {
        self.style(Color::Cyan, Modifier::BOLD)
    }
}
