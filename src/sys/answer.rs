use crate::readiness::Readiness;

/// What epoll and poll(2) answer, in the words that both have.
pub(super) struct Answer {
    pub(super) input: bool,
    pub(super) priority: bool,
    pub(super) output: bool,
    pub(super) error: bool,
    /// And nothing else.
    pub(super) error_alone: bool,
    pub(super) hang_up: bool,
    pub(super) peer_shut: bool,
}

impl Answer {
    pub(super) const fn readiness(&self) -> Readiness {
        Readiness::NONE
            .with_if(self.input || self.priority, Readiness::READABLE)
            .with_if(self.output, Readiness::WRITABLE)
            .with_if(self.error, Readiness::ERROR)
            // Both halves are shut, or the peer has finished and everything up to that is here.
            .with_if(
                self.hang_up || self.input && self.peer_shut,
                Readiness::READ_CLOSED,
            )
            // Both halves are shut, or the connection is broken; an error alone is what a pipe's
            // writer gets when the last reader is gone.
            .with_if(
                self.hang_up || self.output && self.error || self.error_alone,
                Readiness::WRITE_CLOSED,
            )
            .with_if(self.priority, Readiness::PRIORITY)
    }
}
