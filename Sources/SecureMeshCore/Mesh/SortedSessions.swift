/// The sessions of a directory in ascending order.
///
/// The sessions are stored in chunks, because an insertion into one array of ten thousand sessions would move 40 KB on
/// average.
package struct SortedSessions: Sendable {
    /// The chunks, in ascending order. No chunk is empty.
    private var chunks: [[SessionID]] = []
    private(set) package var count = 0

    package init() {}

    /// All sessions, in ascending order.
    package var all: [SessionID] {
        if chunks.count == 1 { return chunks[0] }
        var all: [SessionID] = []
        all.reserveCapacity(count)
        for chunk in chunks { all += chunk }
        return all
    }

    /// Calls `body` for each session in a bucket of the directory's hash tree, in ascending order.
    package func forEach(inBucket bucket: Int, _ body: (SessionID) -> Void) {
        guard !chunks.isEmpty else { return }
        let lowest = UInt64(bucket) << 56
        var chunk = chunk(of: lowest)
        var index = index(of: lowest, in: chunk)
        while chunk < chunks.count {
            while index < chunks[chunk].count {
                let session = chunks[chunk][index]
                guard DirectoryTree.bucket(of: session) == bucket else { return }
                body(session)
                index += 1
            }
            chunk += 1
            index = 0
        }
    }

    /// Inserts a session that this collection does not contain yet.
    package mutating func insert(_ session: SessionID) {
        count += 1
        guard !chunks.isEmpty else { return chunks.append([session]) }
        let chunk = chunk(of: session.rawValue)
        chunks[chunk].insert(session, at: index(of: session.rawValue, in: chunk))
        guard chunks[chunk].count > Self.largestChunk else { return }
        let half = chunks[chunk].count / 2
        chunks.insert(Array(chunks[chunk][half...]), at: chunk + 1)
        chunks[chunk].removeSubrange(half...)
    }

    /// Removes a session. Does nothing if this collection does not contain it.
    package mutating func remove(_ session: SessionID) {
        guard !chunks.isEmpty else { return }
        let chunk = chunk(of: session.rawValue)
        let index = index(of: session.rawValue, in: chunk)
        guard index < chunks[chunk].count, chunks[chunk][index] == session else { return }
        chunks[chunk].remove(at: index)
        count -= 1
        if chunks[chunk].isEmpty { chunks.remove(at: chunk) }
    }

    /// Returns the index of the last chunk whose first session is at most `session`; 0 if there is no such chunk.
    private func chunk(of session: UInt64) -> Int {
        max(Self.count(of: chunks.count) { chunks[$0][0].rawValue <= session } - 1, 0)
    }

    /// Returns the index within a chunk of the first session that is at least `session`; the size of the chunk if there
    /// is no such session.
    private func index(of session: UInt64, in chunk: Int) -> Int {
        Self.count(of: chunks[chunk].count) { chunks[chunk][$0].rawValue < session }
    }

    /// Returns the number of indices below `count` for which `isBefore` is true. All indices for which it is true must
    /// come before those for which it is false.
    private static func count(of count: Int, where isBefore: (Int) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The largest number of sessions in a chunk.
    private static let largestChunk = 512
}
