import HTTP
import JSON
import Reactor

/// Carries a command line of `heddle nb` to central: reads, one commit, the wait.
public struct NbSession {
    /// The number of times that a chain is planned because others changed the network meanwhile. Each round loses to
    /// somebody who got through, so more than a few mean that two programs fight over the same names.
    static let attemptMaximum = 8

    /// The most names in one request for ports: its target stays far below what servers take.
    private static let namesPerQuery = 32

    private let caller: any Caller
    private let boundedCaller: DeadlineCaller
    private let line: ControlCommandLine<NbCommand>
    private let deadline: Deadline
    private let clock: @Sendable () -> Duration
    private let output: (String) -> Void
    private let warn: (String) -> Void

    /// A session that prints to `output` and reports non-fatal problems to `warn`.
    public init(
        _ line: ControlCommandLine<NbCommand>,
        caller: any Caller,
        clock: @escaping @Sendable () -> Duration = Clock.monotonic,
        output: @escaping (String) -> Void,
        warn: @escaping (String) -> Void
    ) {
        self.line = line
        self.caller = caller
        self.clock = clock
        self.output = output
        self.warn = warn
        deadline = Deadline(seconds: line.timeout, now: clock)
        boundedCaller = DeadlineCaller(caller: caller, deadline: deadline)
    }

    /// Runs the commands.
    ///
    /// Output before the first change shows the network before the commit; output after it shows the network after the
    /// commit and the wait.
    public func run() throws(ClientError) {
        let commands = line.commands.map(\.command)
        let firstChange = commands.firstIndex { !$0.onlyReads } ?? commands.count
        var tableCount = 0
        for command in commands[..<firstChange] { try print(command, &tableCount) }
        guard firstChange < commands.count else { return }
        let start = clock()
        let (revision, created) = try commit(commands)
        try wait(for: revision, committedAfter: clock() - start, since: start)
        for path in created {
            if let object = try boundedCaller.object(path)?.body { output(object.text("id") + "\n") }
        }
        for case .dhcpOptionsCreate(let name, _, _) in commands {
            if let object = try boundedCaller.object(dhcpPath(name))?.body { output(object.text("id") + "\n") }
        }
        for command in commands[firstChange...] where command.onlyReads { try print(command, &tableCount) }
    }

    // MARK: Changes

    /// Makes the whole chain one commit; the revision that shows it, and the paths of the rows that it makes.
    private func commit(_ commands: [NbCommand]) throws(ClientError) -> (Int64, created: [String]) {
        for attempt in 1...Self.attemptMaximum {
            let (view, seen) = try read(commands)
            let plan = try NbPlan(commands, over: view)
            if plan.operations.isEmpty {
                if let seen { return (seen, []) }
                return (try currentRevision(), [])
            }
            let reply = try boundedCaller.send(Call(.post, "/v1/transactions", body: plan.body))
            if reply.status == 200, let revision = reply.body?["revision"]?.integerValue {
                return (revision, plan.created)
            }
            let problem = Problem(status: reply.status, body: reply.body)
            guard attempt < Self.attemptMaximum, Self.contradictsReading(problem) else {
                throw .problem(explained(problem, plan))
            }
        }
        throw .refused("the network changed during each attempt; try again")
    }

    /// True if a refusal can only mean that the network is no longer as it was read.
    private static func contradictsReading(_ problem: Problem) -> Bool {
        ["precondition_failed", "name_conflict", "not_found", "reference_not_found"].contains(problem.code)
    }

    /// In a chain, a refusal names the command that it is about.
    private func explained(_ problem: Problem, _ plan: NbPlan) -> Problem {
        guard line.commands.count > 1, let index = problem.operationIndex,
            plan.commandOfOperation.indices.contains(index)
        else { return problem }
        var problem = problem
        problem.detail = "\(line.commands[plan.commandOfOperation[index]].words): \(problem.detail)"
        return problem
    }

