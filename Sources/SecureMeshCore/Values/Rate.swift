/// The shape of a token bucket: tokens per second, and how many it holds when full.
package struct Rate: Hashable, Sendable {
    package var perSecond: Int
    package var burst: Int

    package init(perSecond: Int, burst: Int) {
        self.perSecond = perSecond
        self.burst = burst
    }

    package func scaled(by factor: Int) -> Rate {
        Rate(perSecond: perSecond * factor, burst: burst * factor)
    }
}
