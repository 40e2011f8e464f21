/// A server or a peer that reports its state as values, and carries out the requests of commands.
///
/// The control socket uses this protocol. Any other code that shows the state of a process can use it too.
package protocol ControlledProcess: Sendable {
    /// The events of the process.
    var feed: ControlFeed { get }
    /// Returns the state of the process and of its mesh.
    ///
    /// - Parameter listsMembers: False to omit the list of members, which can be long.
    func report(listsMembers: Bool) async -> StatusReport
    /// Throws `wrongRole` if this kind of process never has an event that the filter accepts.
    func check(_ filter: EventFilter) throws(ControlError)
    func send(_ request: SendRequest) async throws(ControlError) -> SendReport
    func ping(_ request: PingRequest) async throws(ControlError) -> PingReport
    func reload() async throws(ControlError) -> ReloadReport
}

/// The version, the process id and the clock of a process.
package struct ProcessIdentity: Sendable {
    package let version: String
    package let process: Int32
    package let clock: ProcessClock
    /// The time at which the process started, by `clock`.
    package let startedAt: Timestamp

    package init(version: String, process: Int32, clock: ProcessClock = ProcessClock()) {
        self.version = version
        self.process = process
        self.clock = clock
        startedAt = clock.now
    }
}
