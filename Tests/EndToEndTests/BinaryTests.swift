internal import Foundation
internal import Testing

/// Tests two properties of the program that was built with the tests: how it is linked, and which code of other modules
/// a command reaches.
@Suite("the binary", .processes)
struct BinaryTests {
    private let harness = ProcessHarness.current

    @Test(
        "scripts/build --check refuses a build without full RELRO",
        .enabled(if: ProcessHarness.isInstalled("readelf"), "readelf is missing"))
    func refusal() async throws {
        let script = Page.root.appending(path: "scripts/build").path
        let check = try await harness.run(
            [], launcher: ["/bin/bash", script, "--check", RunningProcess.builtWithTests().path])
        #expect(check.status == 1, "\(check.text)")
        #expect(check.output.contains("build: yes: position-independent (PIE)"), "\(check.text)")
        #expect(check.errors.contains { $0.hasPrefix("build: error: ") && $0.contains("BIND_NOW") }, "\(check.text)")
    }

    @Test(
        "a server or a peer reaches nothing of the simulator, its attackers and its test cryptography",
        .enabled(if: ProcessHarness.isInstalled("nm"), "nm is missing"))
    func reach() throws {
        let objects = try ObjectFiles(
            of: ["p2p", "MeshControl", "SecureMesh", "SecureMeshCore", "MeshReport", "MeshSimulator", "SelfTest"],
            in: RunningProcess.builtWithTests().deletingLastPathComponent())
        for command in ["ServerCommand", "PeerCommand", "Keygen"] {
            let reached = objects.reached(from: "p2p/\(command)")
            let expected = command == "Keygen" ? "SecureMeshCore/Sodium" : "SecureMesh/UDPSocket"
            #expect(reached.contains(expected), "\(command): \(reached.sorted())")
            let prefixes = ["MeshReport/", "MeshSimulator/", "SelfTest/", "p2p/Simulate", "p2p/SelfTestCommand"]
            let foreign = reached.filter { object in prefixes.contains { object.hasPrefix($0) } }
            #expect(foreign.isEmpty, "\(command): \(foreign.sorted())")
        }
        // This shows that the test can find a reference: the simulation does reach its attackers.
        #expect(objects.reached(from: "p2p/SimulateCommand").contains("MeshSimulator/Flood"))
    }
}

/// The object files of some modules, and the references between them by symbols.
private struct ObjectFiles {
    /// For each object file, the object files that it refers to. An object file has a name such as `p2p/Keygen`.
    private var references: [String: Set<String>] = [:]

    init(of modules: [String], in products: URL) throws {
        var definers: [Substring: Set<String>] = [:]
        var undefined: [String: Set<Substring>] = [:]
        let text = try Self.symbols(of: modules, in: products)
        for line in text.split(separator: "\n") {
            // A line has the form `FILE: SYMBOL TYPE …`.
            guard let colon = line.lastIndex(of: ":") else { continue }
            let file = URL(fileURLWithPath: String(line[..<colon]))
            let module = file.deletingLastPathComponent().deletingPathExtension().lastPathComponent
            let name = "\(module)/\(file.lastPathComponent.prefix { $0 != "." })"
            let fields = line[colon...].dropFirst(2).split(separator: " ")
            guard fields.count >= 2 else { continue }
            switch fields[1] {
            case "U", "w", "v": undefined[name, default: []].insert(fields[0])
            // A weak symbol is code that each file has a copy of, so it is no reference to another file.
            case "W", "V": break
            default: definers[fields[0], default: []].insert(name)
            }
        }
        for (name, symbols) in undefined {
            references[name] = symbols.reduce(into: []) { $0.formUnion(definers[$1] ?? []) }
        }
    }

    /// Returns `start`, and the object files that `start` refers to, directly or through other object files.
    func reached(from start: String) -> Set<String> {
        var reached: Set = [start]
        var queue = [start]
        while let next = queue.popLast() {
            for name in references[next] ?? [] where reached.insert(name).inserted { queue.append(name) }
        }
        return reached
    }

    /// Returns the output of `nm` for all object files of the modules.
    private static func symbols(of modules: [String], in products: URL) throws -> String {
        var files: [String] = []
        for module in modules {
            let folder = products.appending(path: "\(module).build")
            files += try FileManager.default.contentsOfDirectory(atPath: folder.path)
                .filter { $0.hasSuffix(".swift.o") }.map { folder.appending(path: $0).path }
        }
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["nm", "-A", "-P"] + files.sorted()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw MissingOutcome(what: "symbols", from: "nm") }
        return String(decoding: data, as: UTF8.self)
    }
}
