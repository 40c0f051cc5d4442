//! What every source type of ferrio does in the same way, written once: being an [`IoSource`] with
//! a public name, a file descriptor, a byte stream.
//!
//! The macros expect a struct with the one field `inner: IoSource<..>`.
//!
//! [`IoSource`]: crate::io_source::IoSource

/// Registration by the inner source, and on Unix the conversions from and to a file descriptor.
macro_rules! source {
    ($name:ident, $inner:ty) => {
        impl $crate::event::Source for $name {
            #[inline]
            fn register(
                &mut self,
                registry: &$crate::Registry,
                token: $crate::Token,
                interests: $crate::Interest,
            ) -> ::std::io::Result<()> {
                self.inner.register(registry, token, interests)
            }

            #[inline]
            fn reregister(
                &mut self,
                registry: &$crate::Registry,
                token: $crate::Token,
                interests: $crate::Interest,
            ) -> ::std::io::Result<()> {
                self.inner.reregister(registry, token, interests)
            }

            #[inline]
            fn deregister(&mut self, registry: &$crate::Registry) -> ::std::io::Result<()> {
                self.inner.deregister(registry)
            }
        }

        #[cfg(os_fd)]
        impl ::std::os::fd::AsFd for $name {
            fn as_fd(&self) -> ::std::os::fd::BorrowedFd<'_> {
                (*self.inner).as_fd()
            }
        }

        #[cfg(os_fd)]
        impl ::std::os::fd::AsRawFd for $name {
            fn as_raw_fd(&self) -> ::std::os::fd::RawFd {
                (*self.inner).as_raw_fd()
            }
        }

        #[cfg(os_fd)]
        impl ::std::os::fd::IntoRawFd for $name {
            fn into_raw_fd(self) -> ::std::os::fd::RawFd {
                self.inner.into_inner().into_raw_fd()
            }
        }

        /// The descriptor stays in the blocking mode it is in. To be of use with a
        /// [`Poll`](crate::Poll) it has to be non-blocking.
        #[cfg(os_fd)]
        #[allow(unsafe_code)] // The trait is declared so.
        impl ::std::os::fd::FromRawFd for $name {
            unsafe fn from_raw_fd(fd: ::std::os::fd::RawFd) -> $name {
                // SAFETY: the caller's promise is the one that this function asks for.
                let owned = unsafe { ::std::os::fd::OwnedFd::from_raw_fd(fd) };
                $name::from(owned)
            }
        }

        /// The descriptor stays in the blocking mode it is in. To be of use with a
        /// [`Poll`](crate::Poll) it has to be non-blocking.
        #[cfg(os_fd)]
        impl ::std::convert::From<::std::os::fd::OwnedFd> for $name {
            fn from(fd: ::std::os::fd::OwnedFd) -> $name {
                $name {
                    inner: $crate::io_source::IoSource::new(<$inner>::from(fd)),
                }
            }
        }

        #[cfg(os_fd)]
        impl ::std::convert::From<$name> for ::std::os::fd::OwnedFd {
            fn from(source: $name) -> ::std::os::fd::OwnedFd {
                source.inner.into_inner().into()
            }
        }

        #[cfg(os_windows)]
        impl ::std::os::windows::io::AsSocket for $name {
            fn as_socket(&self) -> ::std::os::windows::io::BorrowedSocket<'_> {
                (*self.inner).as_socket()
            }
        }

        #[cfg(os_windows)]
        impl ::std::os::windows::io::AsRawSocket for $name {
            fn as_raw_socket(&self) -> ::std::os::windows::io::RawSocket {
                (*self.inner).as_raw_socket()
            }
        }

        #[cfg(os_windows)]
        impl ::std::os::windows::io::IntoRawSocket for $name {
            fn into_raw_socket(self) -> ::std::os::windows::io::RawSocket {
                self.inner.into_inner().into_raw_socket()
            }
        }

        /// The socket stays in the blocking mode it is in. To be of use with a
        /// [`Poll`](crate::Poll) it has to be non-blocking.
        #[cfg(os_windows)]
        #[allow(unsafe_code)] // The trait is declared so.
        impl ::std::os::windows::io::FromRawSocket for $name {
            unsafe fn from_raw_socket(socket: ::std::os::windows::io::RawSocket) -> $name {
                // SAFETY: the caller's promise is the one that this function asks for.
                let owned = unsafe { ::std::os::windows::io::OwnedSocket::from_raw_socket(socket) };
                $name::from(owned)
            }
        }

        /// The socket stays in the blocking mode it is in. To be of use with a
        /// [`Poll`](crate::Poll) it has to be non-blocking.
        #[cfg(os_windows)]
        impl ::std::convert::From<::std::os::windows::io::OwnedSocket> for $name {
            fn from(socket: ::std::os::windows::io::OwnedSocket) -> $name {
                $name {
                    inner: $crate::io_source::IoSource::new(<$inner>::from(socket)),
                }
            }
        }

        #[cfg(os_windows)]
        impl ::std::convert::From<$name> for ::std::os::windows::io::OwnedSocket {
            fn from(source: $name) -> ::std::os::windows::io::OwnedSocket {
                source.inner.into_inner().into()
            }
        }
    };
}

