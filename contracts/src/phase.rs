//! Where a competition stands.

/// The contract's `Phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not posted.
    None,
    /// Posted; until the reveal.
    Open,
    /// The test set is known; scores until the deadline.
    Revealed,
    /// Settled, with winners.
    Won,
    /// Settled, nobody reached the threshold.
    Unwon,
    /// The host has not revealed.
    Abandoned,
    /// By the host, before anybody entered.
    Cancelled,
}

impl Phase {
    const ALL: [Self; 7] =
        [Self::None, Self::Open, Self::Revealed, Self::Won, Self::Unwon, Self::Abandoned, Self::Cancelled];

    /// By the contract's number.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "not posted",
            Self::Open => "open",
            Self::Revealed => "revealed",
            Self::Won => "won",
            Self::Unwon => "unwon",
            Self::Abandoned => "abandoned",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it is settled: bonds can be released.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Won | Self::Unwon | Self::Abandoned)
    }
}

#[cfg(test)]
mod tests {
    use super::Phase;

    #[test]
    fn phases_have_the_numbers_of_the_contract() {
        assert_eq!(
            (0..8).filter_map(Phase::of).map(|phase| phase as u8).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 5, 6]
        );
    }
}
