extension MeshStatus {
    /// The JSON of this status.
    ///
    /// Foundation's encoder takes some milliseconds per hundred members, so it encodes only the rest of the status.
    /// This code then inserts the members.
    package var json: [UInt8] {
        var rest = self
        rest.members = nil
        let bytes = ControlJSON.encode(rest)
        guard let members else { return bytes }
        // Quotation marks in strings are escaped, so only the key itself matches.
        let key = Array("\"members\":".utf8)
        let value = Array("null".utf8)
        guard let start = bytes.indices.first(where: { bytes[$0...].starts(with: key + value) }) else { return bytes }
        var result = Array(bytes[..<start]) + key
        result.reserveCapacity(bytes.count + members.count * 448)
        var separator = UInt8(ascii: "[")
        for member in members {
            result.append(separator)
            member.write(to: &result)
            separator = UInt8(ascii: ",")
        }
        result += Array((members.isEmpty ? "[]" : "]").utf8)
        return result + bytes[(start + key.count + value.count)...]
    }
}

extension MemberStatus {
    /// Appends the JSON of this member. Its keys are sorted like those that `ControlJSON.encode` writes.
    fileprivate func write(to bytes: inout [UInt8]) {
        Self.write("{\"address\":", address, to: &bytes)
        Self.write(",\"fingerprint\":", fingerprint, to: &bytes)
        Self.write(",\"name\":", name, to: &bytes)
        Self.write(",\"publicKey\":", publicKey, to: &bytes)
        Self.write(",\"reason\":", reason, to: &bytes)
        Self.write(",\"receivedDatagrams\":", number: receivedDatagrams, to: &bytes)
        Self.write(",\"receivedMessages\":", number: receivedMessages, to: &bytes)
        Self.write(",\"roundTrip\":", number: roundTrip, to: &bytes)
        Self.write(",\"sentDatagrams\":", number: sentDatagrams, to: &bytes)
        Self.write(",\"since\":", since?.description, to: &bytes)
        Self.write(",\"state\":", state.rawValue, to: &bytes)
        bytes.append(UInt8(ascii: "}"))
    }

    private static func write(_ key: String, number: (some BinaryInteger)?, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: key.utf8)
        bytes.append(contentsOf: (number?.description ?? "null").utf8)
    }

    private static func write(_ key: String, _ text: String?, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: key.utf8)
        guard let text else { return bytes.append(contentsOf: "null".utf8) }
        let (quote, backslash) = (UInt8(ascii: "\""), UInt8(ascii: "\\"))
        bytes.append(quote)
        if text.utf8.contains(where: { $0 < 0x20 || $0 == quote || $0 == backslash }) {
            for byte in text.utf8 {
                switch byte {
                case quote, backslash: bytes += [backslash, byte]
                case ..<0x20: bytes.append(contentsOf: "\\u00\(byte < 0x10 ? "0" : "")\(String(byte, radix: 16))".utf8)
                default: bytes.append(byte)
                }
            }
        } else {
            // To append a whole text takes far less time than to append its bytes one by one.
            bytes.append(contentsOf: text.utf8)
        }
        bytes.append(quote)
    }
}
