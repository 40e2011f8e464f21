/// What can be fuzzed. libFuzzer, the replay of the corpora in `swift test` and a self-test all come in here.
package enum FuzzTarget: String, CaseIterable, Sendable, CustomStringConvertible {
    /// Any bytes into the decoders.
    case datagram = "FuzzDatagram"
    /// Datagrams that are made with the right keys, and then harmed, before the gates of a server and of a peer.
    case admission = "FuzzAdmission"
    /// A registry, its peers, a hostile network and a hostile member, through a stream of operations.
    case mesh = "FuzzMesh"

    /// What `input` has shown to be wrong; nil if nothing. The same input gives the same answer, always.
    package func failure(of input: [UInt8]) -> String? {
        switch self {
        case .datagram: DatagramCheck.failure(of: input)
        case .admission: AdmissionCheck.failure(of: input)
        case .mesh: MeshCheck.failure(of: input)
        }
    }

    /// What a fuzzer starts from: small inputs that reach every kind, by name.
    package var seeds: [(name: String, input: [UInt8])] {
        switch self {
        case .datagram: DatagramSeeds.all
        case .admission: AdmissionCheck.seeds
        case .mesh: MeshCheck.seeds
        }
    }

    package var description: String { rawValue }
}
