import Foundation
import SecureMesh
import Testing

/// Checks that the code follows the rules of ARCHITECTURE.md about imports, folders and forbidden constructs.
@Suite("Tidy")
struct TidyTests {
    /// The folders of the core. The code in a folder may use only types of the same folder, and of the folders before
    /// it in this list.
    private static let folders = ["Values", "Wire", "Crypto", "Admission", "Mesh"]
    /// The files that may contain unsafe code: they call libsodium, convert socket addresses to C structures, or make
    /// system calls.
    private static let filesWithUnsafe = [
        "Crypto/Sodium.swift", "SecureMesh/AddressConversion.swift", "SecureMesh/ExtendedAttribute.swift",
        "SecureMesh/KernelAddress.swift", "SecureMesh/KernelDatagrams.swift", "SecureMesh/Neighbors.swift",
        "SecureMesh/OpenFile.swift", "SecureMesh/SocketDescriptor.swift",
        "SecureMesh/SystemResolver.swift", "Process/EventLoopPlacement.swift", "Process/ProcessArguments.swift",
        "Process/ProcessLimits.swift", "Process/PassphrasePrompt.swift", "Process/ResidentCode.swift",
        "Process/SchedulingPriority.swift", "Process/SignalTrap.swift", "Process/StandardStreams.swift",
        "Process/Terminal.swift", "p2p/FileSystem.swift", "Serve/SocketFiles.swift", "p2p/NotifySocket.swift",
    ]

    /// The modules that every file of a target may import.
    static let targetImports: [(target: String, modules: Set<String>)] = [
        ("SecureMeshCore", []),
        (
            "SecureMesh",
            [
                "Logging", "Metrics", "NIOConcurrencyHelpers", "NIOCore", "NIOPosix", "SecureMeshCore",
                "ServiceLifecycle",
            ]
        ),
        (
            "MeshControl",
            [
                "NIOConcurrencyHelpers", "NIOCore", "NIOHTTP1", "NIOPosix", "SecureMesh", "Synchronization",
                "FoundationEssentials", "Foundation",
            ]
        ),
        ("SelfTest", ["Logging", "MeshSimulator", "SecureMesh", "SecureMeshCore"]),
        ("MeshSimulator", ["HeapModule", "SecureMeshCore", "Synchronization"]),
        ("MeshReport", ["MeshSimulator", "SecureMeshCore"]),
    ]
    /// The modules that a single file of a target may import, in addition to those that every file of the target may
    /// import.
    private static let fileImports: [String: [String: Set<String>]] = [
        "SecureMeshCore": ["Crypto/Sodium.swift": ["CSodium"]],
        "SecureMesh": [
            // The file needs time(2).
            "SecureMesh/WallClock.swift": ["Glibc", "Musl", "Darwin"],
            // The file needs EADDRINUSE.
            "SecureMesh/MeshError.swift": ["Glibc", "Musl", "Darwin"],
            // The file needs open(2), the flags of open(2), and other calls on files.
            "SecureMesh/KeyFile.swift": ["Glibc", "Musl", "Darwin"],
            "SecureMesh/DirectoryFile.swift": ["Glibc", "Musl", "Darwin"],
            "SecureMesh/OpenFile.swift": ["Glibc", "Musl", "Darwin"],
            // The file needs the calls on extended attributes, which Swift's modules of the C library do not offer.
            "SecureMesh/ExtendedAttribute.swift": ["CXattr"],
            // The file needs the error numbers of errno.
            "SecureMesh/SendRefusalReasons.swift": ["Glibc", "Musl", "Darwin"],
            // The file needs system calls on sockets.
            "SecureMesh/Neighbors.swift": ["Glibc", "Musl", "Darwin"],
            "SecureMesh/DatagramDescriptor.swift": ["Glibc", "Musl", "Darwin"],
            // The file needs the numbers of the address families.
            "SecureMesh/KernelAddress.swift": ["Glibc", "Musl", "Darwin"],
            // The file needs system calls on sockets, and sendmmsg(2), which Swift's modules of the C library do not
            // offer.
            "SecureMesh/SocketDescriptor.swift": ["CSocket", "Glibc", "Musl", "Darwin"],
            // The file needs atomic counters for the datagrams that wait between two event loops.
            "SecureMesh/ServerLane.swift": ["Synchronization"],
            // The file needs getaddrinfo(3).
            "SecureMesh/SystemResolver.swift": ["Glibc", "Musl", "Darwin"],
        ],
        // The file needs system calls on sockets of the family AF_UNIX.
        "MeshControl": ["Serve/SocketFiles.swift": ["Glibc", "Musl", "Darwin"]],
    ]

