//! Named pipes, one end against the other.
#![cfg(windows)]

mod connecting;
mod data;
mod ending;
mod fixture;
mod leaks;
mod memory;
mod messages;
mod random;
mod registration;
mod threads;
