//! The C ABI of FreeBSD 11: `<sys/event.h>` as its manual page kqueue(2) gives it.

use std::ffi::c_void;

/// `struct kevent`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kevent {
    pub ident: usize,
    pub filter: i16,
    pub flags: u16,
    pub fflags: u32,
    pub data: isize,
    /// Handed back as it came; never followed.
    pub udata: *mut c_void,
}

// SAFETY: plain values; nothing here follows `udata`.
unsafe impl Send for Kevent {}
// SAFETY: as above.
unsafe impl Sync for Kevent {}

pub const EVFILT_READ: i16 = -1;
pub const EVFILT_WRITE: i16 = -2;
pub const EVFILT_USER: i16 = -11;

pub const EV_ADD: u16 = 0x0001;
pub const EV_DELETE: u16 = 0x0002;
pub const EV_ENABLE: u16 = 0x0004;
pub const EV_DISABLE: u16 = 0x0008;
pub const EV_ONESHOT: u16 = 0x0010;
pub const EV_CLEAR: u16 = 0x0020;
pub const EV_RECEIPT: u16 = 0x0040;
pub const EV_DISPATCH: u16 = 0x0080;
pub const EV_ERROR: u16 = 0x4000;
pub const EV_EOF: u16 = 0x8000;
/// The flags that are the system's own: whatever a change says there is ignored.
pub const EV_SYSFLAGS: u16 = 0xf000;

pub const NOTE_LOWAT: u32 = 0x0000_0001;
pub const NOTE_TRIGGER: u32 = 0x0100_0000;
pub const NOTE_FFNOP: u32 = 0x0000_0000;
pub const NOTE_FFAND: u32 = 0x4000_0000;
pub const NOTE_FFOR: u32 = 0x8000_0000;
pub const NOTE_FFCOPY: u32 = 0xc000_0000;
pub const NOTE_FFCTRLMASK: u32 = 0xc000_0000;
pub const NOTE_FFLAGSMASK: u32 = 0x00ff_ffff;

/// The caller's changelist.
pub(crate) struct Changes {
    first: *const Kevent,
    len: usize,
}

impl Changes {
    /// # Safety
    ///
    /// `first` must be valid for reading `len` events as long as this value lives.
    pub(crate) unsafe fn new(first: *const Kevent, len: usize) -> Self {
        Self { first, len }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// By value, since the caller may pass one array as both lists: an answer then overwrites the
    /// change that it answers, never a later one.
    pub(crate) fn get(&self, index: usize) -> Kevent {
        assert!(index < self.len);
        let place = self.first.wrapping_add(index);
        // SAFETY: in bounds, as just asserted, and readable, as `new` demands.
        unsafe { place.read() }
    }
}

/// The caller's eventlist, and how much of it is filled.
pub(crate) struct Answers {
    first: *mut Kevent,
    room: usize,
    filled: usize,
}

impl Answers {
    /// # Safety
    ///
    /// `first` must be valid for writing `room` events as long as this value lives.
    pub(crate) unsafe fn new(first: *mut Kevent, room: usize) -> Self {
        Self {
            first,
            room,
            filled: 0,
        }
    }

    /// How many there is room for, all in all.
    pub(crate) fn room(&self) -> usize {
        self.room
    }

    pub(crate) fn filled(&self) -> usize {
        self.filled
    }

    pub(crate) fn is_full(&self) -> bool {
        self.filled == self.room
    }

    pub(crate) fn push(&mut self, event: Kevent) {
        assert!(!self.is_full());
        let place = self.first.wrapping_add(self.filled);
        self.filled += 1;
        // SAFETY: in bounds, as just asserted, and writable, as `new` demands.
        unsafe { place.write(event) }
    }
}
