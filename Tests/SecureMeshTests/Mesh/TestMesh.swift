import MeshSimulator
import SecureMesh
import SelfTest
import Testing

typealias TestPeer = VirtualPeer

extension TestMesh {
    /// Creates a mesh that reports a failure of the test if the mesh breaks an invariant.
    convenience init(seed: UInt64 = 1, configure: (inout Registry.Configuration) -> Void = { _ in }) {
        self.init(seed: seed, report: { Issue.record("\($0)") }, configure: configure)
    }
}
