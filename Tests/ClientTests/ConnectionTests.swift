import HTTP
import HTTPTypes
import JSON
import Testing

@testable import Client

@Suite struct ConnectionTests {
    /// The field that every answer of a central has.
    private static let epoch = "Heddle-Epoch: 00000000000000ee\r\n"

    private static func answer(_ status: String, _ body: String, fields: String = epoch) -> String {
        "HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private func connection(to server: CannedServer, token: String? = nil) throws -> Connection {
        try Connection(to: .central(url: server.url), token: token)
    }

    @Test func `A request says what it sends and takes, and who asks`() throws {
        let server = try CannedServer([
            Self.answer("200 OK", "{\"revision\":7}", fields: Self.epoch + "Heddle-Revision: 7\r\n"),
            Self.answer("204 No Content", ""),
        ])
        let connection = try connection(to: server, token: "secret")
        let reply = try connection.send(Call(.post, "/v1/transactions", body: ["ops": []]))
        #expect(reply == Reply(status: 200, revision: 7, epoch: "00000000000000ee", body: ["revision": 7]))
        let empty = try connection.send(Call(.delete, "/v1/ports/p1"))
        #expect(empty == Reply(status: 204, epoch: "00000000000000ee"))
        let requests = server.requests.map { $0.lowercased() }
        #expect(requests[0].hasPrefix("post /v1/transactions http/1.1\r\n"))
        #expect(requests[0].hasSuffix("\r\n\r\n{\"ops\":[]}"))
        #expect(requests[0].contains("\r\ncontent-type: application/json\r\n"))
        #expect(requests.allSatisfy { $0.contains("\r\nauthorization: bearer secret\r\n") })
        #expect(requests.allSatisfy { $0.contains("\r\naccept: application/json\r\n") })
        #expect(!requests[1].contains("content-type"))
    }

    @Test func `Without a token none is sent`() throws {
        let server = try CannedServer([Self.answer("200 OK", "{}")])
        _ = try connection(to: server).send(Call(.get, "/"))
        #expect(!server.requests[0].lowercased().contains("authorization"))
    }

    private func message(of answer: String, _ call: Call = Call(.get, "/v1/ports?limit=1")) throws -> String {
        let server = try CannedServer([answer])
        let error = #expect(throws: ClientError.self) { try connection(to: server).send(call) }
        return (error?.message ?? "").replacing(server.url, with: "URL")
    }

    @Test func `Another server's answers are not taken for central's`() throws {
        let notCentral =
            "cannot understand central at URL: its answer, with status %, is not that of a central; "
            + "set HEDDLE_NB to the northbound port of a central, 6641 by default"
        for status in [404, 405, 301, 400] {
            let page = Self.answer("\(status) Other", "<html>nginx</html>", fields: "Content-Type: text/html\r\n")
            #expect(try message(of: page) == notCentral.replacing("%", with: "\(status)"))
        }
        #expect(try message(of: Self.answer("200 OK", "{}", fields: "")) == notCentral.replacing("%", with: "200"))
        #expect(
            try message(of: Self.answer("502 Bad Gateway", "<html>", fields: ""))
                == "cannot reach central at URL: a proxy before it answers with status 502; "
                + "start it with 'heddle central' or set HEDDLE_NB"
        )
        #expect(
            try message(of: Self.answer("504 Timeout", "", fields: ""), Call(.post, "/v1/transactions", body: [:]))
                .hasPrefix(
                    "lost the connection to central at URL before it answered: a proxy before it answers with "
                        + "status 504;"
                )
        )
        let problem = #"{"code":"path_not_found","detail":"Nothing is served under this path.","status":404}"#
        #expect(
            try message(of: Self.answer("404 Not Found", problem)).hasPrefix(
                "cannot understand central at URL: it has no /v1/ports: this may be its southbound port"
            )
        )
    }

    @Test func `What to do depends on what is wrong`() {
        func message(_ server: Server, _ reason: String) -> String {
            ClientError.unreachable(server, reason: reason, mayHaveActed: false).message
        }
        let central = Server.central(url: "unix:/c")
        #expect(message(central, "Permission denied").contains("; run this as root or as the user"))
        #expect(message(.agent(socket: "/a"), "Permission denied").contains("; run this as root or as the user"))
        #expect(message(central, "Connection refused").hasSuffix("start it with 'heddle central' or set HEDDLE_NB"))
        let unknown = Problem(401, code: "unauthenticated", detail: "There is no such token.")
        #expect(unknown.sentence == "There is no such token; heddle sends the one in HEDDLE_TOKEN")
    }

    @Test func `A success that is not JSON, or no HTTP at all, is no answer`() throws {
        let server = try CannedServer([Self.answer("200 OK", "<html>"), "SSH-2.0-OpenSSH_9.2\r\n"])
        let connection = try connection(to: server)
        for _ in 0..<2 {
            do throws(ClientError) {
                _ = try connection.send(Call(.get, "/"))
                Issue.record("it was taken for an answer")
            } catch {
                guard case .badAnswer = error else {
                    Issue.record("\(error)")
                    continue
                }
            }
        }
    }

    @Test func `A connection that is lost says whether something may have been changed`() throws {
        let server = try CannedServer([nil, nil, nil, nil])
        let connection = try connection(to: server)
        for (method, mayHaveActed) in [(Call.Method.post, true), (.get, false)] {
            do throws(ClientError) {
                _ = try connection.send(Call(method, "/"))
                Issue.record("it was answered")
            } catch {
                guard case .unreachable(_, _, mayHaveActed) = error else {
                    Issue.record("\(error)")
                    continue
                }
            }
        }
    }

    @Test func `An answer that does not come in time is not waited for`() throws {
        let server = try CannedServer([])
        let connection = try connection(to: server)
        do throws(ClientError) {
            _ = try connection.send(Call(.get, "/", timeout: .milliseconds(20)))
            Issue.record("it was answered")
        } catch {
            #expect(error.message.contains("no answer within"))
        }
        #expect(server.requests.isEmpty)
    }

    @Test func `Authorities that cannot be read are a usage error`() {
        for file in ["/nonexistent", "/dev/null"] {
            do throws(ClientError) {
                _ = try Connection(to: .central(url: "https://h"), token: nil, authorities: file)
                Issue.record("\(file) was taken")
            } catch {
                #expect(error.exitStatus == .usage)
                #expect(error.message.hasPrefix("HEDDLE_CA is wrong: \(file)"))
            }
        }
    }

    @Test func `A text that is no URL is a usage error`() {
        for url in ["", "127.0.0.1:6641", "https://", "http://", "http://h:0", "http://h/path"] {
            do throws(ClientError) {
                _ = try Connection(to: .central(url: url), token: nil)
                Issue.record("\(url) was taken")
            } catch {
                #expect(error.exitStatus == .usage)
                #expect(error.message.hasPrefix("HEDDLE_NB is wrong"))
            }
        }
    }
}
