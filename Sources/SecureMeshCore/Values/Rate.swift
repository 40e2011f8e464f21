/// The parameters of a token bucket: tokens per second, and the number of tokens in a full bucket.
package struct Rate: Hashable, Sendable {
    package var perSecond: Int
    package var burst: Int

    package init(perSecond: Int, burst: Int) {
        self.perSecond = perSecond
        self.burst = burst
    }

    /// Returns this rate with both parameters multiplied by `factor`.
    package func scaled(by factor: Int) -> Rate {
        Rate(perSecond: perSecond * factor, burst: burst * factor)
    }
}
