//! The scripts and the model of ferrio's conformance suite, compiled against mio: those of its modules that
//! they are made of. What else the suite has would name more of ferrio than mio has.

#[path = "../../../conformance/src/backend.rs"]
mod backend;
#[path = "../../../conformance/src/blocked.rs"]
mod blocked;
#[path = "../../../conformance/src/capability.rs"]
pub mod capability;
#[path = "../../../conformance/src/child.rs"]
mod child;
#[path = "../../../conformance/src/descriptors.rs"]
pub mod descriptors;
#[path = "../../../conformance/src/driver.rs"]
mod driver;
#[path = "../../../conformance/src/emulator.rs"]
pub mod emulator;
#[path = "../../../conformance/src/kernel/mod.rs"]
pub mod kernel;
#[path = "../../../conformance/src/pairs.rs"]
pub mod pairs;
#[path = "../../../conformance/src/samples.rs"]
pub mod samples;
#[path = "../../../conformance/src/script/mod.rs"]
pub mod script;
#[path = "../../../conformance/src/signal.rs"]
pub mod signal;
#[path = "../../../conformance/src/threads.rs"]
pub mod threads;
#[path = "../../../conformance/src/unix_samples.rs"]
mod unix_samples;
#[path = "../../../conformance/src/wasi/mod.rs"]
pub mod wasi;

pub use self::backend::{Backend, SelectorCalls, assert_complete};
pub use self::capability::Capability;
pub use self::child::{Forked, fork, isolated};
pub use self::driver::{Driver, has};
pub use self::threads::{Background, in_thread, wait_for};

/// How long a condition may take to come true.
pub const LIMIT: std::time::Duration = std::time::Duration::from_secs(10);
