internal import Logging
internal import MeshControl
internal import SecureMesh
internal import Synchronization

/// The output of the command: results on stdout and notes on stderr, one line each.
///
/// A short command writes each line before it continues. A command with sockets calls `startQueue` first. Then a reader
/// that stalls cannot block the command's event loops, or keep the command from ending.
///
/// Text that comes from elsewhere is escaped, so that it cannot move the cursor, forge a line or ring the bell.
enum Console {
    /// True once a write to stdout has failed although there is a reader, usually because a disk is full.
    private static let hasLostOutput = Atomic(false)
    /// True once a write to stdout has failed because the reader of stdout has closed the pipe.
    private static let hasLostReader = Atomic(false)
    private static let queue = Mutex<ConsoleQueue?>(nil)
    /// The style of all lines. `isColored` is true if lines on stderr have colors; nil until this is determined.
    ///
    /// The result is stored because the check for a terminal is a system call. The call blocks if stderr is a file on a
    /// disk that does not answer.
    private static let style = Mutex((style: OutputStyle(), isColored: Bool?.none))
    private static let openProgress = ProgressGuard()

    /// Sets the style of all lines from now on.
    static func setStyle(_ new: OutputStyle) {
        style.withLock { $0 = (new, nil) }
    }

    /// Starts a thread that writes all lines from now on. If the thread cannot be started, each caller continues to
    /// write its lines itself.
    static func startQueue() {
        _ = styleOfErrors()
        queue.withLock { queue in
            guard queue == nil else { return }
            queue = try? ConsoleQueue { stream, error in
                if stream == .output { noteLostOutput(error) }
            }
        }
    }

    /// Waits until all lines of the queue are written, but at most for `patience`, because there may be no reader. Then
    /// prints a warning if lines for stdout remain.
    static func finish() async {
        guard let queue = queue.withLock({ $0 }) else { return }
        await firstToEnd([{ await queue.drained() }, { try? await Task.sleep(for: patience) }])
        let count = queue.count(of: .output)
        guard count > 0 else { return }
        warning("\(count) \(count == 1 ? "line is" : "lines are") not printed: nobody reads standard output")
        // The lines for stdout stay in the queue. This wait is for the warning, which goes to stderr.
        await firstToEnd([{ await queue.drained() }, { try? await Task.sleep(for: .milliseconds(100)) }])
    }

    /// Prints a result on stdout.
    ///
    /// If the reader has closed the pipe, the line is dropped silently, so that a peer remains a member even if nobody
    /// reads its output. Any other failure is reported once, on stderr.
    static func result(_ line: String) {
        clearProgress()
        defer { openProgress.endLine() }
        let bytes = resultBytes(line)
        if let queue = queue.withLock({ $0 }) { return queue.append(bytes, to: .output) }
        do throws(SystemError) {
            try FileSystem.writeAll(bytes, to: FileSystem.standardOutput)
        } catch {
            noteLostOutput(error)
        }
    }

    /// Prints a JSON object from another process on stdout, in one line.
    static func result(json: [UInt8]) {
        result(String(decoding: ControlJSON.harmless(json), as: UTF8.self))
    }

    /// Writes bytes to stdout as they are. Only commands without a queue may call this.
    static func rawResult(_ bytes: [UInt8]) {
        do throws(SystemError) {
            try FileSystem.writeAll(bytes, to: FileSystem.standardOutput)
        } catch {
            noteLostOutput(error)
        }
    }

    /// Prints a result on stdout. If there is a queue, waits until it has room, without blocking the thread.
    static func resultWithRoom(_ line: String) async {
        guard let queue = queue.withLock({ $0 }) else { return result(line) }
        clearProgress()
        defer { openProgress.endLine() }
        await queue.appendWithRoom(resultBytes(line))
    }

    /// Prints a result on stdout if that is possible without waiting.
    ///
    /// - Returns: False if the line was not printed.
    static func resultWithoutWaiting(_ line: String) -> Bool {
        guard !openProgress.isOpen, let queue = queue.withLock({ $0 }) else { return false }
        return queue.writeAtOnce(resultBytes(line))
    }

