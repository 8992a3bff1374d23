import CentralCore

/// What is to be done with a request.
///
/// Neither an action nor what its closures keep belongs to a thread: nothing of it is shared with another action, and no
/// state of an ``API`` changes. So an action may be made on one thread and carried out on another, and a closure called
/// on a third, as long as they do so one after the other; bodies that come in slices are likewise for one at a time.
public enum Action {
    /// It is answered.
    case reply(Reply)
    /// The core must be asked first; its answer goes into the closure, on the thread of the request.
    case ask(Request, (Answer) -> Action)
    /// The answer begins and stays open, or goes on, of which only the content counts then: with these bytes, and once
    /// the client has taken them with what the closure says. Without one it ends.
    case stream(Reply, then: (() -> Action)?)
}
