//! The changes of a changelist, one at a time.

use std::os::fd::RawFd;

use crate::abi::*;
use crate::knote::{Filter, Knote};
use crate::os::{self, Errno};
use crate::queue::Work;

impl Work<'_> {
    pub fn apply(&mut self, change: &Kevent) -> Result<(), Errno> {
        let filter = Filter::new(change.filter)?;
        if filter != Filter::User {
            let fd = RawFd::try_from(change.ident).map_err(|_| libc::EBADF)?;
            if !os::is_open(fd) {
                return Err(libc::EBADF);
            }
        }
        let known = self.state.names.get(&(filter, change.ident)).copied();
        let known = known.filter(|&id| self.is_alive(id));
        let add = change.flags & EV_ADD != 0;
        match known {
            // EV_ADD and EV_DELETE together act as EV_ADD.
            None if add => self.attach(filter, change),
            None => Err(libc::ENOENT),
            Some(id) if change.flags & EV_DELETE != 0 && !add => {
                self.remove(id, true);
                Ok(())
            }
            Some(id) => {
                self.modify(id, change);
                Ok(())
            }
        }
    }

    fn attach(&mut self, filter: Filter, change: &Kevent) -> Result<(), Errno> {
        let id = self.state.next_id();
        let mut knote = Knote::new(id, filter, change)?;
        knote.watch(self.epolls)?;
        self.insert(knote);
        self.run_filter(id);
        Ok(())
    }

    /// Nothing here changes whether it is an edge, a level or a single shot: only a new one can.
    fn modify(&mut self, id: u64, change: &Kevent) {
        let Some(knote) = self.state.knotes.get_mut(&id) else {
            return;
        };
        // FreeBSD replaces it on any change, not on EV_ADD alone (`kqueue_register`).
        knote.udata = change.udata.expose_provenance();
        let is_user = knote.filter == Filter::User;
        let add = change.flags & EV_ADD != 0;
        if is_user {
            knote.touch(change);
        } else if add {
            knote.fflags = change.fflags;
            knote.data = change.data;
        }
        if change.flags & EV_DISABLE != 0 {
            knote.enabled = false;
        }
        let was_active = knote.active;
        if change.flags & EV_ENABLE != 0 {
            knote.enabled = true;
        }
        // EV_ENABLE alone delivers what happened meanwhile, but does not ask again.
        if add || is_user {
            self.run_filter(id);
        }
        if was_active {
            self.activate(id);
        }
    }

    /// As for any EV_ADD: what is ready is an event, also if it has been told before.
    fn run_filter(&mut self, id: u64) {
        let Some(knote) = self.state.knotes.get_mut(&id) else {
            return;
        };
        knote.look = knote.probe();
        if knote.look.active {
            self.activate(id);
        }
    }
}
