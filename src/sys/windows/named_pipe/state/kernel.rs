use super::Code;

/// The name of one operation, never used again. A completion with a name that nobody waits for any
/// more changes nothing.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

/// How an operation ended.
#[derive(Debug)]
pub(crate) struct Completion {
    pub(crate) ticket: Ticket,
    pub(crate) code: Code,
    pub(crate) transferred: usize,
    /// What was lent to the operation. A wait for a client has none.
    pub(crate) buffer: Vec<u8>,
}

/// What the state machine needs of the system.
///
/// An operation that was started ends with exactly one [`Completion`], also if it was finished at
/// once, cancelled, or interrupted by the end of the pipe. One that could not be started has none.
pub(crate) trait Kernel {
    /// Starts to fill `buffer`. An error gives it back.
    fn start_read(&mut self, ticket: Ticket, buffer: Vec<u8>) -> Result<(), (Code, Vec<u8>)>;

    /// Starts to write `buffer`, all but the first `from` bytes. An error gives it back.
    fn start_write(
        &mut self,
        ticket: Ticket,
        buffer: Vec<u8>,
        from: usize,
    ) -> Result<(), (Code, Vec<u8>)>;

    /// Starts to wait for a client.
    fn start_connect(&mut self, ticket: Ticket) -> Result<(), Code>;

    /// Throws the client out, and all data that is in the pipe away.
    fn disconnect(&mut self) -> Result<(), Code>;

    /// Asks for the end of an operation, which it may reach before that in another way.
    fn cancel(&mut self, ticket: Ticket);

    /// Whether a read from this end gives a message, rather than bytes.
    fn reads_messages(&mut self) -> bool;

    /// `len` bytes of memory, with any content.
    fn buffer(&mut self, len: usize) -> Vec<u8>;

    /// Takes memory back that [`buffer`](Kernel::buffer) gave.
    fn recycle(&mut self, buffer: Vec<u8>);
}
