internal import Dispatch
internal import Logging
internal import SecureMesh
internal import Synchronization

/// Writes lines to stdout and stderr on a thread of its own, so that a reader that stalls blocks no other thread.
///
/// The lines of both streams are written in the order in which they were appended. But while the reader of one stream
/// stalls, the lines of the other stream are still written. Each stream has a bounded queue. If the queue has no room
/// for a line, the line is dropped, and a later line says how many were dropped.
final class ConsoleQueue: Sendable {
    enum Stream: Int, CaseIterable {
        case output
        case errors
    }

    private struct State {
        /// The lines that wait for each stream. The index is the raw value of the stream.
        var streams: [WaitingLines]
        /// The number of lines appended so far, to both streams together. Each line keeps this number as its position
        /// in the common order of both streams.
        var order: UInt64 = 0
        /// True while the queue's thread waits for a line or for a reader.
        var isWaiting = false
        var prompt: ConsolePrompt?
        /// The callers that wait for room in the queue of stdout.
        var roomWaiters: [CheckedContinuation<Void, Never>] = []
        /// The callers that wait until all lines are written.
        var endWaiters: [CheckedContinuation<Void, Never>] = []

        var isEmpty: Bool { streams.allSatisfy(\.isEmpty) }

        mutating func append(_ bytes: [UInt8], to stream: Stream) {
            order += 1
            streams[stream.rawValue].append(prompt?.around(bytes, on: stream) ?? bytes, order: order)
        }
    }

    private let state: Mutex<State>
    private let descriptors: [CInt]
    /// A byte in this pipe wakes the queue's thread, which then looks for lines.
    private let wake: (reading: CInt, writing: CInt)
    private let onFailure: @Sendable (Stream, SystemError) -> Void

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - limit: The largest number of bytes that wait for one stream.
    ///   - descriptors: The descriptors of stdout and stderr.
    ///   - onFailure: Called on the queue's thread after a write to a stream has failed and all lines that waited for
    ///     this stream have been dropped.
    init(
        limit: Int = limit,
        descriptors: [CInt] = [FileSystem.standardOutput, FileSystem.standardError],
        onFailure: @escaping @Sendable (Stream, SystemError) -> Void
    ) throws(SystemError) {
        func lines(of name: String) -> WaitingLines {
            WaitingLines(limit: limit) { count in
                let lines = count == 1 ? "1 line is" : "\(count) lines are"
                let message = "\(lines) missing here: the reader of \(name) is too slow"
                // On stdout, this warning is plain text in every log format, because the results around it are plain
                // text.
                guard name == "stderr" else { return Array("p2p: warning: \(message)\n".utf8) }
                return Console.bytes(
                    of: LogLine(
                        level: .warning, event: ConsoleEvent.linesLost.rawValue, message: message,
                        fields: [("count", .number(count))]))
            }
        }
        state = Mutex(State(streams: [lines(of: "stdout"), lines(of: "stderr")]))
        self.descriptors = descriptors
        self.onFailure = onFailure
        wake = try FileSystem.makePipe()
        DispatchQueue(label: "console").async { self.writeLines() }
    }

    /// Appends a line, or drops it if the stream's queue has no room.
    ///
    /// - Parameter isOptional: True if the line is not counted as lost when it is dropped.
    func append(_ bytes: [UInt8], to stream: Stream, isOptional: Bool = false) {
        let isWaiting = state.withLock { state in
            guard !isOptional || state.streams[stream.rawValue].hasRoom(for: bytes.count) else { return false }
            return append(bytes, to: stream, &state)
        }
        if isWaiting { wakeThread() }
    }

    /// Writes a line to stdout if no other line waits and stdout takes it at once.
    ///
    /// - Returns: False if the line was not written.
    func writeAtOnce(_ bytes: [UInt8]) -> Bool {
        let (isWritten, isWaiting) = state.withLock { state in
            guard let rest = write(bytes, to: .output, state) else { return (false, false) }
            return (true, rest.isEmpty ? false : wait(rest, for: .output, &state))
        }
        if isWaiting { wakeThread() }
        return isWritten
    }

    /// Writes a line at once if that is possible, and otherwise adds it to the lines that wait.
    ///
    /// - Returns: True if the thread must be woken up.
    private func append(_ bytes: [UInt8], to stream: Stream, _ state: inout State) -> Bool {
        // The line is written here if possible, because waking the thread costs far more than writing a line.
        let rest = write(bytes, to: stream, state) ?? bytes[...]
        return rest.isEmpty ? false : wait(rest, for: stream, &state)
    }

    /// Writes as much of a line as the stream takes without blocking.
    ///
    /// - Returns: The bytes that were not written; nil if nothing could be written.
    private func write(_ bytes: [UInt8], to stream: Stream, _ state: State) -> ArraySlice<UInt8>? {
        guard state.isWaiting, state.isEmpty, state.prompt == nil, bytes.count <= FileSystem.pipeAtom else {
            return nil
        }
        let count = FileSystem.writeWithoutWaiting(bytes, to: descriptors[stream.rawValue])
        return count.map { bytes.dropFirst($0) }
    }

