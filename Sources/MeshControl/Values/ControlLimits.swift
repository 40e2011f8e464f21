/// The bounds of the control socket, and of the departures and refusals that it remembers.
package enum ControlLimits {
    /// The version of the schema, in every answer.
    package static let schema = 1
    /// The largest number of connections at once. Further ones are closed.
    package static let connections = 32
    /// The largest size of one header field, in bytes, that of all together, and their largest number.
    package static let headerField = 4 << 10
    package static let header = 16 << 10
    package static let headerFields = 64
    /// The largest body of a request, in bytes: a message of the largest size in Base64, and the rest of its JSON.
    package static let body = 128 << 10
    /// The longest time from the first byte of a request, or from the beginning of a connection, to the request's end.
    package static let requestTime = Duration.seconds(5)
    /// The longest time between two requests on a connection.
    package static let idleTime = Duration.seconds(60)
    /// The longest time for which an answer waits for its reader.
    package static let answerTime = Duration.seconds(30)
    /// The largest number of bytes that wait for the reader of a stream. Events that come while more wait are counted
    /// as missed.
    package static let streamBuffer = 256 << 10
    /// The number of former members that are remembered, and the time for which each one is.
    package static let absences = 4_096
    package static let absenceTime = Duration.seconds(86_400)
    /// The number of members about which one call to the mesh's event loop asks.
    package static let slice = 256
    /// The number of refused joins that are remembered, and the time for which each is.
    package static let refusals = 16
    package static let refusalTime = Duration.seconds(60)
    /// The time for which a message waits for its acknowledgments: the default, and the longest that a request may ask
    /// for.
    package static let usualDeliveryTime = Duration.seconds(3)
    package static let deliveryTime = Duration.seconds(60)
    /// The time within which a process begins its answer, besides that for a message. A server waits 10 s for a list of
    /// peers that is a pipe.
    package static let answerBeginning = Duration.seconds(15)
    /// The time between two checks that the file of the socket still exists.
    package static let fileCheck = Duration.seconds(5)
    /// The largest answer or line that a client reads, in bytes. The status of 65,536 members has 25 MB.
    package static let answer = 64 << 20
}
