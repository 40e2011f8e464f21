package import SecureMeshCore

// The bytes of values, for comparisons.

extension [UInt8] {
    /// Makes an array of the bytes that `append` appends.
    init(appending append: (inout [UInt8]) -> Void) {
        self = []
        append(&self)
    }
}

extension Secret32 {
    package var array: [UInt8] { [UInt8](appending: append(to:)) }
}

extension Bytes16 {
    package var array: [UInt8] { [UInt8](appending: append(to:)) }
}

extension Signature {
    package var array: [UInt8] { [UInt8](appending: append(to:)) }
}
