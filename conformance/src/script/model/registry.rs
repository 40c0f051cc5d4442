//! The operations on registrations and wakers, the events, and the comparison.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use super::super::op::Want;
use super::lives::Life;
use super::object::Level;
use super::watch::{Asked, Bell, Ghost, Registration, Seen};
use super::{Complaint, DIRECTIONS, Model};

/// What a call of `Registry` answered.
pub(crate) type Answer = Result<(), ErrorKind>;

/// Events that had to come: poll, token, direction.
pub(crate) type Musts = BTreeSet<(usize, usize, usize)>;

fn compare(call: &str, answer: Answer, expected: &[Answer]) -> Result<(), Complaint> {
    if expected.contains(&answer) {
        return Ok(());
    }
    Err(format!("{call} answered {answer:?}, expected {expected:?}"))
}

const EXISTS: Answer = Err(ErrorKind::AlreadyExists);
const UNKNOWN: Answer = Err(ErrorKind::NotFound);

impl Model {
    pub(crate) fn register(
        &mut self,
        (slot, poll): (usize, usize),
        token: usize,
        want: Want,
        answer: Answer,
    ) -> Result<(), Complaint> {
        let it = self.slots[slot].as_ref().expect("occupied");
        let haunted = self.ghosts.iter().any(|ghost| {
            ghost.budget.is_none()
                && (ghost.poll, ghost.fd, ghost.object) == (poll, it.fd, it.object)
        });
        let taken = it.owner.is_some() || it.registrations[poll].is_some() || haunted;
        let replaces = self.rules.replaces && self.world.get(it.object).kind.is_raw();
        let expected = if taken && !replaces { EXISTS } else { Ok(()) };
        compare("register", answer, &[expected])?;
        // What is left of a descriptor that was closed is not there on every selector.
        self.own_way |= haunted || taken && answer.is_ok();
        if answer.is_ok() {
            self.start((slot, poll), token, want);
        }
        Ok(())
    }

    /// Whether the slot's source is registered, and what the kernel knows of it isn't nothing.
    fn is_watched(&self, slot: usize, poll: usize) -> bool {
        let it = self.slots[slot].as_ref().expect("occupied");
        let registration = it.registrations[poll].as_ref();
        registration.is_some_and(|registration| !registration.is_hollow())
    }

    pub(crate) fn reregister(
        &mut self,
        (slot, poll): (usize, usize),
        token: usize,
        want: Want,
        answer: Answer,
    ) -> Result<(), Complaint> {
        let it = self.slots[slot].as_ref().expect("occupied");
        let foreign = it.owner.is_some_and(|owner| owner != poll);
        let expected: &[Answer] = if foreign {
            &[EXISTS]
        } else if self.is_watched(slot, poll) {
            &[Ok(())]
        } else {
            self.own_way |= it.registrations[poll].is_some();
            &[UNKNOWN]
        };
        compare("reregister", answer, expected)?;
        if answer.is_ok() {
            let earlier = self.slots[slot].as_mut();
            let earlier = earlier.and_then(|it| it.registrations[poll].clone());
            self.end((slot, poll));
            self.start((slot, poll), token, want);
            if let Some(earlier) = earlier.filter(|_| self.rules.stale) {
                self.inherit((slot, poll), &earlier);
            }
        }
        Ok(())
    }

    /// What the kernel has said of the registration before it was changed may be told with the new token.
    fn inherit(&mut self, (slot, poll): (usize, usize), earlier: &Registration) {
        let registrations = self.slots[slot].as_mut().map(|it| &mut it.registrations);
        if let Some(Some(registration)) = registrations.map(|all| &mut all[poll]) {
            registration.inherit(earlier);
        }
        if let Some(life) = self.lives.last_mut() {
            life.inherit(earlier);
        }
    }

    pub(crate) fn deregister(
        &mut self,
        (slot, poll): (usize, usize),
        answer: Answer,
    ) -> Result<(), Complaint> {
        let it = self.slots[slot].as_ref().expect("occupied");
        let hollow = it.registrations[poll].is_some() && !self.is_watched(slot, poll);
        let expected: &[Answer] = if self.is_watched(slot, poll) {
            &[Ok(())]
        } else if self.is_gone(slot, poll) {
            &[Ok(()), UNKNOWN]
        } else {
            &[UNKNOWN]
        };
        compare("deregister", answer, expected)?;
        if answer.is_ok() || hollow {
            self.end((slot, poll));
        }
        Ok(())
    }

    /// The number of a `SourceFd` that was closed while registered: whether the new owner of the
    /// number may end what is left is not promised.
    fn is_gone(&self, slot: usize, poll: usize) -> bool {
        let it = self.slots[slot].as_ref().expect("occupied");
        self.world.get(it.object).kind.is_raw() && self.gone.contains(&(poll, it.fd))
    }