    /// Reads the objects that the chain names, each once, and the newest revision seen.
    private func read(_ commands: [NbCommand]) throws(ClientError) -> (NbView, revision: Int64?) {
        var view = NbView()
        var revision: Int64?
        for reference in Self.unique(commands.flatMap(\.switchReferences)) {
            guard let reply = try boundedCaller.object(switchPath(reference)) else { continue }
            view.switches[reference] = reply.body
            revision = max(revision ?? 0, reply.revision ?? 0)
        }
        for reference in Self.unique(commands.flatMap(\.portReferences)) {
            guard let reply = try boundedCaller.object(portPath(reference)) else { continue }
            view.ports[reference] = reply.body
            revision = max(revision ?? 0, reply.revision ?? 0)
        }
        for reference in Self.unique(commands.compactMap(\.dhcpOptionsReference)) {
            guard let reply = try boundedCaller.object(dhcpPath(reference)) else { continue }
            view.dhcpOptions[reference] = reply.body
            revision = max(revision ?? 0, reply.revision ?? 0)
        }
        for reference in Self.unique(commands.compactMap(\.portGroupReference)) {
            guard let reply = try boundedCaller.object(portGroupPath(reference)) else { continue }
            view.portGroups[reference] = reply.body
            revision = max(revision ?? 0, reply.revision ?? 0)
        }
        if commands.contains(where: \.needsACLs) { view.acls = try boundedCaller.list("/v1/acls") }
        if commands.contains(where: \.needsQoSRules) { view.qosRules = try boundedCaller.list("/v1/qos-rules") }
        for reference in Self.unique(commands.compactMap(\.mirrorReference)) {
            guard let reply = try boundedCaller.object("/v1/mirrors/" + percentEncoded(reference)) else { continue }
            view.mirrors[reference] = reply.body
            revision = max(revision ?? 0, reply.revision ?? 0)
        }
        try readRows(commands, into: &view)
        return (view, revision)
    }

    /// Reads the objects of rows that the chain changes.
    private func readRows(_ commands: [NbCommand], into view: inout NbView) throws(ClientError) {
        let reader = DatabaseReader(caller: boundedCaller)
        var columns: [OVNColumn] = []
        for case .database(let command) in commands {
            let table = command.table
            columns += table.columns.filter { command.changedColumns.contains($0.name) }
            if command.action == .destroy(nil) { view.allRecords[table.name] = try reader.rows(of: table) }
            for record in command.changedRecords where view.records[table.name]?[record] == nil {
                view.records[table.name, default: [:]][record] = try reader.object(record, of: table)
            }
        }
        view.referredObjects = try reader.objects(for: columns)
    }

    private static func unique(_ references: [String]) -> [String] {
        var seen: Set<String> = []
        return references.filter { seen.insert($0).inserted }
    }

    private func currentRevision() throws(ClientError) -> Int64 {
        let reply = try boundedCaller.require(Call(.get, "/v1/switches?limit=1"))
        guard let revision = reply.revision else {
            throw .badAnswer(caller.server, "its answer has no Heddle-Revision")
        }
        return revision
    }

    // MARK: Wait

    private func wait(
        for revision: Int64,
        committedAfter commitTime: Duration,
        since start: Duration
    ) throws(ClientError) {
        switch line.wait {
        case .none:
            let syncs = line.commands.contains { $0.command == .sync }
            if syncs { warn("\"sync\" command has no effect without --wait=sb or --wait=hv") }
        case .sb: break
        case .hv: try RealizationWait(caller: caller, deadline: deadline, warn: warn).wait(for: revision)
        }
        guard line.printsWaitTime else { return }
        output("Time spent on processing revision \(revision):\n")
        output("\tcommit, northbound and southbound:\t\(milliseconds(commitTime))ms\n")
        if line.wait == .hv { output("\tchassis completion:\t\t\t\(milliseconds(clock() - start))ms\n") }
    }

    private func milliseconds(_ duration: Duration) -> Int64 {
        duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
    }

    // MARK: Reading

