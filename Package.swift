// swift-tools-version: 6.3
import PackageDescription

let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// Modules of the program that run seldom, or for a person: they are optimized for size.
let compact = strict + [.unsafeFlags(["-Osize"], .when(configuration: .release))]

let package = Package(
    name: "SecureMesh",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "SecureMesh", targets: ["SecureMesh"]),
        .executable(name: "p2p", targets: ["p2p"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CSodium",
            pkgConfig: "libsodium",
            providers: [.apt(["libsodium-dev", "pkg-config"]), .brew(["libsodium", "pkg-config"])]
        ),
        .systemLibrary(name: "CSched"),
        .systemLibrary(name: "CSocket"),
        .systemLibrary(name: "CStatfs"),
        .systemLibrary(name: "CTimex"),
        .systemLibrary(name: "CUio"),
        .systemLibrary(name: "CXattr"),
        .target(name: "SecureMeshCore", dependencies: ["CSodium"], swiftSettings: strict),
        .target(
            name: "SecureMesh",
            dependencies: [
                "SecureMeshCore",
                .byName(name: "CSocket", condition: .when(platforms: [.linux])),
                .byName(name: "CXattr", condition: .when(platforms: [.linux])),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "SelfTest",
            dependencies: [
                "MeshSimulator", "SecureMesh", "SecureMeshCore", .product(name: "Logging", package: "swift-log"),
            ],
            resources: [.embedInCode("Vectors/vectors.txt")],
            swiftSettings: compact
        ),
        .target(
            name: "MeshSimulator",
            dependencies: ["SecureMeshCore", .product(name: "HeapModule", package: "swift-collections")],
            swiftSettings: compact
        ),
        .target(name: "MeshReport", dependencies: ["MeshSimulator", "SecureMeshCore"], swiftSettings: compact),
        .target(
            name: "MeshControl",
            dependencies: [
                "SecureMesh",
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: compact
        ),
        .executableTarget(
            name: "p2p",
            dependencies: [
                .byName(name: "CSched", condition: .when(platforms: [.linux])),
                .byName(name: "CStatfs", condition: .when(platforms: [.linux])),
                .byName(name: "CTimex", condition: .when(platforms: [.linux])),
                .byName(name: "CUio", condition: .when(platforms: [.linux])),
                "MeshControl",
                "MeshReport",
                "MeshSimulator",
                "SecureMesh",
                "SelfTest",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: compact
        ),
        .target(
            name: "FuzzKit",
            dependencies: ["MeshControl", "MeshSimulator", "SecureMeshCore"],
            path: "Tests/Fuzzers/FuzzKit",
            swiftSettings: strict
        ),
        .testTarget(
            name: "FuzzReplayTests",
            dependencies: ["FuzzKit"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "SecureMeshTests",
            dependencies: [
                "FuzzKit", "MeshSimulator", "SecureMesh", "SelfTest",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ],
            exclude: [
                "Crypto/edge_cases.py", "Crypto/sealed_keys.py", "Vectors/reference.py", "Vectors/vectors.txt",
            ],
            resources: [.copy("Crypto/ed25519.txt"), .copy("Crypto/sealed_keys.txt"), .copy("Crypto/x25519.txt")],
            swiftSettings: strict
        ),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["MeshReport", "MeshSimulator", "SecureMeshCore", "SelfTest"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: ["MeshControl", "SecureMesh", "p2p", .product(name: "Logging", package: "swift-log")],
            exclude: ["press_control.py", "read_metrics.py", "validate_control.py"],
            swiftSettings: strict
        ),
    ]
)

// scripts/test --sanitize builds only what the library's tests need, because the rest takes minutes to build.
if Context.environment["SECUREMESH_SANITIZE"] != nil {
    let unused = ["p2p", "MeshReport", "FuzzReplayTests", "SimulationTests", "EndToEndTests"]
    package.targets.removeAll { unused.contains($0.name) }
    package.products.removeAll { $0.name == "p2p" }
    package.dependencies.removeAll { dependency in
        guard case .sourceControl(_, let location, _) = dependency.kind else { return false }
        return location.hasSuffix("/swift-argument-parser.git")
    }
}

// Debug builds for .ci/run and scripts/test --sanitize optimize the modules in which the tests spend most of their CPU
// time. Otherwise SecureMeshTests and SimulationTests take nearly three times as long.
if Context.environment["SECUREMESH_OPTIMIZE"] != nil {
    for target in package.targets where ["SecureMeshCore", "MeshSimulator"].contains(target.name) {
        target.swiftSettings?.append(.unsafeFlags(["-O"]))
    }
}

// scripts/fuzz builds the core, the simulator, the values of the control socket and the fuzz targets only, so that
// nothing else is instrumented.
// libFuzzer provides the main function of each fuzz target.
if Context.environment["SECUREMESH_FUZZ"] != nil {
    let fuzzed = ["CSodium", "SecureMeshCore", "MeshSimulator", "FuzzKit"]
    package.products = []
    package.dependencies.removeAll { dependency in
        guard case .sourceControl(_, let location, _) = dependency.kind else { return true }
        return !location.hasSuffix("/swift-collections.git")
    }
    package.targets.removeAll { !fuzzed.contains($0.name) }
    package.targets += [
        .target(
            name: "SecureMesh", dependencies: ["SecureMeshCore"], exclude: ["SecureMesh.docc"],
            sources: ["Exports.swift"], swiftSettings: strict),
        .target(name: "MeshControl", dependencies: ["SecureMesh"], sources: ["Values"], swiftSettings: strict),
    ]
    package.targets.append(
        .target(name: "FuzzEntry", dependencies: ["FuzzKit"], path: "Tests/Fuzzers/FuzzEntry", swiftSettings: strict))
    for (name, library) in [
        ("FuzzDatagram", "FuzzEntry"), ("FuzzAdmission", "FuzzEntry"), ("FuzzMesh", "FuzzEntry"),
        ("FuzzControl", "FuzzEntry"), ("FuzzSeeds", "FuzzKit"),
    ] {
        package.targets.append(
            .executableTarget(
                name: name, dependencies: [.byName(name: library)], path: "Tests/Fuzzers/\(name)",
                swiftSettings: strict))
    }
}
