use std::ops::BitOr;

/// The readiness of a source as an [`Event`](crate::event::Event) carries it: every selector
/// translates its kernel's flags into these bits once, when the event is taken out of the kernel.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Readiness(u16);

impl Readiness {
    pub(crate) const NONE: Readiness = Readiness(0);
    pub(crate) const READABLE: Readiness = Readiness(1 << 0);
    pub(crate) const WRITABLE: Readiness = Readiness(1 << 1);
    pub(crate) const ERROR: Readiness = Readiness(1 << 2);
    pub(crate) const READ_CLOSED: Readiness = Readiness(1 << 3);
    pub(crate) const WRITE_CLOSED: Readiness = Readiness(1 << 4);
    pub(crate) const PRIORITY: Readiness = Readiness(1 << 5);
    pub(crate) const AIO: Readiness = Readiness(1 << 6);
    pub(crate) const LIO: Readiness = Readiness(1 << 7);

    pub(crate) const fn contains(self, other: Readiness) -> bool {
        self.0 & other.0 == other.0
    }

    /// `self | other` where constants need it.
    pub(crate) const fn and(self, other: Readiness) -> Readiness {
        Readiness(self.0 | other.0)
    }

    /// `self` with `other` added when `condition` holds.
    pub(crate) const fn with_if(self, condition: bool, other: Readiness) -> Readiness {
        if condition { self.and(other) } else { self }
    }
}

impl BitOr for Readiness {
    type Output = Readiness;

    fn bitor(self, other: Readiness) -> Readiness {
        self.and(other)
    }
}
