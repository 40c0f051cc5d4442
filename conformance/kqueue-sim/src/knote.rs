//! A registration, and what makes it an event.

use std::env;
use std::ffi::c_int;
use std::os::fd::RawFd;
use std::sync::LazyLock;

use crate::abi::*;
use crate::os::{self, Errno};
use crate::probe::{self, Kind, Look};

/// What a late WRITE on a pipe is answered: EBADF on NetBSD, EPIPE on OS X 10.10.
static READER_GONE: LazyLock<Errno> = LazyLock::new(|| {
    match env::var_os("KQUEUE_SIM_READER_GONE").is_some_and(|errno| errno == "EPIPE") {
        true => libc::EPIPE,
        false => libc::EBADF,
    }
});

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    Read,
    Write,
    User,
}

impl Filter {
    pub fn new(filter: i16) -> Result<Self, Errno> {
        match filter {
            EVFILT_READ => Ok(Self::Read),
            EVFILT_WRITE => Ok(Self::Write),
            EVFILT_USER => Ok(Self::User),
            _ => Err(libc::EINVAL),
        }
    }

    fn number(self) -> i16 {
        match self {
            Self::Read => EVFILT_READ,
            Self::Write => EVFILT_WRITE,
            Self::User => EVFILT_USER,
        }
    }

    /// What epoll watches for it.
    fn interest(self) -> c_int {
        match self {
            Self::Read => libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLET,
            Self::Write => libc::EPOLLOUT | libc::EPOLLET,
            Self::User => 0,
        }
    }
}

/// The two epolls of a queue.
#[derive(Clone, Copy)]
pub struct Epolls {
    /// The one that the caller holds.
    pub outer: RawFd,
    pub write: RawFd,
}

impl Epolls {
    pub fn of(self, filter: Filter) -> RawFd {
        match filter {
            Filter::Write => self.write,
            Filter::Read | Filter::User => self.outer,
        }
    }
}

pub struct Knote {
    pub id: u64,
    pub filter: Filter,
    pub ident: usize,
    /// Those of the first `EV_ADD`: a later one changes no mode.
    pub flags: u16,
    pub udata: usize,
    /// `fflags` and `data` of the last change.
    pub fflags: u32,
    pub data: isize,
    pub enabled: bool,
    /// Something has happened that has not been delivered.
    pub active: bool,
    /// Its id is in the queue.
    pub queued: bool,
    pub look: Look,
    kind: Kind,
    /// Device and inode of what epoll refuses to watch.
    unwatched: Option<(u64, u64)>,
}

impl Knote {
    /// The registration that a change asks for. What it is about is not watched yet.
    pub fn new(id: u64, filter: Filter, change: &Kevent) -> Result<Self, Errno> {
        let kind = match filter {
            Filter::User => Kind::User,
            Filter::Read | Filter::Write => probe::kind(fd(change.ident)),
        };
        if filter == Filter::Write {
            match kind {
                // A kqueue can only be read from.
                Kind::Queue => return Err(libc::EINVAL),
                // There is no other end to attach to.
                Kind::Pipe { writes: true, .. } if probe::is_reader_gone(fd(change.ident)) => {
                    return Err(*READER_GONE);
                }
                _ => {}
            }
        }
        let mut knote = Self {
            id,
            filter,
            ident: change.ident,
            flags: change.flags & !EV_DELETE,
            udata: change.udata.expose_provenance(),
            fflags: change.fflags,
            data: change.data,
            enabled: change.flags & EV_DISABLE == 0,
            active: false,
            queued: false,
            look: Look::SILENT,
            kind,
            unwatched: None,
        };
        if kind == Kind::User {
            knote.look.active = change.fflags & NOTE_TRIGGER != 0;
            knote.fflags = change.fflags & NOTE_FFLAGSMASK;
        }
        Ok(knote)
    }

