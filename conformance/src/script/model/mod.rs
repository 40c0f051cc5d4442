//! The contract as a program without system calls.
//!
//! The model is told of every operation and of its answer, and says whether that answer was allowed.
//! It is shown every event, and says whether that was. And it knows which events are due: those of
//! every direction that the user waits for, because an operation would block, moved less than it was
//! asked to, or because the source was registered, and that is ready.
//!
//! What it never does is to believe an event: readiness follows from the operations alone, and where
//! it depends on the sizes of buffers, from what the kernel says when asked beside the library.

#[cfg(unix)] // For those whose operations overlap: see rounds.
mod alike;
mod io;
mod lives;
mod object;
mod registry;
mod unanswered;
mod watch;

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use self::io::Effect;
use self::watch::{Bell, Ghost, Registration};
use super::op::{How, Kind, POLLS, SLOTS, WAKERS};
use crate::backend::Backend;
use crate::capability::Capability;
use crate::kernel::Number;

pub(crate) use self::lives::Life;
pub(crate) use self::object::{Level, Object, World};
pub(crate) use self::registry::Musts;
pub(crate) use self::watch::Seen;

pub(crate) const READ: usize = 0;
pub(crate) const WRITE: usize = 1;
pub(crate) const DIRECTIONS: [usize; 2] = [READ, WRITE];

/// What an operation answered.
pub(crate) type Outcome = Result<usize, ErrorKind>;
/// What is wrong.
pub(crate) type Complaint = String;

/// What differs between backends, from the table of capabilities.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Rules {
    /// A `SourceFd` is level-triggered.
    pub(crate) level_source_fd: bool,
    /// A duplicate keeps the registration of a source that is gone.
    pub(crate) duplicates_keep: bool,
    /// An error is reported as readiness too.
    pub(crate) errors_as_readiness: bool,
    /// An event tells what was so when the kernel made it, and may have been used up since.
    pub(crate) stale: bool,
    /// Who shuts down the reading half reads no more of what has come.
    pub(crate) shutting_hides: bool,
    /// Edges are made by the selector, so an event has to have one of its causes.
    pub(crate) emulated: bool,
    /// Reading and writing are two registrations: each has a token, and events that tell nothing of
    /// the other.
    pub(crate) two_filters: bool,
    /// A second registration of a `SourceFd` replaces what it names of the first.
    pub(crate) replaces: bool,
    /// Urgent data is watched.
    pub(crate) priority: bool,
    /// Closing a descriptor ends its registration.
    pub(crate) close_ends: bool,
    /// What was written is there by and by, and nothing tells how much of it is.
    pub(crate) trickles: bool,
    /// What was ready to be read is called so until an operation has found that it isn't.
    pub(crate) lingers: bool,
    /// A listener that has a connection is called writable too.
    pub(crate) writable_listeners: bool,
    /// There are events for writing though there was room before.
    pub(crate) room_again: bool,
}

impl Rules {
    pub(crate) fn of(backend: &Backend) -> Rules {
        let has = |capability| backend.gap(capability).is_none();
        let edges = has(Capability::EdgeTriggeredSourceFd);
        Rules {
            level_source_fd: !edges,
            duplicates_keep: has(Capability::DuplicateKeepsRegistration),
            errors_as_readiness: !has(Capability::BareErrors),
            stale: !has(Capability::FreshEvents),
            shutting_hides: !has(Capability::DataOutlivesShutdown),
            emulated: !has(Capability::EveryEdge),
            two_filters: !has(Capability::WholeEnd),
            replaces: !has(Capability::DoubleRegistrationError),
            priority: has(Capability::Priority),
            close_ends: has(Capability::CloseEndsRegistration),
            trickles: !has(Capability::ArrivalsAreCounted),
            lingers: !has(Capability::FreshAnswers),
            writable_listeners: !has(Capability::ListenersOnlyRead),
            room_again: !has(Capability::RoomIsNews),
        }
    }
}