    private static func resultBytes(_ line: String) -> [UInt8] {
        let time = style.withLock { $0.style.hasTimestamps } ? "\(UnixTime.now) " : ""
        return Array(time.utf8) + line.utf8 + [UInt8(ascii: "\n")]
    }

    /// Shows a prompt on stdout after each line, if stdout is a terminal.
    static func showPrompt() {
        guard FileSystem.isTerminal(FileSystem.standardOutput), let queue = queue.withLock({ $0 }) else { return }
        queue.setPrompt(
            ConsolePrompt(
                streams: FileSystem.isTerminal(FileSystem.standardError) ? [.output, .errors] : [.output],
                canClear: !Terminal.isDumb,
                isInForeground: { Terminal.isInForeground(FileSystem.standardOutput) }))
    }

    /// Shows the prompt again after the user has entered a blank line, because such a line gets no answer.
    static func repeatPrompt() {
        queue.withLock { $0 }?.repeatPrompt()
    }

    static func hidePrompt() {
        queue.withLock { $0 }?.setPrompt(nil)
    }

    private static func noteLostOutput(_ error: SystemError) {
        if error.isBrokenPipe { hasLostReader.store(true, ordering: .relaxed) }
        guard !error.isBrokenPipe, !hasLostOutput.exchange(true, ordering: .relaxed) else { return }
        report(
            Failure(
                .inputOutput, "cannot write to standard output: \(error.text)",
                hint: error.isClosed
                    ? "standard output is closed; redirect it to a file or to /dev/null"
                    : "is the disk full? what could not be printed is lost"))
    }

    /// The exit code of a command that succeeded but could not print all results; nil if nothing was lost.
    static var exitCodeIfOutputFailed: Failure.Code? { hasLostOutput.load(ordering: .relaxed) ? .inputOutput : nil }

    /// True if the reader of stdout has closed the pipe. Commands that print until they are stopped, such as
    /// `p2p watch`, then end.
    static var isReaderGone: Bool { hasLostReader.load(ordering: .relaxed) }

    /// Clears the terminal at stdout.
    static func clearTerminal() {
        try? FileSystem.writeAll(Array("\u{1B}[H\u{1B}[2J".utf8), to: FileSystem.standardOutput)
    }

    /// Writes a whole screen to stdout. Drops the screen if `isOptional` is true and the queue has no room, which
    /// happens if the terminal is slow.
    static func frame(_ text: String, isOptional: Bool = true) {
        queue.withLock { $0 }?.append(Array(text.utf8), to: .output, isOptional: isOptional)
    }

    /// Prints a note on stderr.
    static func note(
        _ line: String, event: ConsoleEvent = .note, fields: KeyValuePairs<String, LogLine.Value> = [:]
    ) {
        print(.notice, line, event: event, fields: fields)
    }

    /// Prints a warning, and what the user can do about it, on stderr.
    static func warning(
        _ line: String, hint: String? = nil, event: ConsoleEvent = .warning,
        fields: KeyValuePairs<String, LogLine.Value> = [:]
    ) {
        print(.warning, line, hint: hint, event: event, fields: fields)
    }

    /// Prints the message and the hint of a failure on stderr.
    static func report(_ failure: Failure) {
        print(.error, failure.message, hint: failure.hint, event: .error)
    }

    /// Prints progress on stderr.
    ///
    /// - Parameter replacesLine: True to overwrite the terminal's current line, or to clear that line if the text is
    ///   empty. False to print a line that stays.
    static func progress(_ text: String, replacesLine: Bool) {
        let style = style.withLock { $0.style }
        guard style.showsProgress else { return }
        guard replacesLine else {
            return write(bytes(of: LogLine(level: .info, event: "progress", message: text)), isProgress: true)
        }
        // The text is cut to one line, because a line that the terminal wraps could not be overwritten. The width is
        // read each time, because the user may have changed it.
        let width = Terminal.width(of: FileSystem.standardError) ?? 80
        openProgress.show(clears: text.isEmpty) {
            write(Array("\(clearLine)\(text.prefix(max(width - 1, 0)))".utf8), isProgress: true)
        }
    }

