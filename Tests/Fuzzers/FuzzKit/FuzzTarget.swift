/// The fuzz targets. libFuzzer and the replay of the corpora in `swift test` both call them.
package enum FuzzTarget: String, CaseIterable, Sendable, CustomStringConvertible {
    /// Hands any bytes to the decoders.
    case datagram = "FuzzDatagram"
    /// Hands datagrams that are made with the right keys and then changed to the gates of a server and to a peer.
    case admission = "FuzzAdmission"
    /// Plays a stream of operations on a registry, its peers, a hostile network and hostile members.
    case mesh = "FuzzMesh"
    /// Hands requests to the code of the control socket that reads them after HTTP has been parsed.
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

    /// The inputs from which a fuzzer starts. They are small, and make every kind of datagram, operation or request.
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
