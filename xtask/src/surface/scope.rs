//! Names that are local to an item (`'a`, `T`) and mean nothing to its users. They are renumbered in
//! the order of their appearance, elided lifetimes with them, so that `fn iter(&self) -> Iter<'_>`
//! and `fn iter<'x>(&'x self) -> Iter<'x>` come out the same.
//!
//! The rules of elision: <https://doc.rust-lang.org/reference/lifetime-elision.html>.

use std::collections::{BTreeSet, HashMap};

/// What an elided lifetime stands for at the place being rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In an argument or an impl header: a lifetime of its own.
    Input,
    /// In a return type: the lifetime that the arguments determine.
    Output,
    /// In the type of a constant: the longest.
    Constant,
}

/// One binder: an impl, a function, a `for<'a>`.
#[derive(Debug)]
struct Frame {
    prefix: &'static str,
    place: Place,
    names: HashMap<String, Option<String>>,
    lifetimes: usize,
    types: usize,
    /// The lifetimes met in the arguments.
    inputs: BTreeSet<String>,
    /// The first lifetime in the type of `self`.
    receiver: Option<String>,
}

/// The binders around the place being rendered, outermost first.
#[derive(Debug, Default)]
pub struct Scope {
    frames: Vec<Frame>,
}

impl Scope {
    /// Opens a binder that declares `names`; their new names begin with `prefix`.
    pub fn open<'n>(&mut self, prefix: &'static str, names: impl IntoIterator<Item = &'n str>) {
        self.frames.push(Frame {
            prefix,
            place: Place::Input,
            names: names.into_iter().map(|n| (n.to_owned(), None)).collect(),
            lifetimes: 0,
            types: 0,
            inputs: BTreeSet::new(),
            receiver: None,
        });
    }

    /// Closes the innermost binder.
    pub fn close(&mut self) {
        self.frames.pop();
    }

    /// The lifetimes met so far are those of `self`'s type.
    pub fn receiver_done(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.receiver = frame.inputs.first().cloned();
        }
    }

    /// What follows is a return type.
    pub fn output_begins(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.place = Place::Output;
        }
    }

    /// What follows is the type of a constant, in a binder of its own.
    pub fn open_constant(&mut self) {
        self.open("C", []);
        if let Some(frame) = self.frames.last_mut() {
            frame.place = Place::Constant;
        }
    }

    /// The return type is over: elided lifetimes stand for themselves again.
    pub fn output_ends(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.place = Place::Input;
        }
    }

    /// The new name of a type or const parameter; what no binder declares keeps its name.
    pub fn parameter(&mut self, name: &str) -> String {
        for frame in self.frames.iter_mut().rev() {
            if let Some(new) = frame.names.get_mut(name) {
                let (prefix, types) = (frame.prefix, &mut frame.types);
                let fresh = || {
                    *types += 1;
                    format!("{prefix}{}", *types - 1)
                };
                return new.get_or_insert_with(fresh).clone();
            }
        }
        name.to_owned()
    }

    /// The new name of a lifetime; `None` and `'_` are elided ones.
    pub fn lifetime(&mut self, name: Option<&str>) -> String {
        let new = match name {
            Some("'static") => return "'static".into(),
            None | Some("'_") => self.elided(),
            Some(name) => self.named(name),
        };
        if let Some(frame) = self.frames.last_mut() {
            if frame.place == Place::Input {
                frame.inputs.insert(new.clone());
            }
        }
        new
    }

    fn named(&mut self, name: &str) -> String {
        for frame in self.frames.iter_mut().rev() {
            match frame.names.get(name) {
                Some(Some(new)) => return new.clone(),
                Some(None) => {
                    let new = frame.fresh();
                    frame.names.insert(name.to_owned(), Some(new.clone()));
                    return new;
                }
                None => {}
            }
        }
        name.to_owned()
    }

    fn elided(&mut self) -> String {
        let Some(frame) = self.frames.last_mut() else {
            return "'_".into();
        };
        match frame.place {
            Place::Input => return frame.fresh(),
            Place::Constant => return "'static".into(),
            Place::Output => {}
        }
        match (&frame.receiver, frame.inputs.len()) {
            (Some(receiver), _) => receiver.clone(),
            (None, 1) => frame.inputs.first().cloned().unwrap_or_default(),
            _ => "'_".into(),
        }
    }
}

impl Frame {
    fn fresh(&mut self) -> String {
        self.lifetimes += 1;
        format!("'{}{}", self.prefix.to_lowercase(), self.lifetimes - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elided_and_named_lifetimes_come_out_the_same() {
        let mut named = Scope::default();
        named.open("f", ["'x"]);
        let mut elided = Scope::default();
        elided.open("f", []);
        for (scope, name) in [(&mut named, Some("'x")), (&mut elided, None)] {
            assert_eq!(scope.lifetime(name), "'f0");
            scope.receiver_done();
            scope.output_begins();
            assert_eq!(scope.lifetime(name), "'f0");
        }
    }

    #[test]
    fn two_arguments_have_two_lifetimes() {
        let mut scope = Scope::default();
        scope.open("f", []);
        assert_ne!(scope.lifetime(None), scope.lifetime(None));
        scope.output_begins();
        assert_eq!(scope.lifetime(None), "'_");
    }

    #[test]
    fn a_constant_borrows_for_ever() {
        let mut scope = Scope::default();
        scope.open("I", ["'a"]);
        scope.open_constant();
        assert_eq!(scope.lifetime(None), "'static");
        assert_eq!(scope.lifetime(Some("'a")), "'i0");
        scope.close();
        assert_eq!(scope.lifetime(None), "'i1");
    }

    #[test]
    fn parameters_are_numbered_by_the_binder_that_declares_them() {
        let mut scope = Scope::default();
        scope.open("I", ["T"]);
        scope.open("F", ["U", "V"]);
        assert_eq!(scope.parameter("V"), "F0");
        assert_eq!(scope.parameter("T"), "I0");
        assert_eq!(scope.parameter("U"), "F1");
        assert_eq!(scope.parameter("V"), "F0");
        assert_eq!(scope.parameter("Self"), "Self");
        scope.close();
        assert_eq!(scope.parameter("V"), "V");
    }
}
