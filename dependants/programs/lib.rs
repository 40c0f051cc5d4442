//! What the programs have in common. None of them knows which mio it was built on.

pub mod clock;
pub mod control;
