import MeshSimulator
import SecureMesh
import SelfTest
import Testing

typealias TestPeer = VirtualPeer

extension TestMesh {
    /// Creates a mesh whose breaches of an invariant are issues of the test.
    convenience init(seed: UInt64 = 1, configure: (inout Registry.Configuration) -> Void = { _ in }) {
        self.init(seed: seed, report: { Issue.record("\($0)") }, configure: configure)
    }
}