    @Test(
        "the core, runtime, control socket, self-test, simulator and report import only the modules listed for them",
        arguments: targetImports)
    func imports(target: String, modules: Set<String>) throws {
        for file in try SourceFile.files(of: target) {
            let allowed = modules.union(Self.fileImports[target]?[file.path] ?? [])
            #expect(file.imports.isSubset(of: allowed), "\(file.path): \(file.imports)")
        }
    }

    @Test("no source imports Foundation where there is FoundationEssentials")
    func foundation() throws {
        let choice =
            #/
            \#if \s canImport\(FoundationEssentials\) \s+ (?:\w+\s)? import \s FoundationEssentials \s+
            \#else \s+ (?:\w+\s)? import \s Foundation \s+ \#endif
            /#
        for file in try SourceFile.sources.get() {
            let rest = file.text.replacing(choice, with: "")
            #expect(rest.firstMatch(of: #/\bimport Foundation/#) == nil, "\(file.path)")
        }
    }

    @Test("every source of the core is in one of its folders")
    func layers() throws {
        for file in try SourceFile.core {
            #expect(Self.folders.contains(file.folder), "\(file.path)")
        }
    }

    @Test("no folder refers to a type of a folder to its right")
    func dependencies() throws {
        let files = try SourceFile.core
        var declared: [String: Set<String>] = [:]
        for file in files { declared[file.folder, default: []].formUnion(file.declaredTypes) }
        for (index, folder) in Self.folders.enumerated() {
            // If this folder or an earlier one also declares a type of that name, a use of the name does not count as a
            // reference to a later folder.
            let known = Self.folders[...index].reduce(into: Set<String>()) { $0.formUnion(declared[$1, default: []]) }
            let right = Self.folders[(index + 1)...].reduce(into: Set<String>()) {
                $0.formUnion(declared[$1, default: []])
            }
            for file in files where file.folder == folder {
                let used = file.words.intersection(right.subtracting(known)).sorted()
                #expect(used.isEmpty, "\(file.path) refers to what stands to its right")
            }
        }
    }

    @Test("no file has unsafe code but those listed here")
    func unsafeFiles() throws {
        let files = try SourceFile.sources.get().filter { $0.words.contains("unsafe") }
        #expect(files.map(\.path).sorted() == Self.filesWithUnsafe.sorted())
        let core = files.filter { Self.folders.contains($0.folder) }.map(\.path)
        #expect(core == ["Crypto/Sodium.swift"])
    }

