import SecureMesh
import SelfTest
import Testing

@Suite("Reading and writing of fields")
struct ByteReaderTests {
    @Test("numbers are big-endian")
    func bigEndian() throws {
        let bytes = try unhex("01 0203 0405060708090a0b")
        var reader = ByteReader()
        #expect(try reader.uint8(bytes.span) == 0x01)
        #expect(try reader.uint16(bytes.span) == 0x0203)
        #expect(try reader.uint64(bytes.span) == 0x0405_0607_0809_0A0B)
        try reader.finish(bytes.span)
        var written: [UInt8] = [0x01]
        written.append(bigEndian: UInt16(0x0203))
        written.append(bigEndian: UInt64(0x0405_0607_0809_0A0B))
        #expect(written == bytes)
    }

    @Test("a read beyond the end is refused and does not move the offset")
    func beyondTheEnd() {
        let bytes = [UInt8](repeating: 1, count: 7)
        var reader = ByteReader()
        expectRefusal(.payloadLengthMismatch) { () throws(Rejection) in try reader.uint64(bytes.span) }
        expectRefusal(.payloadLengthMismatch) { () throws(Rejection) in try reader.bytes16(bytes.span) }
        expectRefusal(.payloadLengthMismatch) { () throws(Rejection) in try reader.bytes32(bytes.span) }
        expectRefusal(.payloadLengthMismatch) { () throws(Rejection) in try reader.agreementKey(bytes.span) }
        expectRefusal(.payloadLengthMismatch) { () throws(Rejection) in try reader.signature(bytes.span) }
        expectRefusal(.payloadLengthMismatch) { () throws(Rejection) in try reader.zeros(8, bytes.span) }
        expectRefusal(.payloadLengthMismatch) { () throws(Rejection) in try reader.name(length: 8, bytes.span) }
        #expect(reader.offset == 0)
    }

    @Test("a reader that starts beyond the end reads nothing")
    func startsBeyondTheEnd() {
        var reader = ByteReader(at: 5)
        let bytes: [UInt8] = [1, 2]
        expectRefusal(.payloadLengthMismatch) { () throws(Rejection) in try reader.uint8(bytes.span) }
        expectRefusal(.payloadLengthMismatch) { () throws(Rejection) in try reader.finish(bytes.span) }
    }

    @Test("bytes that are left over are refused")
    func leftOver() throws {
        let bytes: [UInt8] = [1, 2, 3]
        var reader = ByteReader()
        _ = try reader.uint16(bytes.span)
        expectRefusal(.payloadLengthMismatch) { () throws(Rejection) in try reader.finish(bytes.span) }
        _ = try reader.uint8(bytes.span)
        try reader.finish(bytes.span)
    }

    @Test("a copy of a span has its bytes")
    func copies() {
        let bytes = [UInt8](0..<200)
        #expect([UInt8](copying: bytes.span) == bytes)
        #expect([UInt8](copying: [UInt8]().span).isEmpty)
    }
}
