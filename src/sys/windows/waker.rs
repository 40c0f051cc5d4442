//! The waker: a packet posted to the completion port, under a key of its own.

use std::io;

use super::port::Ringer;
use crate::kind::WakerKind;
use crate::notify::Notify;

/// The wakers that this build can be asked for.
pub(crate) const AVAILABLE: &[WakerKind] = &[DEFAULT];

/// The only one.
pub(crate) const DEFAULT: WakerKind = WakerKind::Packet;

/// What one `Poll`'s wakers share with it. It outlives the selector where a waker does, and with it
/// the port's handle: a packet posted then is never seen.
#[derive(Debug)]
pub(crate) struct WakeHub {
    notify: Notify,
    ringer: Ringer,
}

impl WakeHub {
    pub(super) fn new(ringer: Ringer) -> WakeHub {
        WakeHub {
            notify: Notify::new(),
            ringer,
        }
    }

    #[inline]
    pub(crate) fn notify(&self) -> &Notify {
        &self.notify
    }

    /// Ends the wait of a blocked poll.
    pub(crate) fn ring(&self) -> io::Result<()> {
        self.ringer.ring()
    }
}