/// The number of this moment.
pub(crate) fn tick(clock: &AtomicU64) -> u64 {
    clock.fetch_add(1, Ordering::SeqCst) + 1
}

#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) object: usize,
    fd: Number,
    /// The `Poll` that one of our own types is registered with.
    owner: Option<usize>,
    registrations: [Option<Registration>; POLLS],
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    rules: Rules,
    pub(crate) world: World,
    slots: [Option<Slot>; SLOTS],
    bells: [Option<Bell>; WAKERS],
    ghosts: Vec<Ghost>,
    /// Descriptors that were found closed by a selector that remembers numbers.
    gone: Vec<(usize, Number)>,
    /// Objects, and numbers that were theirs while registered and were closed before the object.
    left: Vec<(usize, Number)>,
    /// Something was answered in a way that leaves other registrations than on other selectors.
    pub(crate) own_way: bool,
    /// Gives every moment a number of its own, to all threads of a script.
    clock: Arc<AtomicU64>,
    /// When the operation that is being applied began.
    now: u64,
    /// When it had returned, if that is known already.
    ended: Option<u64>,
    pub(crate) extras: Vec<&'static str>,
    pub(crate) lives: Vec<Life>,
}

impl Model {
    pub(crate) fn new(rules: Rules, clock: Arc<AtomicU64>) -> Model {
        Model {
            rules,
            world: World {
                shutting_hides: rules.shutting_hides,
                trickles: rules.trickles,
                lingers: rules.lingers,
                writable_listeners: rules.writable_listeners,
                ..World::default()
            },
            slots: Default::default(),
            bells: Default::default(),
            ghosts: Vec::new(),
            gone: Vec::new(),
            left: Vec::new(),
            own_way: false,
            clock,
            now: 0,
            ended: None,
            extras: Vec::new(),
            lives: Vec::new(),
        }
    }

    /// An operation begins.
    pub(crate) fn begin(&mut self) {
        self.now = tick(&self.clock);
    }

    pub(crate) fn object(&self, slot: usize) -> Option<&Object> {
        let slot = self.slots[slot].as_ref()?;
        Some(self.world.get(slot.object))
    }

    pub(crate) fn id(&self, slot: usize) -> usize {
        self.slots[slot].as_ref().expect("occupied").object
    }

    fn occupy(&mut self, slot: usize, object: usize, fd: Number) {
        assert!(self.slots[slot].is_none(), "the runner empties slots");
        self.slots[slot] = Some(Slot {
            object,
            fd,
            owner: None,
            registrations: Default::default(),
        });
    }

    pub(crate) fn create(&mut self, kind: Kind, a: (usize, Number), b: Option<(usize, Number)>) {
        let (first, second) = self.world.create(kind);
        self.occupy(a.0, first, a.1);
        if let (Some(id), Some((slot, fd))) = (second, b) {
            self.occupy(slot, id, fd);
        }
    }

    pub(crate) fn connect(&mut self, listener: usize, into: usize, fd: Number) {
        let client = self.world.connect(self.id(listener));
        self.occupy(into, client, fd);
    }

