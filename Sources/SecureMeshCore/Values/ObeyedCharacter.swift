extension Unicode.Scalar {
    /// True if a terminal or a browser might obey the character as a command, or shows nothing for it.
    package var isObeyed: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }

    /// The character as escapes in a JSON string, one escape for each of its UTF-16 units (RFC 8259, section 7).
    package var jsonEscapes: String {
        String(self).utf16.map { unit in
            let digits = String(unit, radix: 16)
            return "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)"
        }.joined()
    }
}
