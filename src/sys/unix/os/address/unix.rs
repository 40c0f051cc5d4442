//! The addresses of Unix sockets. See unix(7).

use std::ffi::OsStr;
use std::io;
use std::iter;
use std::mem::offset_of;
#[cfg(all(has_abstract_uds, android_std))]
use std::os::android::net::SocketAddrExt;
#[cfg(all(has_abstract_uds, not(android_std)))]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
pub(super) use std::os::unix::net::SocketAddr as UnixAddr;

use libc::{sa_family_t, socklen_t};

use super::{RawAddress, invalid};

/// Where the name starts in a Unix socket's address.
pub(super) const UNIX_NAME: usize = offset_of!(libc::sockaddr_un, sun_path);

impl RawAddress {
    /// A Unix socket's address: a path, an abstract name, or none.
    pub(crate) fn from_unix(addr: &UnixAddr) -> io::Result<RawAddress> {
        if let Some(path) = addr.as_pathname() {
            RawAddress::from_path(path.as_os_str().as_bytes())
        } else if let Some(name) = abstract_name(addr) {
            RawAddress::from_abstract(name)
        } else {
            Ok(RawAddress::from_unix_name([], UNIX_NAME))
        }
    }

    pub(super) fn from_path(path: &[u8]) -> io::Result<RawAddress> {
        if path.contains(&0) {
            return Err(invalid(
                "the path of a Unix socket must not contain a NUL byte",
            ));
        }
        // unix(7): the name should end with a NUL, and the length counts it.
        if path.len() >= RawAddress::unix_capacity() {
            return Err(invalid(
                "the path is too long for the address of a Unix socket",
            ));
        }
        let name = path.iter().copied();
        Ok(RawAddress::from_unix_name(name, UNIX_NAME + path.len() + 1))
    }

    pub(super) fn from_abstract(name: &[u8]) -> io::Result<RawAddress> {
        // unix(7): a leading NUL marks the name, every byte after it counts, and none ends it.
        if name.len() >= RawAddress::unix_capacity() {
            return Err(invalid(
                "the abstract name is too long for the address of a Unix socket",
            ));
        }
        let marked = iter::once(0).chain(name.iter().copied());
        Ok(RawAddress::from_unix_name(
            marked,
            UNIX_NAME + 1 + name.len(),
        ))
    }

    pub(super) fn from_unix_name(name: impl IntoIterator<Item = u8>, len: usize) -> RawAddress {
        let mut raw = RawAddress::blank();
        let mut unix = raw.unix();
        unix.sun_family = libc::AF_UNIX as sa_family_t;
        for (to, from) in unix.sun_path.iter_mut().zip(name) {
            *to = libc::c_char::from_ne_bytes([from]);
        }
        raw.views.unix = unix;
        raw.len = len as socklen_t;
        raw
    }

    /// How many bytes of name the address of a Unix socket has room for.
    pub(super) fn unix_capacity() -> usize {
        RawAddress::blank().unix().sun_path.len()
    }

    /// The Unix socket's address that the kernel has written. `None`: std has no way to make a
    /// value of it (on Linux a path of exactly 108 bytes, which leaves no room for a NUL).
    pub(crate) fn to_unix(&self) -> io::Result<Option<UnixAddr>> {
        // A peer without a name may be told by no address at all.
        if self.len != 0 && self.family() != libc::AF_UNIX {
            return Err(invalid("the descriptor is not a Unix socket"));
        }
        // The element is i8 or u8, depending on the target.
        let path = self.unix().sun_path.map(|byte| byte.to_ne_bytes()[0]);
        // The kernel counts what did not fit too, so its length may be beyond the array's.
        let len = (self.len as usize).saturating_sub(UNIX_NAME);
        let name = &path[..len.min(path.len())];

        // Zeroes where a path would be are an abstract name on systems that have such names, and
        // on the others the way to say "unnamed".
        if let Some((0, name)) = name.split_first() {
            if let Some(addr) = from_abstract_name(name) {
                return addr.map(Some);
            }
        }
        let end = name.iter().position(|byte| *byte == 0);
        let path = OsStr::from_bytes(&name[..end.unwrap_or(name.len())]);
        Ok(UnixAddr::from_pathname(path).ok())
    }

    pub(super) fn unix(&self) -> libc::sockaddr_un {
        // SAFETY: as in `family`.
        unsafe { self.views.unix }
    }
}

#[cfg(has_abstract_uds)]
fn abstract_name(addr: &UnixAddr) -> Option<&[u8]> {
    addr.as_abstract_name()
}

#[cfg(not(has_abstract_uds))]
fn abstract_name(_: &UnixAddr) -> Option<&[u8]> {
    None
}

/// `None`: this system has no abstract names.
#[cfg(has_abstract_uds)]
fn from_abstract_name(name: &[u8]) -> Option<io::Result<UnixAddr>> {
    Some(UnixAddr::from_abstract_name(name))
}

#[cfg(not(has_abstract_uds))]
fn from_abstract_name(_: &[u8]) -> Option<io::Result<UnixAddr>> {
    None
}