    private func print(_ command: NbCommand, _ tableCount: inout Int) throws(ClientError) {
        switch command {
        case .database(let command):
            output(try DatabaseReader(caller: boundedCaller).text(command, line.style, after: &tableCount))
        case .lsGet(let reference):
            guard let found = try boundedCaller.object(switchPath(reference))?.body else {
                throw notFound(reference, "switch")
            }
            output(NbListing.list([found]))
        case .lspGetSwitch(let reference):
            guard let port = try boundedCaller.object(portPath(reference))?.body else {
                throw notFound(reference, "port")
            }
            let home = try boundedCaller.object(switchPath(port.raw("switch")))?.body
            output(home.map { NbListing.list([$0]) } ?? "")
        case .lsList:
            output(NbListing.list(try boundedCaller.list("/v1/switches")))
        case .lspList(let reference):
            guard try boundedCaller.object(switchPath(reference)) != nil else { throw notFound(reference, "switch") }
            output(NbListing.list(try boundedCaller.list(switchPath(reference) + "/ports")))
        case .lspGet(let reference, let column):
            guard let port = try boundedCaller.object(portPath(reference))?.body else {
                throw notFound(reference, "port")
            }
            output(NbListing.column(column, of: port))
        case .show(nil):
            output(
                NbListing.show(
                    switches: try boundedCaller.list("/v1/switches"),
                    ports: try boundedCaller.list("/v1/ports")
                )
            )
        case .show(let reference?):
            guard let found = try boundedCaller.object(switchPath(reference))?.body else {
                throw notFound(reference, "switch")
            }
            output(NbListing.show(switches: [found], ports: try boundedCaller.list(switchPath(reference) + "/ports")))
        case .dhcpOptionsList: output(NbListing.list(try boundedCaller.list("/v1/dhcp-options")))
        case .dhcpOptionsGet(let reference):
            guard let object = try boundedCaller.object(dhcpPath(reference))?.body else {
                throw notFound(reference, "DHCP options")
            }
            output(NbListing.options(ofSet: object))
        case .aclList(let reference):
            output(NbListing.acls(try acls(of: reference)))
        case .qosList(let reference):
            guard let home = try boundedCaller.object(switchPath(reference))?.body?.text("name") else {
                throw notFound(reference, "switch")
            }
            output(NbListing.qosRules(try boundedCaller.list("/v1/qos-rules").filter { $0.text("switch") == home }))
        case .pgGetPorts(let reference):
            guard let group = try boundedCaller.object(portGroupPath(reference))?.body else {
                throw notFound(reference, "port group")
            }
            output(NbListing.list(try ports(named: group.texts("ports"))))
        case .mirrorList: output(NbListing.mirrors(try boundedCaller.list("/v1/mirrors")))
        case .lsAdd, .lsDel, .lspAdd, .lspDel, .lspSet, .sync, .dhcpOptionsCreate, .dhcpOptionsDel, .dhcpOptionsSet,
            .pgAdd, .pgDel, .pgSetPorts, .aclAdd, .aclDel, .qosAdd, .qosDel, .mirrorAdd, .mirrorDel, .mirrorRuleAdd,
            .mirrorRuleDel:
            break
        }
    }

    /// The ACLs of a switch or of a port group.
    private func acls(of reference: String) throws(ClientError) -> [JSONValue] {
        var homes: [(member: String, name: String)] = []
        if let home = try boundedCaller.object(switchPath(reference))?.body {
            homes.append(("switch", home.text("name")))
        }
        if let home = try boundedCaller.object(portGroupPath(reference))?.body {
            homes.append(("port_group", home.text("name")))
        }
        guard let home = homes.first else { throw notFound(reference, "switch or port group") }
        guard homes.count == 1 else {
            throw .refused("\(reference): there are a switch and a port group of this name; give the UUID of one")
        }
        return try boundedCaller.list("/v1/acls").filter { $0.text(home.member) == home.name }
    }

    /// The ports with these names, asked for many at once.
    private func ports(named names: [String]) throws(ClientError) -> [JSONValue] {
        var ports: [JSONValue] = []
        var rest = names[...]
        while !rest.isEmpty {
            let query = rest.prefix(Self.namesPerQuery).map { "name=" + percentEncoded($0) }.joined(separator: "&")
            ports += try boundedCaller.list("/v1/ports?" + query)
            rest = rest.dropFirst(Self.namesPerQuery)
        }
        return ports
    }

    private func switchPath(_ reference: String) -> String { "/v1/switches/" + percentEncoded(reference) }

    private func dhcpPath(_ reference: String) -> String { "/v1/dhcp-options/" + percentEncoded(reference) }

    private func portGroupPath(_ reference: String) -> String { "/v1/port-groups/" + percentEncoded(reference) }

    private func portPath(_ reference: String) -> String { "/v1/ports/" + percentEncoded(reference) }
}

extension NbCommand {
    fileprivate var switchReferences: [String] {
        switch self {
        case .lsAdd(let name, _), .lsDel(let name, _), .lspList(let name), .show(let name?), .lsGet(let name): [name]
        case .lspAdd(let name, _, _, _): [name]
        case .aclAdd(let acl): [acl.entity]
        case .aclDel(let name, _), .aclList(let name), .qosDel(let name, _), .qosList(let name): [name]
        case .qosAdd(let rule): [rule.logicalSwitch]
        case .lsList, .lspDel, .lspSet, .lspGet, .show(nil), .sync, .dhcpOptionsCreate, .dhcpOptionsDel,
            .dhcpOptionsList, .dhcpOptionsSet, .dhcpOptionsGet, .pgAdd, .pgDel, .pgSetPorts, .pgGetPorts, .mirrorAdd,
            .mirrorDel, .mirrorRuleAdd, .mirrorRuleDel, .mirrorList, .lspGetSwitch, .database:
            []
        }
    }

    fileprivate var portReferences: [String] {
        switch self {
        case .lspAdd(_, let name, _, _), .lspDel(let name, _), .lspSet(let name, _), .lspGet(let name, _),
            .lspGetSwitch(let name):
            [name]
        case .pgAdd(_, let ports), .pgSetPorts(_, let ports): ports
        case .lsAdd, .lsDel, .lsList, .lspList, .show, .sync, .dhcpOptionsCreate, .dhcpOptionsDel, .dhcpOptionsList,
            .dhcpOptionsSet, .dhcpOptionsGet, .pgDel, .pgGetPorts, .aclAdd, .aclDel, .aclList, .qosAdd, .qosDel,
            .qosList, .mirrorAdd, .mirrorDel, .mirrorRuleAdd, .mirrorRuleDel, .mirrorList, .lsGet, .database:
            []
        }
    }

