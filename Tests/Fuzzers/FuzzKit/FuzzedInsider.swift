import MeshSimulator
import SecureMeshCore

extension ScriptedPeer {
    /// Returns a HEARTBEAT or a LEAVE. For some inputs, its number, token or version is wrong.
    mutating func heartbeat(_ input: inout FuzzInput) -> ForgedDatagram? {
        advance()
        let body = Heartbeat(
            number: input.number(near: number), token: input.flag() ? input.number(near: token) : token,
            version: input.flag() ? input.number(near: version) : version, part: UInt16(input.byte() / 0x40))
        if input.byte() < 0xF0 { return draft(.heartbeat, body) }
        return draft(.leave, Leave(number: number))
    }
}
