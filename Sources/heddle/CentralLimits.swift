import ArgumentParser
import Central
import Client
import HTTP

/// The limits on the resources that clients may make central hold.
struct CentralLimits: ParsableArguments {
    @Option(help: ArgumentHelp("The most connections of each port.", valueName: "number"))
    var connections = HTTPLimits().connectionMaximum

    @Option(
        help: ArgumentHelp(
            "The most connections of one address at the northbound port; loopback may have all.",
            valueName: "number"
        )
    )
    var connectionsPerAddress = HTTPLimits().connectionsPerAddressMaximum

    @Option(help: ArgumentHelp("Requests after which a connection is closed.", valueName: "number"))
    var requestsPerConnection = HTTPLimits().requestMaximum

    @Option(help: ArgumentHelp("Requests at once on a connection of HTTP/2.", valueName: "number"))
    var streamsPerConnection = HTTP2Limits().streamMaximum

    @Option(help: ArgumentHelp("Long polls that each thread keeps; one for each chassis.", valueName: "number"))
    var parkedPolls = CentralConfiguration.parkedPollMaximum

    @Option(help: ArgumentHelp("The most bytes of a request's head: 32K.", valueName: "size"))
    var headSize = "32K"

    @Option(help: ArgumentHelp("The most bytes of a transaction, a topology or a sync: 16M.", valueName: "size"))
    var bodySize = "16M"

    @Option(help: ArgumentHelp("How long a request's head may take.", valueName: "time"))
    var headTimeout = "10s"

    @Option(help: ArgumentHelp("How long a request's body may pause.", valueName: "time"))
    var bodyTimeout = "60s"

    @Option(
        help: ArgumentHelp("How long a connection of the northbound port may be without a request.", valueName: "time")
    )
    var idleTimeout = "75s"

    @Option(help: ArgumentHelp("How long a host that floods is not served; loopback always is.", valueName: "time"))
    var shutOutTime = "60s"

    func validate() throws {
        for (option, number, range) in [
            ("--connections", connections, 1...1_000_000),
            ("--connections-per-address", connectionsPerAddress, 1...1_000_000),
            ("--requests-per-connection", requestsPerConnection, 1...1_000_000_000),
            ("--streams-per-connection", streamsPerConnection, 1...1024),
            ("--parked-polls", parkedPolls, 1...1_000_000),
        ] where !range.contains(number) {
            throw ValidationError(
                "\(option) is a number from \(range.lowerBound) to \(range.upperBound), not \(number)"
            )
        }
        for (option, text, range) in [
            ("--head-size", headSize, "4K to 1M"), ("--body-size", bodySize, "64K to 16M"),
        ] where bytes(text, option) == nil {
            throw ValidationError("\(option) '\(text)' is not a size of \(range), such as 128K")
        }
        for (option, text) in [
            ("--head-timeout", headTimeout), ("--body-timeout", bodyTimeout), ("--idle-timeout", idleTimeout),
            ("--shut-out-time", shutOutTime),
        ] where time(text) == nil {
            throw ValidationError("\(option) '\(text)' is not a time of 1s to 24h, such as 30s")
        }
    }

    /// The limits that were said, in place of the defaults.
    func apply(to configuration: inout CentralConfiguration) {
        configuration.parkedPollMaximum = parkedPolls
        configuration.limits.connectionMaximum = connections
        configuration.limits.connectionsPerAddressMaximum = connectionsPerAddress
        configuration.limits.requestMaximum = requestsPerConnection
        configuration.limits.http2.streamMaximum = streamsPerConnection
        if let size = bytes(headSize, "--head-size") { configuration.limits.headByteCountMaximum = size }
        if let size = bytes(bodySize, "--body-size") { configuration.limits.bodyByteCountMaximum = size }
        if let time = time(headTimeout) { configuration.limits.headTime = time }
        if let time = time(bodyTimeout) { configuration.limits.bodyIdleTime = time }
        if let time = time(idleTimeout) { configuration.limits.idleTime = time }
        if let time = time(shutOutTime) { configuration.limits.shutOutTime = time }
    }

    /// `123`, `64K` or `1M`: bytes, in the range of the option; `nil` if it is none.
    private func bytes(_ text: String, _ option: String) -> Int? {
        let units: [Character: Int] = ["K": 1 << 10, "k": 1 << 10, "M": 1 << 20, "m": 1 << 20]
        let unit = text.last.flatMap { units[$0] }
        let digits = unit == nil ? text[...] : text.dropLast()
        guard (1...9).contains(digits.utf8.count), digits.allSatisfy({ $0.isASCII && $0.isNumber }),
            let count = Int(digits)
        else { return nil }
        let range = option == "--head-size" ? (4 << 10)...(1 << 20) : (64 << 10)...(16 << 20)
        return range.contains(count * (unit ?? 1)) ? count * (unit ?? 1) : nil
    }

    private func time(_ text: String) -> Duration? {
        guard let seconds = Lifetime.seconds(text), seconds <= 86_400 else { return nil }
        return .seconds(seconds)
    }
}
