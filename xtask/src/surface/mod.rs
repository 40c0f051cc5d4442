//! The public surface of a crate, read from rustdoc's JSON and compared with another's.
//!
//! `json` reads the file, `names` walks the modules for public paths, `types`, `generics` and
//! `scope` write types so that equal text means an equal type, `forms` and `items` do so for items,
//! `compare` puts two crates side by side and `fetch` has rustdoc describe them.

pub mod compare;
pub mod fetch;
mod forms;
mod generics;
mod items;
mod json;
mod names;
mod scope;
#[cfg(test)]
mod tests;
mod types;
