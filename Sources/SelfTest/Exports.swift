// The interface of `TestMesh` contains types of the simulator, such as `VirtualPeer` and `Flight`.
@_exported public import MeshSimulator
