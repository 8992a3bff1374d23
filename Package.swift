// swift-tools-version: 6.2
import PackageDescription

// The house, floor by floor: a target uses floors below its own, never its own floor or one above.
// ARCHITECTURE.md says what each is for.

let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let shared: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
/// Pure targets hold no unsafe code at all; edges and the packet path do, in few places.
let pure: [SwiftSetting] = shared + [.strictMemorySafety()]
let edge: [SwiftSetting] = shared

func shim(_ name: String) -> Target { .target(name: name, path: "Sources/\(name)") }

func floor(_ name: String, _ uses: [Target.Dependency], _ settings: [SwiftSetting]) -> Target {
    .target(name: name, dependencies: uses, path: "Sources/\(name)", swiftSettings: settings)
}

/// `golden`: the tests compare transcripts with the files of their Golden folder.
func tests(_ name: String, _ uses: [Target.Dependency], golden: Bool = false) -> Target {
    .testTarget(
        name: name + "Tests",
        dependencies: [.target(name: name)] + uses,
        path: "Tests/\(name)Tests",
        exclude: golden ? ["Golden"] : [],
        swiftSettings: shared
    )
}

let targets: [Target] = [
    // C shims and system libraries
    shim("CLinux"),
    shim("COpenAPI"),
    shim("CConsole"),
    .systemLibrary(
        name: "CSQLite",
        path: "Sources/CSQLite",
        pkgConfig: "sqlite3",
        providers: [.apt(["libsqlite3-dev"])]
    ),
    .systemLibrary(
        name: "COpenSSL",
        path: "Sources/COpenSSL",
        pkgConfig: "libssl",
        providers: [.apt(["libssl-dev"])]
    ),
    .systemLibrary(
        name: "CNghttp2",
        path: "Sources/CNghttp2",
        pkgConfig: "libnghttp2",
        providers: [.apt(["libnghttp2-dev"])]
    ),
    .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    // pure
    floor("Wire", [], pure),
    floor("JSON", [], pure),
    floor("Persistent", [], pure),
    floor("OVSDB", ["JSON"], pure),
    floor("Southbound", ["Wire", "JSON", "Persistent"], pure),
    floor("Match", ["Wire"], pure),
    floor("NetworkModel", ["Southbound", "Match", "Persistent", "Wire", "JSON"], pure),
    floor("ForwarderProtocol", ["Match", "Wire"], pure),
    floor("Datapath", ["Southbound", "Match", "Wire", "CLinux"], edge),
    floor(
        "CentralCore",
        ["NetworkModel", "Southbound", "Persistent", "Wire", deque],
        pure
    ),
    floor(
        "API",
        [
            "CentralCore", "NetworkModel", "Datapath", "Southbound", "Match", "Persistent", "HTTP", "Wire", "JSON",
            httpTypes,
        ],
        pure
    ),
    floor("AgentCore", ["ForwarderProtocol", "Southbound", "Match", "HTTP", "Wire", "JSON", httpTypes], pure),
    // pure too, around C libraries
    floor("HTTP", ["CNghttp2", "CZlib", "JSON", httpTypes], edge),
    // edges
    floor("Reactor", ["CLinux", "Wire", heap, log], edge),
    floor("Security", ["COpenSSL"], edge),
    floor("Storage", ["NetworkModel", "JSON", "CSQLite", "Reactor", "Security"], edge),
    floor("Netdev", ["Reactor", "CLinux", "Wire"], edge),
    floor(
        "HTTPTransport",
        ["Reactor", "Security", "HTTP", "Wire", httpTypes, deque],
        edge
    ),
    // roles
    floor(
        "Central",
        [
            "API", "CentralCore", "NetworkModel", "Southbound", "Persistent", "Storage", "HTTPTransport",
            "HTTP", "Reactor", "Security", "Wire", "COpenAPI", "CConsole",
            deque, httpTypes, log,
        ],
        edge
    ),
    floor(
        "Agent",
        [
            "AgentCore", "Datapath", "ForwarderProtocol", "NetworkModel", "Southbound", "Netdev", "HTTPTransport",
            "HTTP", "Reactor", "Security", "Wire", "JSON", "CLinux", httpTypes, log,
        ],
        edge
    ),
    floor(
        "Forwarder",
        ["Datapath", "ForwarderProtocol", "Match", "Reactor", "Wire", "CLinux", log],
        edge
    ),
    floor(
        "Client",
        [
            "AgentCore", "Netdev", "HTTPTransport", "Security", "HTTP", "Reactor", "NetworkModel", "OVSDB", "JSON",
            "Wire", httpTypes, yams,
        ],
        edge
    ),
    .executableTarget(
        name: "heddle",
        dependencies: [
            "Central", "Agent", "AgentCore", "Forwarder", "ForwarderProtocol", "Client", "API", "NetworkModel",
            "HTTPTransport", "HTTP", "JSON", "Reactor", "Wire", arguments,
        ],
        path: "Sources/heddle",
        swiftSettings: edge
    ),
    // Takes the place of the C library's file calls in the program of the tests.
    .target(name: "DiskRecorder", path: "Tests/DiskRecorder", swiftSettings: shared),
    .target(
        name: "TestSupport",
        dependencies: ["NetworkModel", "Wire"],
        path: "Tests/TestSupport",
        swiftSettings: shared
    ),
    // tests, mirroring the sources
    tests("Wire", ["TestSupport"]),
    tests("JSON", ["TestSupport"]),
    tests("OVSDB", ["JSON"]),
    tests("Persistent", ["TestSupport"]),
    tests("NetworkModel", ["TestSupport", "Southbound", "Persistent", "JSON", "Wire"], golden: true),
    tests("Southbound", ["TestSupport", "Persistent", "JSON", "Wire"]),
    tests("Match", ["TestSupport", "Wire"], golden: true),
    tests("HTTP", ["TestSupport", "CNghttp2", httpTypes], golden: true),
    tests("ForwarderProtocol", ["TestSupport", "Match", "Wire"]),
    tests("Datapath", ["TestSupport", "Southbound", "Match", "Wire"], golden: true),
    tests(
        "API",
        [
            "TestSupport", "CentralCore", "Security", "NetworkModel", "Southbound", "Persistent", "HTTP",
            "JSON",
            "Wire",
            httpTypes, yams,
        ],
        golden: true
    ),
    tests(
        "CentralCore",
        ["TestSupport", "NetworkModel", "Southbound", "Persistent", "JSON", "Wire"],
        golden: true
    ),
    tests(
        "AgentCore",
        [
            "TestSupport", "ForwarderProtocol", "CentralCore", "NetworkModel", "Southbound", "Match", "Persistent",
            "HTTP", "JSON", "Wire", httpTypes,
        ],
        golden: true
    ),
    tests("Reactor", ["TestSupport", "CLinux", "Wire"]),
    tests("Security", ["TestSupport"]),
    tests(
        "Storage",
        [
            "TestSupport", "DiskRecorder", "Security", "NetworkModel", "Southbound", "Persistent", "JSON", "Wire",
            "CSQLite",
        ],
        golden: true
    ),
    tests("Netdev", ["TestSupport", "Reactor", "CLinux", "Wire"]),
    tests("HTTPTransport", ["TestSupport", "Reactor", "Security", "HTTP", "CLinux", httpTypes]),
    tests(
        "Central",
        [
            "heddle", "API", "CentralCore", "NetworkModel", "HTTPTransport", "HTTP", "Reactor", "Security", "JSON",
            httpTypes, log,
        ]
    ),
    tests(
        "Agent",
        [
            "heddle", "AgentCore", "Southbound", "Netdev", "HTTPTransport", "HTTP", "Reactor", "Wire", "JSON",
            httpTypes,
        ]
    ),
    tests(
        "Forwarder",
        [
            "TestSupport", "Datapath", "ForwarderProtocol", "Match", "Southbound", "Netdev", "Reactor", "CLinux",
            "Wire", log,
        ]
    ),
    tests("Client", ["TestSupport", "Netdev", "HTTP", httpTypes, "Reactor", "OVSDB", "JSON", "Wire"], golden: true),
    tests("heddle", ["TestSupport", "Client", arguments], golden: true),
]

let package = Package(
    name: "heddle",
    products: [
        // The packet path, which Tests/Benchmarks/Pipeline compiles with devices of its own.
        .library(
            name: "PacketPath",
            targets: ["Datapath", "ForwarderProtocol", "Match", "Southbound", "Netdev", "Reactor", "Wire", "CLinux"]
        )
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: targets
)
