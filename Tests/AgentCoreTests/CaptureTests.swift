import ForwarderProtocol
import HTTP
import Testing

@testable import AgentCore

@Suite struct CaptureTests {
    @Test func `A capture is a pcapng file, octet by octet`() {
        var request = CaptureRequest(port: "vm1")
        request.snapByteCount = 128
        var file = CaptureFile(request)
        let head = file.head(program: "heddle 1", logicalPort: "p1")
        #expect(
            head == [
                // Section header: type, length, byte order, version 1.0, a section without a length
                0x0a, 0x0d, 0x0d, 0x0a, 44, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0,
                0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                // shb_userappl
                4, 0, 8, 0, 0x68, 0x65, 0x64, 0x64, 0x6c, 0x65, 0x20, 0x31, 0, 0, 0, 0, 44, 0, 0, 0,
                // Interface description: type, length, Ethernet, the most octets of a frame
                1, 0, 0, 0, 60, 0, 0, 0, 1, 0, 0, 0, 128, 0, 0, 0,
                // if_name
                2, 0, 3, 0, 0x76, 0x6d, 0x31, 0,
                // if_description
                3, 0, 15, 0, 0x6c, 0x6f, 0x67, 0x69, 0x63, 0x61, 0x6c, 0x20, 0x70, 0x6f, 0x72, 0x74, 0x20, 0x70, 0x31,
                0,
                // if_tsresol: nanoseconds
                9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0,
            ]
        )
        file.miss(3)
        let frame = CapturedFrame(fate: .delivered, time: 0x1_0000_0002, bytes: [1, 2, 3, 4, 5], byteCount: 60)
        #expect(
            file.block(of: frame) == [
                // Enhanced packet: type, length, interface, time, captured and original length, the frame
                6, 0, 0, 0, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 60, 0, 0, 0,
                1, 2, 3, 4, 5, 0, 0, 0,
                // opt_comment
                1, 0, 12, 0, 0x74, 0x6f, 0x20, 0x74, 0x68, 0x65, 0x20, 0x67, 0x75, 0x65, 0x73, 0x74,
                // epb_flags: outbound
                2, 0, 4, 0, 2, 0, 0, 0,
                // epb_dropcount
                4, 0, 8, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 80, 0, 0, 0,
            ]
        )
        #expect(
            file.tail(time: 5) == [
                // Interface statistics: type, length, interface, time, isb_ifrecv, isb_ifdrop
                5, 0, 0, 0, 52, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0,
                4, 0, 8, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 8, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 52, 0, 0, 0,
            ]
        )
    }

    @Test func `A capture ends with its last frame, or before it has too many octets`() {
        let frame = CapturedFrame(fate: .dropped(reason: "hairpin"), time: 1, bytes: [UInt8](repeating: 0, count: 60))
        var request = CaptureRequest(port: "vm1")
        request.frameCountMaximum = 2
        var file = CaptureFile(request)
        #expect(!file.block(of: frame).isEmpty && !file.isFull)
        #expect(!file.block(of: frame).isEmpty && file.isFull)
        #expect(file.block(of: frame).isEmpty)
        request = CaptureRequest(port: "vm1")
        request.byteCountMaximum = 400
        file = CaptureFile(request)
        var byteCount = file.head(program: "heddle", logicalPort: "p1").count
        while !file.isFull { byteCount += file.block(of: frame).count }
        #expect((200...400).contains(byteCount))
    }

    @Test func `A filter says which frames are captured, and may look at more than is kept`() throws {
        var request = CaptureRequest(port: "vm1")
        request.snapByteCount = 14
        request.frameCountMaximum = 1
        try request.setFilter("outport == \"p1\" && udp.dst == 53")
        var file = CaptureFile(request)
        _ = file.head(program: "heddle", logicalPort: "p1")
        // Ethernet, IPv4 (28 octets), UDP to port 53.
        let frame: [UInt8] =
            [
                2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0,
                0, 2,
            ]
            + [0x10, 0, 0, 53, 0, 8, 0, 0]
        #expect(request.takenByteCount > frame.count)
        #expect(file.block(of: CapturedFrame(fate: .local(port: "vm2"), time: 1, bytes: frame)).isEmpty)
        var other = frame
        other[37] = 54
        #expect(file.block(of: CapturedFrame(fate: .delivered, time: 1, bytes: other)).isEmpty && !file.isFull)
        let block = file.block(of: CapturedFrame(fate: .delivered, time: 1, bytes: frame))
        #expect(file.isFull && block[20] == 14 && block[24] == 42)
    }

    @Test func `A filter that cannot be says where, and what was expected`() throws {
        var request = try CaptureRequest(port: "vm1", query: "filter=tcp.dst%20%3D%3D%20%7B80%2C443%7D")
        #expect(request.query == "filter=tcp.dst%20%3D%3D%20%7B80%2C443%7D" && request.filter != nil)
        #expect(try CaptureRequest(port: "vm1", query: request.query) == request)
        let heavy =
            "tcp.dst == {" + (0...CaptureRequest.filterWeightMaximum).map { "\($0)" }.joined(separator: ",") + "}"
        for (text, word) in [
            ("tcp.dst = 80", "at byte 9, \"=\": expected =="), ("ip4.src == $office", "in braces"),
            ("inport == @web", "in braces"), (heavy, "at most 128"), ("", "at byte 1, the end"),
        ] {
            let problem = #expect(throws: Problem.self) { try request.setFilter(text) }
            #expect(problem?.detail.contains(word) == true, "\(problem?.detail ?? "")")
        }
        #expect(throws: Problem.self) { try CaptureRequest(port: "vm1", query: "filter=%zz") }
    }

    @Test func `The comment tells where a frame went, or why it did not`() {
        func comment(_ fate: CapturedFrame.Fate, partly: String? = nil, segments: Int = 1) -> String {
            CapturedFrame(fate: fate, partlyDropped: partly, time: 0, bytes: [], segmentCount: segments).comment
        }
        #expect(comment(.dropped(reason: "ra_guard")) == "dropped: ra_guard")
        #expect(comment(.local(port: "vm2"), segments: 3) == "to port vm2; stands for 3 frames")
        #expect(comment(.remote(host: "hv2 (10.0.0.2)")) == "to chassis hv2 (10.0.0.2)")
        #expect(comment(.answered(kind: "dns")) == "answered: dns")
        #expect(
            comment(.copied(count: 4), partly: "no_room") == "copied to 4 ports and chassis; not to all: no_room"
        )
        #expect(comment(.delivered) == "to the guest")
        #expect(comment(.refused(reason: "egress_port_security")) == "dropped on the way out: egress_port_security")
        #expect(comment(.untaken(reason: "no_room")) == "not taken by the device: no_room")
    }

    @Test func `A query says the limits, and a wrong one names what is wrong`() throws {
        let request = try CaptureRequest(port: "vm1", query: "snap=128&count=3&bytes=4096&seconds=5")
        #expect(request.snapByteCount == 128 && request.frameCountMaximum == 3)
        #expect(request.byteCountMaximum == 4096 && request.duration == .seconds(5))
        #expect(request.query == "snap=128&count=3&bytes=4096&seconds=5")
        #expect(try CaptureRequest(port: "vm1", query: "") == CaptureRequest(port: "vm1"))
        for (query, word) in [
            ("snap=13", "snap"), ("count=0", "count"), ("bytes=x", "bytes"), ("seconds=-1", "seconds"),
            ("seconds=99999999999999999999", "seconds"), ("count=1&count=2", "twice"), ("limit=1", "limit"),
            ("count", "count"),
        ] {
            let problem = #expect(throws: Problem.self) { try CaptureRequest(port: "vm1", query: query) }
            #expect(problem?.detail.contains(word) == true)
        }
    }

    // The life of a capture

    private func plugged() -> Scenario {
        var agent = Scenario()
        agent.reachSteadyState(Scenario.snapshot(to: 4, [Sample.hv1]))
        for number in 1...6 {
            let wanted = PortSpecification(name: "vm\(number)", logicalPort: "vm\(number)", interface: "vm\(number)")
            agent.step("", .portAdd(UInt64(number), PortRequest(specification: wanted)))
            agent.step("", .deviceOpened(port: wanted.name, .success(Device(isOwned: true, mac: nil))))
            agent.step("", .portsSaved(save: UInt64(number), failure: nil))
        }
        return agent
    }

    private func refusal(_ effects: [Effect]) -> String? {
        for case .answer(_, .refused(let problem)) in effects { return problem.code }
        return nil
    }

    @Test func `A capture begins when the forwarder captures, and ends with its user`() {
        var agent = plugged()
        let opened = agent.step("", .capture(20, CaptureRequest(port: "vm1")))
        guard case .openCapture(20, _, logicalPort: "vm1")? = opened.first else {
            return #expect(Bool(false), "\(opened)")
        }
        let begun = agent.step("", .forwarderSaid(.capturing(number: 20, isOn: true)))
        guard case .beginCapture(20)? = begun.first else { return #expect(Bool(false), "\(begun)") }
        let ended = agent.step("", .disconnected(20))
        guard case .endCapture(20, nil)? = ended.first else { return #expect(Bool(false), "\(ended)") }
        #expect(agent.step("", .captureEnded(20)).isEmpty)
        #expect(agent.step("", .forwarderSaid(.capturing(number: 20, isOn: true))).isEmpty)
    }

    @Test func `Captures that cannot be are refused`() {
        var agent = plugged()
        #expect(refusal(agent.step("", .capture(20, CaptureRequest(port: "vm9")))) == "port_not_found")
        for number in 1...ForwarderProtocol.captureCountMaximum {
            let ticket = UInt64(20 + number)
            #expect(refusal(agent.step("", .capture(ticket, CaptureRequest(port: "vm\(number)")))) == nil)
        }
        #expect(refusal(agent.step("", .capture(40, CaptureRequest(port: "vm1")))) == "port_captured")
        #expect(refusal(agent.step("", .capture(41, CaptureRequest(port: "vm6")))) == "too_many_captures")
        guard
            case .endCapture(21, let problem?)? = agent.step("", .forwarderSaid(.capturing(number: 21, isOn: false)))
                .first
        else { return #expect(Bool(false)) }
        #expect(problem.code == "capture_failed")
        #expect(refusal(agent.step("", .capture(42, CaptureRequest(port: "vm6")))) == nil)
    }

    @Test func `The end of the forwarder ends all captures`() {
        var agent = plugged()
        agent.step("", .capture(20, CaptureRequest(port: "vm1")))
        var ended: [Ticket] = []
        for case .endCapture(let ticket, _?) in agent.step("", .forwarderLost(reason: "killed")) {
            ended.append(ticket)
        }
        #expect(ended == [20])
        #expect(refusal(agent.step("", .capture(21, CaptureRequest(port: "vm1")))) == "no_forwarder")
    }
}
