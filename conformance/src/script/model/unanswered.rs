//! What the model says of a script that ran beside a polling thread, when only the moments are known
//! at which events were reported.

use super::object::Level;
use super::{Complaint, DIRECTIONS, Model, READ};

impl Model {
    /// Everything that the user waits for and that is ready was told after he began to wait. `told`:
    /// when a token was last reported for a direction, 0 for never. `kernel` as in
    /// [`compare`](Model::compare). Returns how much that was.
    pub(crate) fn unanswered(
        &self,
        told: impl Fn(usize, usize) -> u64,
        kernel: impl Fn(usize, usize) -> bool,
    ) -> Result<u64, Complaint> {
        let mut answered = 0;
        for (index, slot) in self.slots.iter().enumerate() {
            let Some(slot) = slot else { continue };
            for registration in slot.registrations.iter().flatten() {
                for direction in DIRECTIONS {
                    let ready = match self.world.level(slot.object, direction) {
                        Level::Unknown => kernel(index, direction),
                        level => level == Level::Yes,
                    };
                    let armed = registration.directions[direction].armed;
                    let token = registration.token_of(direction);
                    let missing = armed.is_some_and(|at| told(token, direction) <= at);
                    let due = ready && registration.wants(direction) && armed.is_some();
                    answered += u64::from(due);
                    if due && missing {
                        let name = self.world.get(slot.object).kind.name();
                        let ready = ["readable", "writable"][direction];
                        return Err(format!("no event: {name} {token} is {ready}"));
                    }
                }
            }
        }
        for bell in self.bells.iter().flatten() {
            if bell.pending.is_some_and(|at| told(bell.token, READ) <= at) {
                return Err(format!("no event: waker {}", bell.token));
            }
        }
        Ok(answered)
    }
}