    /// Has epoll watch what this is about.
    pub fn watch(&mut self, epolls: Epolls) -> Result<(), Errno> {
        if self.kind == Kind::User {
            return Ok(());
        }
        let fd = fd(self.ident);
        let epoll = epolls.of(self.filter);
        let interest = self.filter.interest();
        match os::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, interest, self.id) {
            // The number was closed and is back, for a file that a duplicate kept open meanwhile.
            // The knote of that time is gone, what epoll knows is not.
            Err(libc::EEXIST) => os::epoll_ctl(epoll, libc::EPOLL_CTL_MOD, fd, interest, self.id),
            // Regular files, directories, some devices: always ready, so there is nothing to watch.
            Err(libc::EPERM) => {
                let stat = os::stat(fd).ok_or(libc::EBADF)?;
                self.unwatched = Some((stat.st_dev, stat.st_ino));
                self.kind = match stat.st_mode & libc::S_IFMT {
                    libc::S_IFREG => Kind::File,
                    _ => Kind::AlwaysReady,
                };
                Ok(())
            }
            result => result,
        }
    }

    pub fn unwatch(&self, epolls: Epolls) {
        if self.kind != Kind::User && self.unwatched.is_none() {
            let epoll = epolls.of(self.filter);
            let _ = os::epoll_ctl(epoll, libc::EPOLL_CTL_DEL, fd(self.ident), 0, 0);
        }
    }

    /// Whether its descriptor is still the one that it was made for.
    pub fn is_alive(&self, epolls: Epolls) -> bool {
        if self.kind == Kind::User {
            return true;
        }
        let fd = fd(self.ident);
        match self.unwatched {
            None => os::is_watched(epolls.of(self.filter), fd),
            Some(file) => os::stat(fd).is_some_and(|stat| (stat.st_dev, stat.st_ino) == file),
        }
    }

    /// Whether epoll misses edges that a BSD has, so that every call has to look for them.
    pub fn needs_looking_after(&self) -> bool {
        let acks = self.kind == Kind::Tcp && self.filter == Filter::Write;
        self.flags & (EV_CLEAR | EV_DISPATCH) != 0
            && (acks || matches!(self.kind, Kind::Pipe { .. }))
    }

    /// Whether there may be such an edge; what else changes, epoll tells. Asks the number alone, which
    /// may name something else by now.
    pub fn may_have_changed(&self) -> bool {
        let fd = fd(self.ident);
        match self.kind {
            Kind::Tcp => probe::acknowledged(fd) > self.look.count,
            _ => probe::pending(fd) != self.look.fill,
        }
    }

    /// Whether such an edge may come while a call is blocked.
    pub fn may_change_unseen(&self) -> bool {
        match self.kind {
            Kind::Tcp => probe::unsent(fd(self.ident)) > 0,
            _ => true,
        }
    }

    /// What the filter sees now.
    pub fn probe(&self) -> Look {
        let mut look = match self.filter {
            Filter::User => return self.look,
            Filter::Read => probe::read(fd(self.ident), self.kind, &self.look),
            Filter::Write => probe::write(fd(self.ident), self.kind, &self.look),
        };
        // The manual: at the end of the file, or with an error, the low-water mark does not count.
        if self.fflags & NOTE_LOWAT != 0 && !look.eof && look.fflags == 0 {
            look.active &= look.data >= self.data;
        }
        look
    }

    /// Whether a BSD would have run the filter between two looks. `told`: epoll saw an edge.
    ///
    /// Linux wakes pollers on occasions where a BSD does not, and the other way round. Where there
    /// is a count of what has happened, it decides.
    pub fn is_news(&self, new: &Look, told: bool) -> bool {
        let old = &self.look;
        if !new.active {
            return false;
        }
        let changed = !old.active || (new.eof && !old.eof) || (new.fflags != 0 && old.fflags == 0);
        match self.kind {
            // Linux wakes both directions on every change of the connection's state.
            Kind::Tcp | Kind::Queue => changed || new.busy || new.count > old.count,
            // On a BSD every read and write runs both ends' filters, also if nothing was full. Of what
            // is written epoll tells the reader; to count it as well would tell it twice, if the two
            // come apart.
            Kind::Pipe { .. } if self.filter == Filter::Read => told || new.fill < old.fill,
            Kind::Pipe { .. } => changed || told || new.fill != old.fill,
            _ => changed || told,
        }
    }

    /// As it is delivered.
    pub fn event(&self) -> Kevent {
        let eof = if self.look.eof { EV_EOF } else { 0 };
        let (fflags, data) = match self.filter {
            Filter::User => (self.fflags, self.data),
            Filter::Read | Filter::Write => (self.look.fflags, self.look.data),
        };
        Kevent {
            ident: self.ident,
            filter: self.filter.number(),
            flags: self.flags | eof,
            fflags,
            data,
            udata: std::ptr::with_exposed_provenance_mut(self.udata),
        }
    }

    /// A change of an `EVFILT_USER`.
    ///
    /// FreeBSD resets the trigger if the change has `EV_CLEAR`, also if it triggers in the same
    /// breath (sys/kern/kern_event.c, `filt_usertouch`); macOS does not. A trigger that is to work
    /// on both has no `EV_CLEAR`.
    pub fn touch(&mut self, change: &Kevent) {
        let bits = change.fflags & NOTE_FFLAGSMASK;
        match change.fflags & NOTE_FFCTRLMASK {
            NOTE_FFAND => self.fflags &= bits,
            NOTE_FFOR => self.fflags |= bits,
            NOTE_FFCOPY => self.fflags = bits,
            _ => {}
        }
        self.data = change.data;
        if change.fflags & NOTE_TRIGGER != 0 {
            self.look.active = true;
        }
        if change.flags & EV_CLEAR != 0 {
            self.look.active = false;
        }
    }
}

/// The descriptor in an ident. Changes are checked before they get here.
fn fd(ident: usize) -> RawFd {
    RawFd::try_from(ident).unwrap_or(-1)
}
