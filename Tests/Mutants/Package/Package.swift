// swift-tools-version: 6.2
import PackageDescription

// scripts/mutants builds this package, which has the simulator and the core with all mutants of Patches applied. Its
// settings are less strict than those of the real package, so that a mutant can be short.
let package = Package(
    name: "Mutants",
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0")
    ],
    targets: [
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium"),
        .target(name: "SecureMeshCore", dependencies: ["CSodium"], swiftSettings: features),
        .target(
            name: "MeshSimulator",
            dependencies: ["SecureMeshCore", .product(name: "HeapModule", package: "swift-collections")],
            swiftSettings: features),
        .executableTarget(name: "MutantRunner", dependencies: ["SecureMeshCore", "MeshSimulator"]),
    ]
)

var features: [SwiftSetting] {
    [
        .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]
}
