//! One event for each source in a batch.

use super::record::{decode, descriptor, is_bell, is_void};
use crate::event::Event;
use crate::notify::Harvest;
use crate::sys::unix::os::kqueue::Kevent;
use crate::token::Token;

/// Finds the event that a descriptor has already in the batch at hand: a table with a place for each
/// number. The stamp tells a place's batch, so that nothing has to be cleared.
#[derive(Default)]
pub(super) struct Merge {
    places: Vec<Place>,
    batch: u32,
}

#[derive(Copy, Clone, Default)]
struct Place {
    batch: u32,
    index: u32,
}

/// The table grows with the numbers that it meets; from here on it doesn't, and events are not
/// merged. No process has that many descriptors.
const LARGEST: usize = 1 << 22;

impl Merge {
    /// Appends the events of `records` to `list`. `bell`: the wakers' descriptor, or -1.
    pub(super) fn events(
        &mut self,
        records: &[Kevent],
        bell: i32,
        list: &mut Vec<Event>,
    ) -> Harvest {
        let start = list.len();
        let mut rung = false;
        let alone = records.len() == 1;
        if !alone {
            self.begin();
        }
        for record in records {
            if is_bell(record, bell) {
                rung = true;
                continue;
            }
            if is_void(record) {
                continue;
            }
            let (readiness, raw) = decode(record);
            let token = Token(record.udata());
            if !alone {
                if let Some(place) = descriptor(record).and_then(|fd| self.place(fd)) {
                    if let Some(event) = list.get_mut(place) {
                        // Another thread may have changed the token in between.
                        if event.token() == token {
                            event.merge(readiness, raw);
                            continue;
                        }
                    }
                }
                self.note(record, list.len());
            }
            list.push(Event::new(token, readiness, raw));
        }
        Harvest {
            events: list.len() - start,
            rung,
        }
    }

    fn begin(&mut self) {
        self.batch = self.batch.wrapping_add(1);
        if self.batch == 0 {
            self.places.clear();
            self.batch = 1;
        }
    }

    fn place(&self, fd: usize) -> Option<usize> {
        let place = self.places.get(fd)?;
        (place.batch == self.batch).then_some(place.index as usize)
    }

    fn note(&mut self, record: &Kevent, index: usize) {
        let Some(fd) = descriptor(record).filter(|&fd| fd < LARGEST) else {
            return;
        };
        if fd >= self.places.len() {
            self.places.resize(fd + 1, Place::default());
        }
        self.places[fd] = Place {
            batch: self.batch,
            // A batch is no longer than an int counts.
            index: index as u32,
        };
    }
}

#[cfg(all(test, not(ferrio_loom)))]
mod tests {
    use super::*;

    #[test]
    fn when_the_stamps_begin_anew_no_place_has_one_of_them() {
        let mut merge = Merge {
            places: vec![Place { batch: 1, index: 3 }],
            batch: u32::MAX - 1,
        };
        merge.begin();
        assert_eq!((merge.places.len(), merge.place(0)), (1, None));
        merge.begin();
        assert_eq!((merge.places.len(), merge.batch), (0, 1));
        merge.places.push(Place { batch: 1, index: 0 });
        merge.begin();
        assert_eq!((merge.places.len(), merge.place(0)), (1, None));
    }
}