    @Test("every target is built with strict memory safety and warnings as errors, and the library without other flags")
    func manifest() throws {
        let manifest = try Document("Package.swift").text
        let settings = try #require(manifest.firstMatch(of: #/let strict: \[SwiftSetting\] = \[\n((?:.|\n)*?)\n\]/#))
            .output.1
        #expect(settings.contains(".strictMemorySafety()"))
        #expect(settings.contains(".treatAllWarnings(as: .error)"))
        // SwiftPM does not build a product of a dependency if one of the product's targets has `unsafeFlags`. So only
        // the targets of the program have such a flag, and they have only one: the optimization for size. The library
        // is optimized only if a variable of the environment says so.
        let flags = #"let compact = strict + [.unsafeFlags(["-Osize"], .when(configuration: .release))]"#
        #expect(manifest.contains(flags))
        #expect(manifest.matches(of: /unsafeFlags/).count == 2)
        let library = try #require(manifest.firstRange(of: #"target.swiftSettings?.append(.unsafeFlags(["-O"]))"#))
        let condition = try #require(
            manifest.firstMatch(of: #/\nif Context\.environment\["SECUREMESH_OPTIMIZE"\] != nil \{(?:.|\n)*?\n\}/#))
        #expect(condition.range.contains(library.lowerBound))
        let targets = manifest.matches(
            of: #/\.(?:target|executableTarget|testTarget)\(\s*name: "?(\w+)(?:.|\n)*?swiftSettings: (\w+)\b/#)
        #expect(targets.count == manifest.matches(of: #/\.(?:target|executableTarget|testTarget)\(/#).count)
        #expect(targets.count == manifest.matches(of: #/swiftSettings:/#).count)
        #expect(
            targets.filter { $0.output.2 == "compact" }.map(\.output.1).sorted() == [
                "MeshControl", "MeshReport", "MeshSimulator", "SelfTest", "p2p",
            ])
        #expect(targets.allSatisfy { ["strict", "compact"].contains($0.output.2) })
    }

    @Test("the machines and the code below them do not trap, print, read a clock or use unseeded random numbers")
    func purity() throws {
        let forbidden = [
            "try!", "fatalError", "print(", "ContinuousClock", "SuspendingClock", "Date(", ".random(", "as!",
            "Task.", "await ", "DispatchQueue", "Logger",
        ]
        for file in try SourceFile.core {
            // Secret32.random() is allowed. It calls libsodium's random generator, and only RandomSource uses it.
            let code = file.code.replacingOccurrences(of: "? .random() : Secret32(", with: "")
                .replacingOccurrences(of: "static func random()", with: "")
            let found = forbidden.filter(code.contains)
            #expect(found.isEmpty, "\(file.path)")
            let unwraps = code.split(separator: "\n").filter { $0.firstMatch(of: #/[\w\])]!(?!=)/#) != nil }
            #expect(unwraps.isEmpty, "\(file.path): force unwrap")
        }
    }

    @Test("of the core, only Crypto/Sodium.swift has preconditions, which report bugs of this code")
    func preconditions() throws {
        for file in try SourceFile.core {
            guard file.path != "Crypto/Sodium.swift" else { continue }
            let found = file.words.intersection(["precondition", "preconditionFailure", "assert", "assertionFailure"])
            #expect(found.isEmpty, "\(file.path)")
        }
    }

    @Test("no source has a mark for later work")
    func noMarks() throws {
        let marks = ["TO" + "DO", "FIX" + "ME", "X" + "XX"]
        for file in try SourceFile.sources.get() + SourceFile.tests.get() {
            let found = marks.filter(file.text.contains)
            #expect(found.isEmpty, "\(file.path)")
        }
    }

    @Test("a Verified is made in Admission/Verified.swift alone")
    func verified() throws {
        for file in try SourceFile.sources.get() where file.path != "Admission/Verified.swift" {
            let isMade = file.code.firstMatch(of: #/\bVerified(<\w+>)?\(/#) != nil
            #expect(!isMade, "\(file.path)")
        }
    }

    @Test("the machines sign, verify, agree, seal and open through the primitives that they were given")
    func primitives() throws {
        for file in try SourceFile.core where ["Admission", "Mesh"].contains(file.folder) {
            let direct = file.code.matches(of: #/\bSodium\.(\w+)/#).map { String($0.output.1) }
            #expect(Set(direct).isSubset(of: ["hash", "derive", "shortHash", "wipe"]), "\(file.path)")
            let past = [".agree(with:", ".agreementPublicKey", "key.sign(", "Libsodium()."].filter(file.code.contains)
            #expect(past.isEmpty, "\(file.path)")
        }
    }

    @Test("servers and peers have no other primitives than libsodium's")
    func realPrimitives() throws {
        let outside = try SourceFile.runtime + SourceFile.files(of: "p2p")
        for file in outside {
            let named = file.words.intersection(["primitives", "Primitives", "SigningContext"])
            #expect(named.isEmpty, "\(file.path)")
        }
        // `exposed` is the property that copies the bytes of a secret. Only `Sodium.swift` may name it.
        let bared = try (SourceFile.core + outside).filter { $0.words.contains("exposed") }
        #expect(bared.map(\.path) == ["Crypto/Sodium.swift"])
        let made = try (SourceFile.core + SourceFile.runtime).flatMap { file in
            file.code.matches(of: #/\b(?:struct|enum|class|actor|extension)\s+(\w+)[^{\n]*:[^{\n]*\bPrimitives\b/#)
                .map { String($0.output.1) }
        }
        #expect(made == ["Libsodium"])
    }

    @Test("no test sleeps, but the helper that waits until a condition holds")
    func noSleeps() throws {
        let sleeps = #/Task\.sleep|\busleep\(|\bsleep\(|\bnanosleep\(|Thread\.sleep/#
        let files = try SourceFile.tests.get().filter { $0.code.firstMatch(of: sleeps) != nil }
        #expect(files.count <= 1, "\(files.map(\.path))")
        let others = files.filter { !$0.code.contains("func waitForLine") }.map(\.path)
        #expect(others.isEmpty)
    }

    @Test("every refusal is thrown somewhere")
    func everyRejectionIsMade() throws {
        let files = try SourceFile.core.filter { $0.path != "Wire/Rejection.swift" }
        let made = files.flatMap { $0.code.matches(of: #/\.(\w+)/#).map { String($0.output.1) } }
        let dead = Set(Rejection.allCases.map(\.rawValue)).subtracting(made).sorted()
        #expect(dead.isEmpty)
    }
}
