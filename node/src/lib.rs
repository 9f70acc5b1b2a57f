//! The daemon and the command line of Podium.
mod api_server;
mod blobs;
mod client;
mod daemon;
mod home;
mod ledger;
mod limits;
mod materials;
mod net;
mod store;
mod views;