    /// The set of DHCP options that the command changes or shows.
    fileprivate var dhcpOptionsReference: String? {
        switch self {
        case .dhcpOptionsCreate(let name, _, _), .dhcpOptionsDel(let name, _), .dhcpOptionsSet(let name, _),
            .dhcpOptionsGet(let name):
            name
        case .lsAdd, .lsDel, .lsList, .lspAdd, .lspDel, .lspList, .lspSet, .lspGet, .show, .sync, .dhcpOptionsList,
            .pgAdd, .pgDel, .pgSetPorts, .pgGetPorts, .aclAdd, .aclDel, .aclList, .qosAdd, .qosDel, .qosList,
            .mirrorAdd, .mirrorDel, .mirrorRuleAdd, .mirrorRuleDel, .mirrorList, .lspGetSwitch, .lsGet, .database:
            nil
        }
    }

    /// True if it depends on the ACLs that there are.
    fileprivate var needsACLs: Bool {
        switch self {
        case .aclAdd, .aclDel: true
        case .lsAdd, .lsDel, .lsList, .lspAdd, .lspDel, .lspList, .lspSet, .lspGet, .show, .sync, .dhcpOptionsCreate,
            .dhcpOptionsDel, .dhcpOptionsList, .dhcpOptionsSet, .dhcpOptionsGet, .pgAdd, .pgDel, .pgSetPorts,
            .pgGetPorts, .aclList, .qosAdd, .qosDel, .qosList, .mirrorAdd, .mirrorDel, .mirrorRuleAdd, .mirrorRuleDel,
            .mirrorList, .lspGetSwitch, .lsGet, .database:
            false
        }
    }

    /// True if it depends on the QoS rules that there are.
    fileprivate var needsQoSRules: Bool {
        switch self {
        case .qosAdd, .qosDel: true
        case .lsAdd, .lsDel, .lsList, .lspAdd, .lspDel, .lspList, .lspSet, .lspGet, .show, .sync, .dhcpOptionsCreate,
            .dhcpOptionsDel, .dhcpOptionsList, .dhcpOptionsSet, .dhcpOptionsGet, .pgAdd, .pgDel, .pgSetPorts,
            .pgGetPorts, .aclAdd, .aclDel, .aclList, .qosList, .mirrorAdd, .mirrorDel, .mirrorRuleAdd, .mirrorRuleDel,
            .mirrorList, .lspGetSwitch, .lsGet, .database:
            false
        }
    }

    /// The port group that the command changes or shows.
    fileprivate var portGroupReference: String? {
        switch self {
        case .pgAdd(let name, _), .pgDel(let name), .pgSetPorts(let name, _), .pgGetPorts(let name): name
        case .aclAdd(let acl): acl.entity
        case .aclDel(let name, _), .aclList(let name): name
        case .lsAdd, .lsDel, .lsList, .lspAdd, .lspDel, .lspList, .lspSet, .lspGet, .show, .sync, .dhcpOptionsCreate,
            .dhcpOptionsDel, .dhcpOptionsList, .dhcpOptionsSet, .dhcpOptionsGet, .qosAdd, .qosDel, .qosList, .mirrorAdd,
            .mirrorDel, .mirrorRuleAdd, .mirrorRuleDel, .mirrorList, .lspGetSwitch, .lsGet, .database:
            nil
        }
    }

    /// The mirror that the command makes, changes, deletes, attaches or detaches.
    fileprivate var mirrorReference: String? {
        switch self {
        case .mirrorAdd(let name, _, _, _, _), .mirrorDel(let name, _), .mirrorRuleAdd(let name, _),
            .mirrorRuleDel(let name, _, _):
            name
        case .lspSet(_, .attachMirror(let name, _)), .lspSet(_, .detachMirror(let name, _)): name
        case .lsAdd, .lsDel, .lsList, .lspAdd, .lspDel, .lspList, .lspSet, .lspGet, .show, .sync, .dhcpOptionsCreate,
            .dhcpOptionsDel, .dhcpOptionsList, .dhcpOptionsSet, .dhcpOptionsGet, .mirrorList, .pgAdd, .pgDel,
            .pgSetPorts, .pgGetPorts, .aclAdd, .aclDel, .aclList, .qosAdd, .qosDel, .qosList, .lspGetSwitch, .lsGet,
            .database:
            nil
        }
    }
}
