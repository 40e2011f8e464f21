internal import Logging
internal import MeshControl
internal import SecureMesh
internal import ServiceLifecycle

/// Runs a peer. After `disconnect` and `connect`, runs a new one, because a `MeshPeer` can run only once.
actor PeerRunner: Service {
    /// The reason why `connect`, `disconnect` or another command is refused.
    enum Refusal: Error {
        case connected
        case disconnected
        case failed(Failure)

        var message: String {
            switch self {
            case .connected: "the peer is connected; 'disconnect' leaves the mesh"
            case .disconnected: "the peer is disconnected; 'connect' joins the mesh again"
            case .failed(let failure): failure.message
            }
        }
    }

    private let configuration: MeshPeer.Configuration
    private let logger: Logger
    private let printer: PeerSessionPrinter
    private let inspector: PeerInspector
    private let peers: AsyncStream<MeshPeer>
    private let nextPeer: AsyncStream<MeshPeer>.Continuation
    /// The peer that runs; nil if the peer is disconnected.
    private(set) var peer: MeshPeer?
    /// True while `connect` waits until the socket is bound. If an error occurs during this time, `connect` throws it,
    /// and the runner continues.
    private var isConnecting = false
    private var connectFailure: MeshError?
    private var endWaiters: [CheckedContinuation<Void, Never>] = []

    /// - Parameter peer: The first peer to run.
    init(
        _ peer: MeshPeer, _ configuration: MeshPeer.Configuration, logger: Logger, printer: PeerSessionPrinter,
        inspector: PeerInspector
    ) {
        self.peer = peer
        self.configuration = configuration
        self.logger = logger
        self.printer = printer
        self.inspector = inspector
        (peers, nextPeer) = AsyncStream.makeStream()
        nextPeer.yield(peer)
    }

    nonisolated var name: PeerName { configuration.name }

    /// The peer that runs. Throws `Refusal.disconnected` if there is none.
    var connected: MeshPeer {
        get throws(Refusal) {
            guard let peer else { throw .disconnected }
            return peer
        }
    }

    /// Runs one peer after another until graceful shutdown, or until a peer fails.
    ///
    /// Returns when the events of the last peer are printed, or after `Console.patience` if nobody reads stdout.
    func run() async throws {
        defer { Console.hidePrompt() }
        try await withGracefulShutdownHandler {
            for await peer in peers.cancelOnGracefulShutdown() {
                do {
                    try await run(peer)
                } catch let error as MeshError where isConnecting {
                    connectFailure = error
                }
                end()
            }
        } onGracefulShutdown: {
            // Lines that are printed from here on are not followed by a prompt.
            Console.hidePrompt()
        }
    }

    private func run(_ peer: MeshPeer) async throws {
        let (events, followed) = (peer.events(except: printer.prints), peer.events(except: inspector.applies))
        // The tasks are detached, because the graceful shutdown of the service group would end their sequences of
        // events early.
        let printing = Task.detached { [printer] in await printer.print(events) }
        let following = Task.detached { [inspector] in await inspector.follow(followed) }
        let result: Result<Void, any Error>
        do {
            result = .success(try await peer.run())
        } catch {
            result = .failure(error)
        }
        await following.value
        await wait(for: printing, atMost: Console.patience)
        try result.get()
    }

    private func end() {
        peer = nil
        for waiter in endWaiters { waiter.resume() }
        endWaiters = []
    }

    /// Starts a new peer, which joins the mesh. Returns when the peer's socket is bound.
    func connect() async throws(Refusal) {
        guard peer == nil else { throw .connected }
        let next: MeshPeer
        do throws(MeshError) {
            next = try MeshPeer(configuration, logger: logger)
        } catch {
            throw .failed(Failure(error))
        }
        (peer, isConnecting, connectFailure) = (next, true, nil)
        defer { isConnecting = false }
        inspector.follow(next)
        nextPeer.yield(next)
        guard (try? await next.boundAddress) == nil else { return }
        await ended()
        throw connectFailure.map { .failed(Failure($0)) } ?? .disconnected
    }

    /// Leaves the mesh. Returns when the events of the peer have been printed.
    func disconnect() async throws(Refusal) {
        let peer = try connected
        await peer.leave()
        await ended()
    }

    /// Waits until the peer has ended.
    private func ended() async {
        guard peer != nil else { return }
        await withCheckedContinuation { endWaiters.append($0) }
    }
}

extension PeerRunner: Summarized {
    func members() async throws(MeshError) -> [Member] { try await running.members() }
    func rejections() async throws(MeshError) -> RejectionCounters { try await running.rejections() }
    func losses() async throws(MeshError) -> DatagramLosses { try await running.losses() }

    private var running: MeshPeer {
        get throws(MeshError) {
            guard let peer else { throw .notRunning }
            return peer
        }
    }
}
