extension Duration {
    /// The duration in the form that options of `p2p` take: `4s`, or `1500ms` if it is not a whole number of seconds.
    package var argument: String {
        let milliseconds = wholeNanoseconds / 1_000_000
        return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)s" : "\(milliseconds)ms"
    }
}