/// `Debug` that shows what std's type shows.
#[cfg(feature = "net")]
macro_rules! debug {
    ($name:ident) => {
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.inner.fmt(f)
            }
        }
    };
}

/// `Read` for the type and for references to it.
macro_rules! read {
    ($name:ident) => {
        impl ::std::io::Read for $name {
            #[inline]
            fn read(&mut self, buf: &mut [u8]) -> ::std::io::Result<usize> {
                (&*self).read(buf)
            }

            #[inline]
            fn read_vectored(
                &mut self,
                bufs: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::io::Result<usize> {
                (&*self).read_vectored(bufs)
            }
        }

        impl ::std::io::Read for &$name {
            #[inline]
            fn read(&mut self, buf: &mut [u8]) -> ::std::io::Result<usize> {
                self.inner.do_read(buf.len(), |mut inner| inner.read(buf))
            }

            #[inline]
            fn read_vectored(
                &mut self,
                bufs: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::io::Result<usize> {
                if cfg!(os_wasi) {
                    // std's way of doing it waits, whatever the mode of the socket.
                    let first = bufs.iter_mut().find(|buf| !buf.is_empty());
                    return match first {
                        Some(buf) => ::std::io::Read::read(self, buf),
                        None => Ok(0),
                    };
                }
                self.inner
                    .do_read($crate::forward::total_len(bufs), |mut inner| {
                        inner.read_vectored(bufs)
                    })
            }
        }
    };
}

/// `Write` for the type and for references to it.
macro_rules! write {
    ($name:ident) => {
        impl ::std::io::Write for $name {
            #[inline]
            fn write(&mut self, buf: &[u8]) -> ::std::io::Result<usize> {
                (&*self).write(buf)
            }

            #[inline]
            fn write_vectored(
                &mut self,
                bufs: &[::std::io::IoSlice<'_>],
            ) -> ::std::io::Result<usize> {
                (&*self).write_vectored(bufs)
            }

            fn flush(&mut self) -> ::std::io::Result<()> {
                (&*self).flush()
            }
        }

        impl ::std::io::Write for &$name {
            #[inline]
            fn write(&mut self, buf: &[u8]) -> ::std::io::Result<usize> {
                self.inner.do_write(buf.len(), |mut inner| inner.write(buf))
            }

            #[inline]
            fn write_vectored(
                &mut self,
                bufs: &[::std::io::IoSlice<'_>],
            ) -> ::std::io::Result<usize> {
                if cfg!(os_wasi) {
                    // std's way of doing it waits, whatever the mode of the socket.
                    let first = bufs.iter().find(|buf| !buf.is_empty());
                    return match first {
                        Some(buf) => ::std::io::Write::write(self, buf),
                        None => Ok(0),
                    };
                }
                self.inner
                    .do_write($crate::forward::total_len(bufs), |mut inner| {
                        inner.write_vectored(bufs)
                    })
            }

            fn flush(&mut self) -> ::std::io::Result<()> {
                // Nothing is buffered on this side of the kernel, so nothing can block.
                (&*self.inner).flush()
            }
        }
    };
}

#[cfg(feature = "net")]
pub(crate) use debug;
pub(crate) use {read, source, write};

/// How many bytes a vectored operation asks for.
pub(crate) fn total_len<B: std::ops::Deref<Target = [u8]>>(bufs: &[B]) -> usize {
    // One buffer may be named by many slices, so the sum has no bound.
    bufs.iter()
        .fold(0, |total: usize, buf| total.saturating_add(buf.len()))
}

#[cfg(all(test, not(ferrio_loom)))]
mod tests {
    use std::io::IoSlice;

    use super::total_len;

    #[test]
    fn the_lengths_of_all_buffers_count() {
        let bufs = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
        assert_eq!(total_len(&bufs), 5);
        assert_eq!(total_len::<IoSlice<'_>>(&[]), 0);
    }
}
