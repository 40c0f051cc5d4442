//! The files of `\Device\Afd` that are asked about sockets.
//!
//! One would do, but cancelling costs time in proportion to what is under way in a file, so each
//! serves a few sockets only. A socket has a [`Seat`] at one from its first registration to its end.

use std::io;
use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle};
use std::ptr;
use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sync::{Arc, Mutex, lock};
use crate::sys::windows::os::afd;
use crate::sys::windows::port::Port;

/// The most sockets that share a helper.
const SEATS: usize = 32;

pub(super) struct Helpers {
    list: Mutex<List>,
    /// Questions, and posted packets, that were not answered.
    under_way: AtomicUsize,
}

#[derive(Default)]
struct List {
    all: Vec<Arc<Helper>>,
    /// Those with free seats.
    open: Vec<Arc<Helper>>,
    closed: bool,
}

struct Helper {
    /// None: the selector is gone. Whoever asks holds this for reading meanwhile.
    handle: RwLock<Option<OwnedHandle>>,
    /// Changed with the list locked.
    taken: AtomicUsize,
}

/// One socket's right to a helper, to be given back with [`Helpers::leave`].
pub(super) struct Seat(Arc<Helper>);

impl Helpers {
    pub(super) fn new() -> Helpers {
        Helpers {
            list: Mutex::new(List::default()),
            under_way: AtomicUsize::new(0),
        }
    }

    pub(super) fn seat(&self, port: &Port) -> io::Result<Seat> {
        let mut list = lock(&self.list);
        if list.open.is_empty() {
            let handle = afd::create()?;
            port.associate(handle.as_handle())?;
            let helper = Arc::new(Helper {
                handle: RwLock::new((!list.closed).then_some(handle)),
                taken: AtomicUsize::new(0),
            });
            list.all.push(helper.clone());
            list.open.push(helper);
        }
        let helper = list.open[list.open.len() - 1].clone();
        if helper.taken.fetch_add(1, Ordering::Relaxed) + 1 == SEATS {
            list.open.pop();
        }
        Ok(Seat(helper))
    }

    pub(super) fn leave(&self, seat: &Seat) {
        let mut list = lock(&self.list);
        let before = seat.0.taken.fetch_sub(1, Ordering::Relaxed);
        if before == SEATS {
            list.open.push(seat.0.clone());
        }
        // The last one is kept for the next socket.
        if before == 1 && list.open.len() > 1 {
            list.all.retain(|other| !Arc::ptr_eq(other, &seat.0));
            list.open.retain(|other| !Arc::ptr_eq(other, &seat.0));
        }
    }

    /// Begins something that ends with a packet for [`ended`](Helpers::ended), unless `f` fails.
    /// `None`: the selector is gone.
    pub(super) fn begin(
        &self,
        seat: &Seat,
        f: impl FnOnce(BorrowedHandle<'_>) -> io::Result<()>,
    ) -> Option<io::Result<()>> {
        let handle = seat.0.handle.read().unwrap_or_else(|e| e.into_inner());
        let handle = handle.as_ref()?;
        self.under_way.fetch_add(1, Ordering::Relaxed);
        let result = f(handle.as_handle());
        if result.is_err() {
            self.ended();
        }
        Some(result)
    }

    /// Has `operation` of this helper end soon.
    pub(super) fn cancel(
        &self,
        seat: &Seat,
        operation: *mut windows_sys::Win32::System::IO::OVERLAPPED,
    ) -> io::Result<()> {
        let handle = seat.0.handle.read().unwrap_or_else(|e| e.into_inner());
        match handle.as_ref() {
            Some(handle) => afd::cancel(handle.as_handle(), operation),
            // It was cancelled with all others.
            None => Ok(()),
        }
    }

    /// How many helpers there are.
    #[cfg(all(test, not(ferrio_loom)))]
    pub(super) fn count(&self) -> usize {
        lock(&self.list).all.len()
    }

    /// How many packets will come.
    #[cfg(all(test, not(ferrio_loom)))]
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Acquire)
    }

    /// A packet has come.
    pub(super) fn ended(&self) {
        self.under_way.fetch_sub(1, Ordering::Release);
    }

    /// The selector's end: cancels everything and waits for it. From then on nothing can begin.
    pub(super) fn close(&self, port: &Port) {
        let all = {
            let mut list = lock(&self.list);
            list.closed = true;
            list.all.clone()
        };
        for helper in &all {
            // Whoever is asking has asked when the lock is ours, and nobody can after that.
            let handle = helper
                .handle
                .write()
                .unwrap_or_else(|e| e.into_inner())
                .take();
            if let Some(handle) = handle {
                // If it fails, which it has no reason to, closing the file cancels as well.
                let _ = afd::cancel(handle.as_handle(), ptr::null_mut());
            }
        }
        port.drain(|| self.under_way.load(Ordering::Acquire) == 0);
    }
}
