internal import SecureMeshCore

/// A JSON value. The keys of an object keep their order.
indirect enum JSONValue {
    case object([(key: String, value: JSONValue)])
    case array([JSONValue])
    case string(String)
    case integer(Int64)
    case bool(Bool)
    case null

    /// Returns the JSON text of the value. The outermost object and arrays of objects have one line per entry;
    /// everything else is on one line.
    func text(indentation: String = "", isOutermost: Bool = true) -> String {
        switch self {
        case .object(let members) where isOutermost && !members.isEmpty:
            let inner = indentation + "  "
            let lines = members.map { member in
                "\(inner)\(Escaping.json(member.key)): \(member.value.text(indentation: inner, isOutermost: false))"
            }
            return "{\n\(lines.joined(separator: ",\n"))\n\(indentation)}"
        case .object(let members):
            let parts = members.map { "\(Escaping.json($0.key)): \($0.value.text(isOutermost: false))" }
            return "{\(parts.joined(separator: ", "))}"
        case .array(let elements):
            guard elements.contains(where: \.isObject) else {
                return "[\(elements.map { $0.text(isOutermost: false) }.joined(separator: ", "))]"
            }
            let inner = indentation + "  "
            let lines = elements.map { inner + $0.text(isOutermost: false) }
            return "[\n\(lines.joined(separator: ",\n"))\n\(indentation)]"
        case .string(let text): return Escaping.json(text)
        case .integer(let number): return String(number)
        case .bool(let value): return value ? "true" : "false"
        case .null: return "null"
        }
    }

    private var isObject: Bool {
        if case .object = self { true } else { false }
    }
}

extension JSONValue {
    static func integer(_ number: Int) -> JSONValue { .integer(Int64(number)) }
    /// Returns a counter, limited to 2^63 - 1, because most JSON readers accept no larger integer.
    static func integer(_ number: UInt64) -> JSONValue { .integer(Int64(clamping: number)) }
    static func nanoseconds(_ duration: Duration?) -> JSONValue {
        duration.map { .integer($0.wholeNanoseconds) } ?? .null
    }
    static func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
}
