/// A sequence of sets of members. Each set contains all members of the mesh except the peer itself. A new set comes
/// whenever the members change.
///
/// The first set comes as soon as the peer has a directory. Each later set differs from the set before. A slow consumer
/// gets the newest set and misses the sets before it. There may be any number of consumers, and each iterator begins
/// with the newest set.
///
/// The sequence ends when `run()` has ended or can no longer be called, when the task that iterates is canceled, and
/// when the `ServiceGroup` in which that task runs shuts down gracefully.
public struct MeshMembership: AsyncSequence, Sendable {
    /// Returns the sets of members, one after another.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let lifecycle: Lifecycle<Peer>
        private var newest: Int?
        private var last: Set<Member>?

        fileprivate init(_ lifecycle: Lifecycle<Peer>) {
            self.lifecycle = lifecycle
        }

        /// Waits for a set that differs from the last set that this iterator returned.
        ///
        /// - Returns: The set; nil at the end of the sequence.
        public mutating func next() async -> Set<Member>? {
            await next(isolation: nil)
        }

        /// Waits for a set that differs from the last set that this iterator returned.
        ///
        /// - Returns: The set; nil at the end of the sequence.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> Set<Member>? {
            guard let driver = try? await lifecycle.started().driver else { return nil }
            while true {
                let known = newest
                let change = try? await driver.value {
                    peer, _ -> (count: Int, members: [Member])? in
                    // Before the first change, the peer has no directory.
                    peer.changeCount == known ?? 0 ? nil : (peer.changeCount, peer.members)
                }
                guard let change else { return nil }
                newest = change.count
                let members = Set(change.members)
                guard members != last else { continue }
                last = members
                return members
            }
        }
    }

    private let lifecycle: Lifecycle<Peer>

    init(_ lifecycle: Lifecycle<Peer>) {
        self.lifecycle = lifecycle
    }

    /// Returns an iterator that begins with the newest set.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(lifecycle)
    }
}
