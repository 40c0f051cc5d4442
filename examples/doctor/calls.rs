//! Asking the kernel, call by call.
//!
//! That a call is in the kernel's interface says little. An old kernel answers `ENOSYS`; a seccomp
//! filter, as containers have it, answers `EPERM` or whatever else it likes, or kills the process on
//! the spot. So each call is made, in a child process, which may well not survive it.

use std::fmt;

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Works,
    /// `ENOSYS`: this kernel doesn't have it, or a filter says so.
    Missing,
    /// `EPERM`: a filter, most likely.
    Refused,
    /// It failed in another way, with this number.
    Fails(i32),
    /// It ended the process, with this signal.
    Kills(i32),
}

impl Answer {
    pub fn works(self) -> bool {
        self == Answer::Works
    }

    /// Is it one of those after which ferrio goes the next best way?
    pub fn is_no(self) -> bool {
        matches!(self, Answer::Missing | Answer::Refused)
    }

    pub fn word(self) -> &'static str {
        match self {
            Answer::Works => "works",
            Answer::Missing => "missing",
            Answer::Refused => "refused",
            Answer::Fails(_) => "fails",
            Answer::Kills(_) => "kills",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Answer::Works => f.write_str("works"),
            Answer::Missing => f.write_str("is missing (ENOSYS)"),
            Answer::Refused => f.write_str("is refused (EPERM)"),
            Answer::Fails(number) => {
                write!(f, "fails ({})", std::io::Error::from_raw_os_error(number))
            }
            Answer::Kills(signal) => write!(f, "kills the process (signal {signal})"),
        }
    }
}

/// How much ferrio needs a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing works without it.
    Always,
    /// There is another way.
    Better,
    /// Only programs that use this.
    Sometimes,
}

impl Need {
    pub fn word(self) -> &'static str {
        match self {
            Need::Always => "needed",
            Need::Better => "preferred",
            Need::Sometimes => "optional",
        }
    }
}

/// A system call, and what came of it.
pub struct Call {
    pub name: &'static str,
    /// The first kernel that has it.
    pub since: &'static str,
    pub used_for: &'static str,
    pub need: Need,
    pub answer: Answer,
}

/// What came of a call, if it was asked for.
pub fn answer(calls: &[Call], name: &str) -> Option<Answer> {
    let call = calls.iter().find(|call| call.name == name)?;
    Some(call.answer)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub use crate::linux::ask_all;

/// Elsewhere the trial has to do.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn ask_all() -> Vec<Call> {
    Vec::new()
}
