/// A WELCOME with a valid signature of the server, and the keys of the session that this WELCOME opens.
package struct OpenedWelcome: Sendable {
    package let welcome: Verified<Welcome>
    package let epoch: UInt64
    package let keys: SessionKeys
}
