// swift-tools-version: 6.3
import PackageDescription

// `scripts/bench --costs` builds this package. It consists of the core of the real package, by symbolic links, and of
// the programs that measure it.
let settings: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    targets: [
        .systemLibrary(
            name: "CSodium",
            pkgConfig: "libsodium",
            providers: [.apt(["libsodium-dev", "pkg-config"]), .brew(["libsodium", "pkg-config"])]
        ),
        .target(name: "SecureMeshCore", dependencies: ["CSodium"], swiftSettings: settings),
        .executableTarget(name: "PrimitiveCosts", dependencies: ["SecureMeshCore"], swiftSettings: settings),
        .target(name: "CMallocCounter"),
        .target(name: "CCallgrind"),
        .target(name: "CLoopback"),
        .executableTarget(
            name: "CoreBenchmarks", dependencies: ["CCallgrind", "CLoopback", "CMallocCounter", "SecureMeshCore"],
            swiftSettings: settings),
    ]
)
