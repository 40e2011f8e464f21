internal import Logging
internal import Synchronization

/// What a person sees: results on stdout, words about them on stderr, a line each and at once.
///
/// Whatever came from elsewhere is escaped: a message cannot move the cursor, forge a line or ring the bell.
enum Console {
    /// Without it `p2p keygen A B --authorize | head -n 1` would end between two of its files.
    static func outliveReaders() {
        FileSystem.ignoreBrokenPipes()
    }

    /// Something that belongs on stdout could not be written, though there is a reader: a full disk, mostly.
    private static let hasLost = Atomic(false)

    static func result(_ line: String) {
        do throws(SystemError) {
            try FileSystem.writeAll(Array("\(line)\n".utf8), to: FileSystem.standardOutput)
        } catch {
            // A peer remains a member when the reader of its output is gone.
            guard !error.isBrokenPipe, !hasLost.exchange(true, ordering: .relaxed) else { return }
            report(
                Failure(
                    .inputOutput, "cannot write to standard output: \(error.text)",
                    hint: "is the disk full? what could not be printed is lost"))
        }
    }

    /// What a command ends with that would have ended well; the reason has been told. Nil if nothing was lost.
    static var codeOfLoss: Failure.Code? { hasLost.load(ordering: .relaxed) ? .inputOutput : nil }

    static func note(_ line: String) {
        tell("p2p: \(withoutSecrets(line))")
    }

    /// Cuts secret keys short: a user may have given one as an argument, and logs keep what is on stderr.
    private static func withoutSecrets(_ line: String) -> String {
        var result = ""
        var rest = Substring(line)
        while !rest.isEmpty {
            guard rest.hasPrefix(secretPrefix) else {
                result.append(rest.removeFirst())
                continue
            }
            let secret = rest.dropFirst(secretPrefix.count)
                .prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
            result += secret.isEmpty ? secretPrefix : "\(secretPrefix)…"
            rest = rest.dropFirst(secretPrefix.count + secret.count)
        }
        return result
    }

    private static let secretPrefix = "P2PSECRET1_"

    static func warning(_ line: String, hint: String? = nil) {
        note("warning: \(line)")
        if let hint { note("hint: \(hint)") }
    }

    static func report(_ failure: Failure) {
        note("error: \(failure.message)")
        if let hint = failure.hint { note("hint: \(hint)") }
    }

    /// On stderr; `renews`: over the line before, which an empty text clears.
    static func progress(_ text: String, renews: Bool) {
        let bytes = renews ? "\r\u{1B}[K\(text)" : "p2p: \(text)\n"
        write(bytes)
    }

    /// The text with everything that a terminal might obey written as an escape.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                    result += "\\u{\(String(scalar.value, radix: 16))}"
                default:
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }

    /// As `escaped`; bytes that are not UTF-8 become U+FFFD.
    static func escaped(_ bytes: [UInt8]) -> String {
        escaped(String(decoding: bytes, as: UTF8.self))
    }

    /// On stderr: if that fails, there is nowhere to say so.
    fileprivate static func tell(_ line: String) {
        write("\(line)\n")
    }

    private static func write(_ text: String) {
        try? FileSystem.writeAll(Array(text.utf8), to: FileSystem.standardError)
    }
}

/// swift-log on stderr: time, level, message, `key=value`, escaped.
struct ConsoleLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    init(label: String) {}

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        let fields = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        let time = FileSystem.timestamp()
        Console.tell(Console.escaped("\(time) \(event.level.rawValue) \(event.message)\(fields)"))
    }
}
