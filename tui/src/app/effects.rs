//! What the state asks for is done here.

use crossterm::clipboard::CopyToClipboard;
use crossterm::execute;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use super::disk::Disk;
use super::record::{Line, Recorder};
use super::{Options, launch};
use crate::conn::ToConn;
use crate::state::State;
use crate::update::{Effect, Msg, update};
use crate::visit::Visit;

/// Everything that effects reach.
pub(super) struct Hands<'a> {
    pub(super) disk: &'a Disk,
    pub(super) commands: Sender<ToConn>,
    pub(super) own: Sender<Msg>,
    pub(super) options: &'a Options,
}

impl Hands<'_> {
    /// Does what was asked for. True: leave.
    pub(super) fn act(&self, effects: Vec<Effect>, state: &mut State, recorder: Option<&Recorder>) -> bool {
        for effect in effects {
            let follows = match effect {
                Effect::Quit => return true,
                Effect::Send(command) => match self.commands.try_send(ToConn::Send(command)) {
                    Err(TrySendError::Full(ToConn::Send(command))) => Some(Msg::Unsent(command)),
                    _ => None,
                },
                Effect::Reconnect => {
                    // A full queue wakes the connection as well.
                    let _ = self.commands.try_send(ToConn::Reconnect);
                    None
                }
                Effect::Copy(text) => {
                    // Whether the terminal obeys cannot be known.
                    let _ = execute!(std::io::stdout(), CopyToClipboard::to_clipboard_from(text));
                    None
                }
                Effect::LoadVisit(id) => {
                    let asked = self.disk.load(id.clone());
                    (!asked).then(|| Msg::Visit(id, Visit::default()))
                }
                Effect::SaveVisit(id, visit) => {
                    self.disk.save(id, visit);
                    None
                }
                Effect::Launch(what) => {
                    launch::launch(what, self.options, self.own.clone());
                    None
                }
            };
            let Some(msg) = follows else { continue };
            if let Some(recorder) = recorder {
                recorder.write(Line::Msg(Box::new(msg.clone())));
            }
            // Only plans to send again, and keeps ranks: asks for nothing that matters now.
            update(state, msg);
        }
        false
    }
}