    fn start(&mut self, (slot, poll): (usize, usize), token: usize, want: Want) {
        let mut ended = Vec::new();
        let it = self.slots[slot].as_mut().expect("occupied");
        let raw = self.world.get(it.object).kind.is_raw();
        let level = raw && self.rules.level_source_fd;
        let asked = Asked::new(want, &self.rules);
        let mut registration = Registration::new(token, asked, level, self.now);
        if let Some(earlier) = it.registrations[poll].take() {
            let tokens = earlier.tokens();
            registration = registration.replace(earlier);
            ended.extend(tokens.filter(|&token| !registration.bears(token)));
        }
        it.registrations[poll] = Some(registration);
        if !raw {
            it.owner = Some(poll);
        }
        let place = (poll, it.fd);
        self.gone.retain(|gone| *gone != place);
        ended.into_iter().for_each(|token| self.end_life(token));
        self.lives.push(Life::new(token, asked));
    }

    fn end(&mut self, (slot, poll): (usize, usize)) {
        let it = self.slots[slot].as_mut().expect("occupied");
        it.owner = None;
        let place = (poll, it.fd);
        let registration = it.registrations[poll].take();
        self.gone.retain(|gone| *gone != place);
        self.end_lives(registration.as_ref());
    }

    fn end_lives(&mut self, registration: Option<&Registration>) {
        let tokens = registration.into_iter().flat_map(Registration::tokens);
        tokens.for_each(|token| self.end_life(token));
    }

    /// The source in the slot was dropped.
    pub(crate) fn drop_source(&mut self, slot: usize) {
        let it = self.slots[slot].take().expect("occupied");
        let last = self.world.release(it.object);
        let raw = self.world.get(it.object).kind.is_raw();
        for (poll, registration) in it.registrations.into_iter().enumerate() {
            let Some(registration) = registration else {
                continue;
            };
            let kept = self.rules.duplicates_keep && !last;
            let closed = !self.rules.duplicates_keep && raw && !self.rules.close_ends;
            if !kept {
                self.end_lives(Some(&registration));
            }
            if !last && !self.rules.duplicates_keep && self.rules.close_ends {
                self.left.push((it.object, it.fd));
            }
            if closed {
                self.gone.push((poll, it.fd));
            }
            if kept || closed {
                self.ghosts.push(Ghost {
                    poll,
                    registration,
                    fd: it.fd,
                    object: it.object,
                    budget: closed.then_some(1),
                });
            }
        }
        if last {
            self.release_ghosts(it.object);
        }
    }

    /// The last descriptor of the object is closed, and with it goes what it kept.
    fn release_ghosts(&mut self, object: usize) {
        let (released, kept) = self
            .ghosts
            .drain(..)
            .partition(|ghost| ghost.object == object && ghost.budget.is_none());
        self.ghosts = kept;
        let released: Vec<Ghost> = released;
        for ghost in released {
            self.end_lives(Some(&ghost.registration));
        }
    }

    /// Polls have found out about everything that was closed.
    pub(crate) fn forget_closed(&mut self) {
        self.ghosts.retain(|ghost| ghost.budget.is_none());
    }

    /// The `Poll`s that a slot is registered with.
    pub(crate) fn polls_of(&self, slot: usize) -> Vec<usize> {
        let registrations = self.slots[slot].iter().flat_map(|slot| &slot.registrations);
        let registered = registrations.enumerate().filter(|(_, r)| r.is_some());
        registered.map(|(poll, _)| poll).collect()
    }

    pub(crate) fn new_waker(&mut self, waker: usize, poll: usize, token: usize) {
        self.drop_waker(waker);
        self.lives.push(Life::of_waker(token));
        self.bells[waker] = Some(Bell {
            poll,
            token,
            pending: None,
            vague: false,
        });
    }

    pub(crate) fn wake(&mut self, waker: usize) {
        let now = self.now;
        self.bells[waker].as_mut().expect("a waker").pending = Some(now);
    }

    #[cfg(unix)]
    pub(crate) fn has_waker(&self, waker: usize) -> bool {
        self.bells[waker].is_some()
    }

    pub(crate) fn drop_waker(&mut self, waker: usize) {
        if let Some(bell) = self.bells[waker].take() {
            self.end_life(bell.token);
        }
    }

    /// The events of one poll.
    pub(crate) fn batch(&mut self, poll: usize, batch: &[Seen]) -> Result<(), Complaint> {
        for (index, seen) in batch.iter().enumerate() {
            let again = batch[..index].iter().any(|s| s.token == seen.token);
            if again && self.bearers(poll, seen.token) == 1 {
                return Err(format!("two events of one source in {batch:?}"));
            }
        }
        batch.iter().try_for_each(|seen| self.event(poll, seen))
    }

