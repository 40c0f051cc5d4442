//! Named pipes, one end against the other.
#![cfg(windows)]

mod connecting;
mod data;
mod ending;
mod fixture;
mod handles;
mod messages;
mod registration;
mod threads;
