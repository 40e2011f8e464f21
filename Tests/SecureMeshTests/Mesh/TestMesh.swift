import SecureMesh
import SelfTest
import Testing

typealias TestMesh = VirtualMesh
typealias TestPeer = VirtualPeer

extension VirtualMesh {
    /// Makes a mesh that records its faults as issues of the test.
    convenience init(seed: UInt64 = 1, configure: (inout Registry.Configuration) -> Void = { _ in }) {
        self.init(seed: seed, report: { Issue.record("\($0)") }, configure: configure)
    }
}
