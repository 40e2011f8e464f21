/// The fuzz targets. libFuzzer and the replay of the corpora in `swift test` both call them.
package enum FuzzTarget: String, CaseIterable, Sendable, CustomStringConvertible {
    /// Hands any bytes to the decoders.
    case datagram = "FuzzDatagram"
    /// Hands datagrams with the right keys, which were changed, to the gates of a server and to a peer.
    case admission = "FuzzAdmission"
    /// Plays a stream of operations on a registry, its peers, a hostile network and hostile members.
    case mesh = "FuzzMesh"
    /// Hands requests to the control socket, after HTTP.
    case control = "FuzzControl"

    /// Returns the failure that `input` shows, or nil. The same input always gives the same result.
    package func failure(of input: [UInt8]) -> String? {
        switch self {
        case .datagram: DatagramCheck.failure(of: input)
        case .admission: AdmissionCheck.failure(of: input)
        case .mesh: MeshCheck.failure(of: input)
        case .control: ControlCheck.failure(of: input)
        }
    }

    /// The inputs from which a fuzzer starts. They are small and reach every kind.
    package var seeds: [(name: String, input: [UInt8])] {
        switch self {
        case .datagram: DatagramSeeds.all
        case .admission: AdmissionCheck.seeds
        case .mesh: MeshCheck.seeds
        case .control: ControlCheck.seeds
        }
    }

    package var description: String { rawValue }
}
