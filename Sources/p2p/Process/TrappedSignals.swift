internal import Logging
internal import SecureMesh
internal import ServiceLifecycle

/// The signals that a server, a peer or a swarm receives, in the order of their arrival. Each of these sequences may
/// have only one reader.
struct TrappedSignals: Sendable {
    /// The first signal that stops the command.
    let stops: AsyncStream<Signal>
    /// Each SIGHUP, unless SIGHUP stops the command.
    let hangups: AsyncStream<Signal>
    /// Each SIGUSR1, which asks for a summary.
    let summaries: AsyncStream<Signal>

    /// Stops the services at the first signal that stops the command.
    ///
    /// - Returns: A task that waits for the signal. Its value is the signal; nil if the task was canceled before a
    ///   signal came.
    func stopping(_ services: ServiceGroup) -> Task<Signal?, Never> {
        Task {
            guard let signal = await stops.first(where: { _ in true }) else { return nil }
            await services.triggerGracefulShutdown()
            return signal
        }
    }

    /// Starts a task that logs a summary at each SIGUSR1.
    func printingSummaries(of member: some Summarized, _ logger: Logger) -> Task<Void, Never> {
        Task {
            for await _ in summaries {
                guard let members = try? await member.members(), let refused = try? await member.rejections(),
                    let lost = try? await member.losses()
                else { continue }
                var fields: Logger.Metadata = [
                    "members": .stringConvertible(members.count), "refused": .stringConvertible(refused.total),
                    "lost": .stringConvertible(lost.total),
                ]
                for (reason, count) in refused.nonZero {
                    fields["refused.\(reason.rawValue)"] = .stringConvertible(count)
                }
                for (reason, count) in lost.nonZero { fields["lost.\(reason.rawValue)"] = .stringConvertible(count) }
                logger.notice("summary", metadata: fields)
            }
        }
    }
}

/// A server or a peer, whose state a summary shows.
protocol Summarized: Sendable {
    func members() async throws(MeshError) -> [Member]
    func rejections() async throws(MeshError) -> RejectionCounters
    func losses() async throws(MeshError) -> DatagramLosses
}

extension MeshServer: Summarized {}
extension MeshPeer: Summarized {}
