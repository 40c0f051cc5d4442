/// The name under which a source or a [`Waker`](crate::Waker) was registered.
///
/// Every [`Event`](crate::event::Event) carries the token of what it is about. ferrio never looks
/// into a token: it may be an index into a table, or a pointer cast to `usize`. Every value is
/// allowed, and nothing stops two sources, or a source and a waker, from using the same one.
///
/// Once [`Registry::deregister`](crate::Registry::deregister) has returned, no
/// [`Poll::poll`](crate::Poll::poll) that begins later returns an event with the token that the
/// source had. Events already in an [`Events`](crate::Events) buffer stay there: a program that
/// frees what a token points to has to finish, or discard, the batch first.
///
/// # Examples
///
/// ```
/// use ferrio::Token;
///
/// const SERVER: Token = Token(0);
/// let client = Token(SERVER.0 + 1);
/// assert_ne!(SERVER, client);
/// assert_eq!(usize::from(client), 1);
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub usize);

impl From<Token> for usize {
    fn from(token: Token) -> usize {
        token.0
    }
}
