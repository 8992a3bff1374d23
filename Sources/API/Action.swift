import CentralCore

/// The action for a request.
///
/// An action and its closures belong to no thread: they share nothing with other actions, and change no state of an
/// ``API``. So one thread may make an action, another carry it out, and a third call a closure, one after the other;
/// the same holds for bodies in slices.
public enum Action {
    case reply(Reply)
    /// The core must be asked first; its answer goes into the closure, on the thread of the request.
    case ask(Request, (Answer) -> Action)
    /// The answer begins, or continues with the content of this reply, and stays open. The closure gives the next part
    /// once the client has taken this one; without a closure the answer ends.
    case stream(Reply, then: (() -> Action)?)
}
