// A `TestMesh` consists of the simulator's peers and flights.
@_exported public import MeshSimulator
