use std::io;

/// A Windows error number, as `GetLastError` gives it. 0 is success.
///
/// Named here, and not taken from windows-sys, are those that mean something to a pipe: so this state
/// machine compiles, and is tested, on every system.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) i32);

impl Code {
    pub(crate) const SUCCESS: Code = Code(0);
    /// Reading from an end that was opened for writing only, and the other way round.
    pub(crate) const ACCESS_DENIED: Code = Code(5);
    /// The end, where the other end is on another machine, or no pipe's.
    pub(crate) const HANDLE_EOF: Code = Code(38);
    /// The other end was closed.
    pub(crate) const BROKEN_PIPE: Code = Code(109);
    /// The same, to somebody who writes or waits for a client.
    pub(crate) const NO_DATA: Code = Code(232);
    /// The server has disconnected this client, or has no client.
    pub(crate) const PIPE_NOT_CONNECTED: Code = Code(233);
    /// The message is longer than the buffer. The buffer is full, the rest is still to be read.
    pub(crate) const MORE_DATA: Code = Code(234);
    /// A client came before it was waited for.
    pub(crate) const PIPE_CONNECTED: Code = Code(535);
    /// No client has come yet.
    pub(crate) const PIPE_LISTENING: Code = Code(536);
    /// The operation was cancelled.
    pub(crate) const ABORTED: Code = Code(995);

    /// Whether it says that nothing more will come through the pipe, or go.
    pub(crate) fn is_end(self) -> bool {
        matches!(
            self,
            Code::HANDLE_EOF | Code::BROKEN_PIPE | Code::NO_DATA | Code::PIPE_NOT_CONNECTED
        )
    }

    /// The number of an error that the system gave.
    pub(crate) fn of(error: &io::Error) -> Code {
        const GENERAL_FAILURE: i32 = 31;
        Code(error.raw_os_error().unwrap_or(GENERAL_FAILURE))
    }

    pub(crate) fn error(self) -> io::Error {
        io::Error::from_raw_os_error(self.0)
    }
}
