internal import SecureMeshCore

/// The signs of the page. Each sign has its own shape, so that no two signs differ only in color.
enum Symbols {
    /// A sign and its meaning.
    struct Sign {
        let id: String
        let summary: String
    }

    static func sign(_ sign: Lane.Mark.Sign) -> Sign {
        switch sign {
        case .departed(.left): Sign(id: "s-left", summary: "left")
        case .departed(.replaced): Sign(id: "s-replaced", summary: "replaced by a newer session")
        case .departed(.expired): Sign(id: "s-expired", summary: "expired: declared dead")
        case .departed(.revoked): Sign(id: "s-out", summary: "removed: key revoked")
        case .departed(.misbehaved): Sign(id: "s-misbehaved", summary: "removed: misbehaved")
        case .departed(.tooOld): Sign(id: "s-old", summary: "session too old")
        case .departed(.stopping): Sign(id: "s-stopping", summary: "server stopped")
        case .crashed: Sign(id: "s-crash", summary: "crash")
        case .restarted: Sign(id: "s-start", summary: "restart")
        case .revoked: Sign(id: "s-key", summary: "key revoked")
        case .authorized: Sign(id: "s-plus", summary: "key authorized")
        case .clockJumped: Sign(id: "s-clock", summary: "clock jump")
        }
    }

    /// All signs, in the order of the legend.
    static let signs: [Lane.Mark.Sign] =
        [.crashed, .restarted] + Departure.all.map { .departed($0) } + [.revoked, .authorized, .clockJumped]

    static func use(_ id: String) -> Markup { "<use href=\"#\(id)\"/>" }

    /// The shapes of the signs, each defined once. A rim in the color of the background separates a sign from the lines
    /// under it.
    static var definitions: Markup {
        let shapes: [(id: String, tone: String, path: String)] = [
            ("s-crash", "bad", "M-3.5-3.5 3.5 3.5M-3.5 3.5 3.5-3.5"),
            ("s-start", "good fill", "M-2.5-4 4 0-2.5 4z"),
            ("s-left", "plain hollow", "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z"),
            ("s-replaced", "plain hollow", "M-3-3H3V3H-3z"),
            ("s-expired", "gone fill", "M0-4.5 4.5 0 0 4.5-4.5 0z"),
            ("s-out", "attack hollow", "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0zM-2.4 2.4 2.4-2.4"),
            ("s-misbehaved", "bad fill", "M0-4.5 4.5 3.5H-4.5z"),
            ("s-old", "gone hollow", "M-3.2-4H3.2L-3.2 4H3.2z"),
            ("s-stopping", "plain fill", "M-2.5-2.5H2.5V2.5H-2.5z"),
            ("s-key", "attack", "M-4 0H4"),
            ("s-plus", "good", "M-4 0H4M0-4V4"),
            ("s-clock", "gone", "M1-4.5-2 .5H2L-1 4.5"),
        ]
        let symbols: [Markup] = shapes.map { shape in
            """
            <g id="\(shape.id)" class="sign \(shape.tone)"><path class="rim" d="\(shape.path)"/>\
            <path d="\(shape.path)"/></g>

            """
        }
        return """
            <svg class="defs" width="0" height="0" aria-hidden="true">
            <defs>
            \(symbols)<g id="v-good" class="verdict"><circle r="17"/><path d="M-8 0-2.5 6 8-6"/></g>
            <g id="v-bad" class="verdict"><path class="disc" d="M-7-17H7L17-7V7L7 17H-7L-17 7V-7z"/>\
            <path d="M-6-6 6 6M-6 6 6-6"/></g>
            <g id="v-plain" class="verdict"><circle r="17"/><path d="M-7 0H7"/></g>
            <pattern id="cut" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
            <path class="cut" d="M0 0V6"/></pattern>
            </defs>
            </svg>
            """
    }
}
