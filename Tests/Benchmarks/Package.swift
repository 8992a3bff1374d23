// swift-tools-version: 6.2
import PackageDescription

// The peers that central is measured beside, and a client that parks thousands of long polls. A package of its own, so
// that what the peers depend on stays out of the product's.

let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [
        .executableTarget(
            name: "HummingbirdPeer",
            dependencies: [.product(name: "Hummingbird", package: "hummingbird")],
            path: "Sources/HummingbirdPeer"
        ),
        .executableTarget(
            name: "FlyingFoxPeer",
            dependencies: [.product(name: "FlyingFox", package: "FlyingFox")],
            path: "Sources/FlyingFoxPeer"
        ),
        .executableTarget(
            name: "polls",
            path: "Sources/polls",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]
        ),
    ]
)
