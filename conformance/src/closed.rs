//! What the cases of contract row 11 share: the bits of events that tell of ends and errors.

use ferrio::event::{Event, Source};
use ferrio::{Interest, SelectorKind};

use crate::backend::Backend;
use crate::capability::Capability;
use crate::driver::Driver;
use crate::kernel::{AsRaw, Flags};
use crate::pairs;

pub const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// The five bits of an event, or of several.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct Bits {
    pub readable: bool,
    pub writable: bool,
    pub error: bool,
    pub read_closed: bool,
    pub write_closed: bool,
}

/// From the letters r, w, e, R (read closed), W (write closed); anything else is 0.
pub fn bits(letters: &str) -> Bits {
    Bits {
        readable: letters.contains('r'),
        writable: letters.contains('w'),
        error: letters.contains('e'),
        read_closed: letters.contains('R'),
        write_closed: letters.contains('W'),
    }
}

pub fn merge(events: &[Event]) -> Bits {
    let any = |bit: fn(&Event) -> bool| events.iter().any(bit);
    Bits {
        readable: any(Event::is_readable),
        writable: any(Event::is_writable),
        error: any(Event::is_error),
        read_closed: any(Event::is_read_closed),
        write_closed: any(Event::is_write_closed),
    }
}

/// What [`assert_bits`] expects, as letters for [`bits`].
#[derive(Copy, Clone)]
pub struct Told {
    /// On epoll, whose decoding is the norm, and on all that follow it.
    pub norm: &'static str,
    /// On kqueue(2), when it happens: the direction in which nothing has changed is left out, and
    /// the ends are told one by one.
    pub kqueue: &'static str,
    /// And when both directions are asked about afterwards.
    pub kqueue_afterwards: &'static str,
    /// Beside which it may tell of room to write, as a Unix socket's queue does of whatever its peer
    /// has done.
    pub kqueue_room: bool,
}

impl From<&'static str> for Told {
    /// The same everywhere.
    fn from(letters: &'static str) -> Told {
        Told {
            norm: letters,
            kqueue: letters,
            kqueue_afterwards: letters,
            kqueue_room: false,
        }
    }
}

/// The peer's end, or the local reading half shut: on kqueue(2) nothing happens to writing.
pub const END_OF_READING: Told = Told {
    norm: "rwR",
    kqueue: "rR",
    kqueue_afterwards: "rwR",
    kqueue_room: false,
};

/// What is reported when `change` happens to a registered, quiet source, and what a registration
/// after the change reports. `settled` is what the kernel says when the change has arrived.
pub fn assert_bits<S: Source + AsRaw>(
    b: &Backend,
    mut source: S,
    change: impl FnOnce(&mut S),
    settled: Flags,
    told: impl Into<Told>,
) -> (Driver, S) {
    let mut driver = b.driver();
    driver.add(&mut source, 1, BOTH);
    driver.quiesce();
    change(&mut source);
    let flags = pairs::kernel_ready(&source, settled);
    // 0: the kernel says nothing about it.
    assert!(
        settled == 0 || flags & settled != 0,
        "the kernel says {flags:#x}"
    );
    let change_seen = driver.quiesce();
    driver
        .registry()
        .reregister(&mut source, ferrio::Token(1), BOTH)
        .expect("reregister");
    let again = driver.quiesce();
    let told = told.into();
    if b.selector == SelectorKind::Kqueue {
        let (at_once, afterwards) = (bits(told.kqueue), bits(told.kqueue_afterwards));
        let mut seen = merge(&change_seen);
        seen.writable &= at_once.writable || !told.kqueue_room;
        assert_eq!(seen, at_once, "at once: {change_seen:?}");
        assert_eq!(merge(&again), afterwards, "afterwards: {again:?}");
        return (driver, source);
    }
    let mut expected = bits(told.norm);
    if b.gap(Capability::EndsAreTold).is_some() {
        // Neither direction would wait any more, if something is over; that is all.
        expected = Bits {
            readable: expected.readable || expected.error,
            writable: expected.writable,
            ..Bits::default()
        };
    }
    if cfg!(wasi_p1) {
        // The host does tell of a hang-up, which is the end in both directions.
        let told = bits(told.norm);
        expected.read_closed = told.read_closed && told.write_closed;
    }
    if b.gap(Capability::BareErrors).is_some() {
        expected.readable |= expected.error;
        // Closed both ways is a hang-up.
        expected.writable |= expected.error || expected.read_closed && expected.write_closed;
    }
    assert_eq!(merge(&change_seen), expected, "at once: {change_seen:?}");
    assert_eq!(merge(&again), expected, "afterwards: {again:?}");
    (driver, source)
}
