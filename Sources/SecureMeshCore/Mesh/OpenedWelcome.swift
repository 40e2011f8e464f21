/// A WELCOME that the pinned key has signed, with the keys of its session.
package struct OpenedWelcome: Sendable {
    package let welcome: Verified<Welcome>
    package let epoch: UInt64
    package let keys: SessionKeys
}
