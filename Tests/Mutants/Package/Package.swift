// swift-tools-version: 6.2
import PackageDescription

// What scripts/mutants builds: the library without its sockets, with every mutant of Patches in it, and the simulator.
// Not as strict as the real package: a mutant need not be beautiful.
let package = Package(
    name: "Mutants",
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0")
    ],
    targets: [
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium"),
        .target(name: "SecureMesh", dependencies: ["CSodium"], exclude: ["Runtime"], swiftSettings: features),
        .target(
            name: "MeshSimulator",
            dependencies: ["SecureMesh", .product(name: "HeapModule", package: "swift-collections")],
            swiftSettings: features),
        .executableTarget(name: "MutantRunner", dependencies: ["SecureMesh", "MeshSimulator"]),
    ]
)

var features: [SwiftSetting] {
    [
        .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]
}
