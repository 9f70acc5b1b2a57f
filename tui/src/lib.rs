//! The board in a terminal, for spectators and competitors.
//!
//! * [`state`] is all that the screen shows; [`update`] is the only thing that changes it: a deterministic
//!   function of the state and a message that returns effects and does no I/O.
//! * [`view`] draws the state and cannot change it.
//! * [`keymap`] says what the keys do; the `?` help is made from it.
//! * [`conn`] talks to the daemon; everything that it reads passes [`sanitise`] before anyone else sees it.
//! * [`app`] joins them: one stream of events in, one screen out.
//!
//! The crate knows nothing of proofs, records or networks: the daemon has checked what is shown here.

pub mod app;
pub mod args;
pub mod ascii;
pub mod config;
pub mod conn;
pub mod fetch;
pub mod history;
pub mod items;
pub mod keymap;
pub mod layout;
pub mod list;
pub mod once;
pub mod panes;
pub mod picture;
pub mod sanitise;
pub mod state;
pub mod table;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod update;
pub mod view;
pub mod visit;
