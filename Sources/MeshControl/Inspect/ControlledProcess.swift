/// A server or a peer that answers questions about itself as values, and does what a command asks.
///
/// The control socket uses it, and so can any other code that shows the state of a process.
package protocol ControlledProcess: Sendable {
    /// The events of the process.
    var feed: ControlFeed { get }
    /// - Parameter listsMembers: False to leave `members` out, which can be many.
    func status(listsMembers: Bool) async -> MeshStatus
    func send(_ request: SendRequest) async throws(ControlError) -> SendReport
    func ping(_ request: PingRequest) async throws(ControlError) -> PingReport
    func reload() async throws(ControlError) -> ReloadReport
}

/// The version, the number and the clock of a process.
package struct ProcessIdentity: Sendable {
    package let version: String
    package let process: Int32
    package let clock: ProcessClock
    /// The start, by the clock of the process.
    package let startedAt: Timestamp

    package init(version: String, process: Int32, clock: ProcessClock = ProcessClock()) {
        self.version = version
        self.process = process
        self.clock = clock
        startedAt = clock.now
    }
}