    /// How many sources and wakers have the token.
    fn bearers(&self, poll: usize, token: usize) -> usize {
        let registrations = self.slots.iter().flatten();
        let registrations = registrations.filter_map(|slot| slot.registrations[poll].as_ref());
        let bells = self.bells.iter().flatten();
        registrations.filter(|r| r.bears(token)).count()
            + bells.filter(|b| (b.poll, b.token) == (poll, token)).count()
            + self
                .ghosts
                .iter()
                .filter(|g| g.poll == poll && g.registration.bears(token))
                .count()
    }

    fn event(&mut self, poll: usize, seen: &Seen) -> Result<(), Complaint> {
        let bearers = self.bearers(poll, seen.token);
        if bearers == 0 {
            return Err(format!("{seen:?} with a token that nobody has"));
        }
        // When several have it, it is any one's.
        let strict = bearers == 1;
        for slot in self.slots.iter_mut().flatten() {
            let object = slot.object;
            let Some(registration) = &mut slot.registrations[poll] else {
                continue;
            };
            if !registration.bears(seen.token) {
                continue;
            }
            let kind = self.world.get(object).kind;
            if strict && registration.check(seen, &self.world, object, &self.rules)? {
                self.extras.push(kind.name());
            }
            let stirs = self.world.get(object).stirs;
            let stirs = (!kind.is_network()).then_some(stirs);
            registration.note(seen, strict, stirs, &self.rules);
        }
        for bell in self.bells.iter_mut().flatten() {
            if (bell.poll, bell.token) != (poll, seen.token) {
                continue;
            }
            bell.note(seen, strict)?;
        }
        for ghost in &mut self.ghosts {
            if ghost.poll != poll || !ghost.registration.bears(seen.token) {
                continue;
            }
            match &mut ghost.budget {
                Some(0) if strict => return Err(format!("{seen:?} of a closed descriptor, again")),
                Some(budget) => *budget = budget.saturating_sub(1),
                None => {}
            }
        }
        Ok(())
    }

    /// The events that have to come, if everything that is known of the kernel has arrived there.
    pub(crate) fn due(&self, poll: usize) -> Musts {
        let mut due = Musts::new();
        for slot in self.slots.iter().flatten() {
            let Some(registration) = &slot.registrations[poll] else {
                continue;
            };
            for direction in DIRECTIONS {
                if registration.is_due(&self.world, slot.object, direction) {
                    due.insert((poll, registration.token_of(direction), direction));
                }
            }
        }
        for bell in self.bells.iter().flatten() {
            if bell.poll == poll && bell.pending.is_some() {
                due.insert((poll, bell.token, super::READ));
            }
        }
        due
    }

    /// Whether this event may come again and again.
    pub(crate) fn is_level(&self, poll: usize, token: usize) -> bool {
        let registrations = self.slots.iter().flatten();
        let mut registrations = registrations.filter_map(|slot| slot.registrations[poll].as_ref());
        registrations.any(|r| r.level && r.bears(token))
    }

    pub(crate) fn begin_comparison(&mut self, poll: usize) {
        for slot in self.slots.iter_mut().flatten() {
            for registration in slot.registrations[poll].iter_mut() {
                for direction in &mut registration.directions {
                    direction.told = false;
                }
            }
        }
    }

    /// After the polls: everything that had to come has. `kernel` says what a slot is ready for where
    /// the model doesn't know. Returns what had to come since the last comparison, as far as that
    /// follows from the operations alone.
    pub(crate) fn compare(
        &mut self,
        poll: usize,
        kernel: impl Fn(usize, usize) -> bool,
    ) -> Result<Musts, Complaint> {
        let mut musts = Musts::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Some(slot) = slot else { continue };
            let Some(registration) = &mut slot.registrations[poll] else {
                continue;
            };
            let object = self.world.get(slot.object);
            for direction in DIRECTIONS {
                let level = self.world.level(slot.object, direction);
                let ready = match level {
                    Level::Unknown => kernel(index, direction),
                    level => level == Level::Yes,
                };
                let wanted = ready && registration.wants(direction);
                let token = registration.token_of(direction);
                let known = &mut registration.directions[direction];
                let missing = if registration.level {
                    !known.told
                } else {
                    known.armed.is_some()
                };
                let was_armed = std::mem::take(&mut known.was_armed);
                if wanted && missing {
                    let (name, ready) = (object.kind.name(), ["readable", "writable"][direction]);
                    return Err(format!("no event: {name} {token} is {ready}, poll {poll}"));
                }
                if wanted && level == Level::Yes && was_armed {
                    musts.insert((poll, token, direction));
                }
            }
            registration.settle(object.stirs);
        }
        for bell in self.bells.iter().flatten() {
            if bell.poll == poll && bell.pending.is_some() {
                return Err(format!("no event: waker {}, poll {poll}", bell.token));
            }
        }
        Ok(musts)
    }
}
