//! What a record's fate means for the peer that sent it.

/// What gossip is told about a message and its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Good: forward it.
    Accept,
    /// Cannot be judged, or is of no use: neither forward it nor blame the sender.
    Ignore,
    /// Provably bad, whoever looks at it: score the sender down.
    Reject,
}