    /// Prints help on stderr. This is the answer to a command line without a command.
    static func printHelp(_ text: String) {
        write(Array("\(text)\n".utf8))
    }

    /// Clears the progress line, so that a result on the same terminal has a line of its own. After the result, the
    /// caller calls `openProgress.endLine`.
    private static func clearProgress() {
        guard openProgress.beginLine() else { return }
        write(Array(clearLine.utf8), isProgress: true)
    }

    /// Prints a line on stderr. A failure is ignored, because there is nowhere to report it.
    static func print(_ line: LogLine) {
        let isOpen = openProgress.beginLine()
        defer { openProgress.endLine() }
        write((isOpen ? Array(clearLine.utf8) : []) + bytes(of: line))
    }

    /// Returns a line as it is printed on stderr.
    static func bytes(of line: LogLine) -> [UInt8] {
        let (style, isColored) = styleOfErrors()
        return Array(line.formatted(as: style, time: "\(UnixTime.now)", isColored: isColored).utf8)
    }

    private static func styleOfErrors() -> (style: OutputStyle, isColored: Bool) {
        style.withLock { state in
            let style = state.style
            let isColored =
                state.isColored ?? (style.format == .text && style.color.applies(to: FileSystem.standardError))
            state.isColored = isColored
            return (style, isColored)
        }
    }

    private static func print(
        _ level: Logger.Level, _ message: String, hint: String? = nil, event: ConsoleEvent,
        fields: KeyValuePairs<String, LogLine.Value> = [:]
    ) {
        guard level >= style.withLock({ $0.style.level }) else { return }
        print(
            LogLine(
                level: level, event: event.rawValue, message: withoutSecrets(message),
                hint: hint.map(withoutSecrets), fields: fields.map { ($0.key, $0.value) }))
    }

    /// Writes bytes to the queue of stderr, or to stderr itself if there is no queue.
    ///
    /// - Parameter isProgress: True if the bytes show progress. They may then be dropped silently, because later
    ///   progress replaces them.
    private static func write(_ bytes: [UInt8], isProgress: Bool = false) {
        if let queue = queue.withLock({ $0 }) {
            queue.append(bytes, to: .errors, isOptional: isProgress)
        } else {
            try? FileSystem.writeAll(bytes, to: FileSystem.standardError)
        }
    }

    private static let clearLine = "\r\u{1B}[K"

    /// The longest time to wait for the output to be written before a command ends. With this limit, a command ends
    /// less than two seconds after the request to stop, even if a peer must leave the mesh too.
    static let patience = Duration.milliseconds(500)

    /// Returns the text with control characters, and all other characters on which a terminal might act, as escapes.
    ///
    /// If a character has many combining marks, all but the first few are escaped too, because they would cover the
    /// lines above and below the character.
    static func escaped(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) { return text }
        var result = ""
        var marks = 0
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark, .spacingMark: marks += 1
            default: marks = 0
            }
            switch scalar {
            case _ where marks > mostMarks: result += "\\u{\(String(scalar.value, radix: 16))}"
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.isObeyed: result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The largest number of unescaped combining marks per character. The scripts of living languages need at most
    /// three.
    private static let mostMarks = 3

    /// Returns the bytes as escaped text; bytes that are not UTF-8 become U+FFFD.
    static func escaped(_ bytes: [UInt8]) -> String {
        escaped(String(decoding: bytes, as: UTF8.self))
    }

    /// Shortens each secret key in a line to its fixed prefix, because stderr is often logged. The line may contain a
    /// secret key if a user passed one as an argument by mistake.
    private static func withoutSecrets(_ line: String) -> String {
        var result = ""
        var rest = Substring(line)
        while !rest.isEmpty {
            guard let secretPrefix = secretPrefixes.first(where: rest.hasPrefix) else {
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

    private static let secretPrefixes = ["P2PSECRET1_", "P2PSEALED1_"]
}
