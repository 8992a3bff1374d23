import Reactor
import Wire

/// Finds the addresses of hosts without holding up the loop: names are looked up on a thread of their own.
final class HostResolver {
    /// The reason why there are no addresses.
    struct Failure: Error {
        let reason: String
    }

    typealias Answer = Result<[SocketAddress], Failure>

    private let loop: EventLoop
    private var mailbox: Mailbox<(question: Int, answer: Answer)>?
    private var questions: [Int: (Answer) -> Void] = [:]
    private var nextQuestion = 0

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Calls `completion` on the loop's thread, for an address as text within this call.
    func resolve(
        host: String,
        port: UInt16,
        _ completion: @escaping (Answer) -> Void
    ) {
        if let address = IPAddress(host) {
            completion(.success([.ip(address, port: port)]))
            return
        }
        let mailbox: Mailbox<(question: Int, answer: Answer)>
        do throws(SystemError) {
            mailbox = try mailboxInUse()
        } catch {
            completion(.failure(Failure(reason: error.description)))
            return
        }
        let question = nextQuestion
        nextQuestion += 1
        questions[question] = completion
        startThread(named: "resolver") {
            do throws(ResolutionError) {
                mailbox.send((question, .success(try Reactor.resolve(host: host, port: port))))
            } catch {
                mailbox.send((question, .failure(Failure(reason: error.reason))))
            }
        }
    }

    private func mailboxInUse() throws(SystemError) -> Mailbox<(question: Int, answer: Answer)> {
        if let mailbox { return mailbox }
        let made = try Mailbox<(question: Int, answer: Answer)>(on: loop) { [weak self] in self?.receive($0) }
        mailbox = made
        return made
    }

    private func receive(_ message: (question: Int, answer: Answer)) {
        questions.removeValue(forKey: message.question)?(message.answer)
    }
}