    /// Adds bytes to the lines that wait for a stream.
    ///
    /// - Returns: True if the thread must be woken up.
    private func wait(_ bytes: ArraySlice<UInt8>, for stream: Stream, _ state: inout State) -> Bool {
        state.append(Array(bytes), to: stream)
        defer { state.isWaiting = false }
        return state.isWaiting
    }

    private func wakeThread() {
        // A failed write does no harm: if the pipe is full, the bytes in it wake the thread.
        _ = try? FileSystem.writeSome([0], to: wake.writing)
    }

    /// Sets the prompt that is shown on stdout after each line. Nil removes the prompt.
    func setPrompt(_ prompt: ConsolePrompt?) {
        let isWaiting = state.withLock { state in
            let bytes = prompt?.text ?? state.prompt?.removal ?? []
            state.prompt = nil
            if !bytes.isEmpty { state.append(bytes, to: .output) }
            state.prompt = prompt
            defer { state.isWaiting = false }
            return state.isWaiting
        }
        if isWaiting { wakeThread() }
    }

    /// Shows the prompt again, if one is set.
    func repeatPrompt() {
        guard let prompt = state.withLock({ $0.prompt }) else { return }
        setPrompt(prompt)
    }

    /// Waits until the queue of stdout has room for a line, and then appends the line.
    func appendWithRoom(_ bytes: [UInt8]) async {
        let size = bytes.count + ConsolePrompt.most
        while true {
            let isWaiting: Bool? = state.withLock { state in
                guard state.streams[Stream.output.rawValue].hasRoom(for: size) else { return nil }
                return append(bytes, to: .output, &state)
            }
            if let isWaiting {
                if isWaiting { wakeThread() }
                return
            }
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let hasRoom = state.withLock { state in
                    let hasRoom = state.streams[Stream.output.rawValue].hasRoom(for: size)
                    if !hasRoom { state.roomWaiters.append(continuation) }
                    return hasRoom
                }
                if hasRoom { continuation.resume() }
            }
        }
    }

    /// Waits until all lines are written.
    func drained() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isEmpty = state.withLock { state in
                if !state.isEmpty { state.endWaiters.append(continuation) }
                return state.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }

    /// The number of lines that wait for a stream, plus the number of dropped lines that no line has reported yet.
    func count(of stream: Stream) -> Int { state.withLock { $0.streams[stream.rawValue].count } }

    private func writeLines() -> Never {
        while true {
            let waiting = state.withLock { state in
                state.isWaiting = true
                return Stream.allCases.filter { !state.streams[$0.rawValue].isEmpty }
            }
            let ready = FileSystem.waitUntilReady(
                writing: waiting.map { descriptors[$0.rawValue] }, reading: wake.reading)
            FileSystem.empty(wake.reading)
            let writable = zip(waiting, ready).filter(\.1).map(\.0)
            guard let (stream, bytes) = state.withLock({ Self.next(&$0, writable) }) else { continue }
            do throws(SystemError) {
                let count = try FileSystem.writeSome(bytes, to: descriptors[stream.rawValue])
                finish { $0.streams[stream.rawValue].remove(count) }
            } catch {
                finish { $0.streams[stream.rawValue].removeAll() }
                onFailure(stream, error)
            }
        }
    }

    /// Returns the writable stream with the oldest line, and the next bytes to write to it; nil if no writable stream
    /// has lines.
    private static func next(_ state: inout State, _ writable: [Stream]) -> (Stream, [UInt8])? {
        state.isWaiting = false
        let next = writable.compactMap { stream in state.streams[stream.rawValue].order.map { (stream, $0) } }
            .min { $0.1 < $1.1 }
        guard let (stream, _) = next else { return nil }
        let others = Stream.allCases.filter { $0 != stream }.compactMap { state.streams[$0.rawValue].order }
        return (stream, state.streams[stream.rawValue].next(FileSystem.pipeAtom, before: others.min()))
    }

    /// Applies `change` to the state after a write. If the queue of stdout then has room, resumes the callers that wait
    /// for room. If no line waits any more, resumes the callers of `drained`.
    private func finish(_ change: (inout State) -> Void) {
        let (room, end) = state.withLock { state in
            change(&state)
            let hasRoom = state.streams[Stream.output.rawValue].hasRoom(for: FileSystem.pipeAtom)
            let isEmpty = state.isEmpty
            defer {
                if hasRoom { state.roomWaiters = [] }
                if isEmpty { state.endWaiters = [] }
            }
            return (hasRoom ? state.roomWaiters : [], isEmpty ? state.endWaiters : [])
        }
        for waiter in room { waiter.resume() }
        for waiter in end { waiter.resume() }
    }

    /// The largest number of bytes that wait for one stream.
    static let limit = 64 << 10
}
