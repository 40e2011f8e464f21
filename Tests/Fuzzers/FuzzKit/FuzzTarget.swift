/// The fuzz targets. Both libFuzzer and the replay of the corpora in `swift test` call them.
package enum FuzzTarget: String, CaseIterable, Sendable, CustomStringConvertible {
    /// Gives arbitrary bytes to the decoders.
    case datagram = "FuzzDatagram"
    /// Makes datagrams with the right keys, changes them, and gives them to a server's gates or to a peer.
    case admission = "FuzzAdmission"
    /// Runs a sequence of operations on a registry, its peers, a hostile network and hostile members.
    case mesh = "FuzzMesh"
    /// Gives requests to the code of the control socket that runs after HTTP has been parsed.
    case control = "FuzzControl"

    /// Returns a description of the failure that `input` causes; nil if there is no failure. The result depends on
    /// `input` alone.
    package func failure(of input: [UInt8]) -> String? {
        switch self {
        case .datagram: DatagramCheck.failure(of: input)
        case .admission: AdmissionCheck.failure(of: input)
        case .mesh: MeshCheck.failure(of: input)
        case .control: ControlCheck.failure(of: input)
        }
    }

    /// The inputs with which fuzzing starts. They are small, and cover every kind of datagram, operation or request.
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