    /// `fd`: what accept answered.
    pub(crate) fn accept(
        &mut self,
        listener: usize,
        into: usize,
        fd: Result<Number, ErrorKind>,
    ) -> Result<(), Complaint> {
        let id = self.id(listener);
        let expected = self.world.waiting(id) > 0;
        match (fd, expected) {
            (Ok(fd), true) => {
                let server = self.world.accept(id).expect("one is waiting");
                self.occupy(into, server, fd);
            }
            (Err(ErrorKind::WouldBlock), false) => {
                self.world.found_empty(id);
                self.apply(listener, Effect::blocked_read());
            }
            _ => {
                return Err(format!(
                    "accept answered {fd:?}, clients waiting: {expected}"
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn dup(&mut self, from: usize, into: usize, fd: Number) {
        let object = self.id(from);
        self.world.share(object);
        self.occupy(into, object, fd);
        if self.world.get(object).kind.is_raw() {
            self.adopt_ghosts(into);
        }
    }

    /// Whether a simulated kernel would take a duplicate of the slot's object, under this number, for
    /// the descriptor that was closed with its registration: see kqueue-sim's README, row h.
    pub(crate) fn is_mistakable(&self, slot: usize, fd: Number) -> bool {
        self.left.contains(&(self.id(slot), fd))
    }

    /// To the kernel a registration is a number and an object: a `SourceFd` that has both is it.
    fn adopt_ghosts(&mut self, slot: usize) {
        let Some(slot) = &mut self.slots[slot] else {
            return;
        };
        self.ghosts.retain(|ghost| {
            let same = ghost.budget.is_none() && (ghost.fd, ghost.object) == (slot.fd, slot.object);
            if same {
                let mut registration = ghost.registration.clone();
                registration.disarm();
                slot.registrations[ghost.poll] = Some(registration);
                self.own_way = true;
            }
            !same
        });
    }

    pub(crate) fn read(
        &mut self,
        slot: usize,
        len: usize,
        outcome: Outcome,
    ) -> Result<(), Complaint> {
        let effect = self.world.read(self.id(slot), len, false, outcome)?;
        self.apply(slot, effect);
        Ok(())
    }

    pub(crate) fn peek(
        &mut self,
        slot: usize,
        len: usize,
        outcome: Outcome,
    ) -> Result<(), Complaint> {
        let effect = self.world.read(self.id(slot), len, true, outcome)?;
        self.apply(slot, effect);
        Ok(())
    }

    /// A read of one byte through `try_io`, which names no direction.
    pub(crate) fn try_read(&mut self, slot: usize, outcome: Outcome) -> Result<(), Complaint> {
        self.read(slot, 1, outcome)?;
        if outcome.is_err() {
            self.each_registration(slot, |registration, _| {
                registration.loosen(READ);
                registration.loosen(WRITE);
            });
        }
        Ok(())
    }

    pub(crate) fn write(
        &mut self,
        slot: usize,
        len: usize,
        outcome: Outcome,
    ) -> Result<(), Complaint> {
        let effect = self.world.write(self.id(slot), len, outcome)?;
        self.apply(slot, effect);
        Ok(())
    }

    pub(crate) fn shutdown(
        &mut self,
        slot: usize,
        how: How,
        outcome: Result<(), ErrorKind>,
    ) -> Result<(), Complaint> {
        let id = self.id(slot);
        let over = self.world.is_over(id);
        match outcome {
            Ok(()) => self.world.shut(id, how),
            Err(ErrorKind::NotConnected) if over => self.world.objects[id].uncertain = true,
            Err(kind) => return Err(format!("shutdown answered {kind:?}")),
        }
        Ok(())
    }

    /// The kernel has said that the slot's object can be written to.
    pub(crate) fn note_room(&mut self, slot: usize) {
        let id = self.id(slot);
        self.world.note_room(id);
    }

    fn apply(&mut self, slot: usize, effect: Effect) {
        self.each_registration(slot, |registration, now| {
            if let Some(direction) = effect.loosens {
                registration.loosen(direction);
            }
            if let Some(direction) = effect.arms {
                registration.arm(direction, now);
            }
        });
    }

    /// Takes down which directions are ready, for events that are told later.
    pub(crate) fn note_ready(&mut self) {
        for slot in self.slots.iter_mut().flatten() {
            for registration in slot.registrations.iter_mut().flatten() {
                registration.note_ready(&self.world, slot.object);
            }
        }
    }

    fn each_registration(&mut self, slot: usize, mut f: impl FnMut(&mut Registration, u64)) {
        let now = self.now;
        let slot = self.slots[slot].as_mut().expect("occupied");
        for registration in slot.registrations.iter_mut().flatten() {
            f(registration, now);
        }
    }
}
