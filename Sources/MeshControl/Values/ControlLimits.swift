/// The limits of the control socket, and of the departures and refusals that are remembered for it.
package enum ControlLimits {
    /// The version of the schema of requests and answers. Every answer contains it.
    package static let schema = 1
    /// The largest number of connections at once. Further ones are closed.
    package static let connections = 32
    /// The largest size of one header field and of all header fields together, in bytes, and their largest number.
    package static let headerField = 4 << 10
    package static let header = 16 << 10
    package static let headerFields = 64
    /// The largest body of a request, in bytes. It has room for a message of the largest size in Base64 and the rest of
    /// the JSON.
    package static let body = 128 << 10
    /// The longest time from the first byte of a request, or from the beginning of a connection, to the request's end.
    package static let requestTime = Duration.seconds(5)
    /// The longest time between two requests on a connection.
    package static let idleTime = Duration.seconds(60)
    /// The longest time for which an answer waits for a client that does not read it.
    package static let answerTime = Duration.seconds(30)
    /// The largest number of bytes that wait for the reader of a stream. Events that come while more bytes wait are
    /// counted as missed.
    package static let streamBuffer = 256 << 10
    /// The largest number of former members that are remembered, and the time for which each is remembered.
    package static let absences = 4_096
    package static let absenceTime = Duration.seconds(86_400)
    /// The largest number of members whose standings one call to the mesh's event loop reads, which takes less than a
    /// millisecond.
    package static let slice = 1_024
    /// The largest number of problems with single peers that are remembered, and the time for which each is reported.
    package static let refusals = 16
    package static let refusalTime = Duration.seconds(60)
    /// The time for which a message waits for its acknowledgments: the default, and the longest time that a request may
    /// set.
    package static let usualDeliveryTime = Duration.seconds(3)
    package static let deliveryTime = Duration.seconds(60)
    /// The longest time until a process begins its answer, without the time for which a message waits. A server waits
    /// up to 10 s for a list of peers that is a pipe.
    package static let answerBeginning = Duration.seconds(15)
    /// The time between two checks that the file of the socket still exists.
    package static let fileCheck = Duration.seconds(5)
    /// The largest answer or line that a client reads, in bytes. The status of a mesh of 65,536 members has 25 MB.
    package static let answer = 64 << 20
}
