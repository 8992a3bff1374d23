// swift-tools-version: 6.2
import PackageDescription

// The packet path once more, compiled together with its devices in memory: so it is specialized for them as it is for
// those of the kernel. `Forwarder` in the sources is a link.

let package = Package(
    name: "pipeline",
    dependencies: [
        .package(name: "heddle", path: "../../.."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .executableTarget(
            name: "pipeline",
            dependencies: [
                .product(name: "PacketPath", package: "heddle"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources",
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .treatAllWarnings(as: .error),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ]
        )
    ]
)
