/// The limits of the control socket, and of the departures and problems that a process remembers for its answers.
package enum ControlLimits {
    /// The version of the schema of requests and answers. Every answer contains it.
    package static let schema = 1
    /// The largest number of connections that are open at once. The process closes further connections.
    package static let connections = 32
    /// The largest size of one header field, in bytes.
    package static let headerField = 4 << 10
    /// The largest size of all header fields of a request together, in bytes.
    package static let header = 16 << 10
    /// The largest number of header fields in a request.
    package static let headerFields = 64
    /// The largest size of a request's body, in bytes. It is enough for the largest message in Base64 and the JSON
    /// around the message.
    package static let body = 128 << 10
    /// The longest time from the head of a request to the end of the request, and from the beginning of a connection to
    /// the head of its first request.
    package static let requestTime = Duration.seconds(5)
    /// The longest time from an answer to the head of the next request on the same connection.
    package static let idleTime = Duration.seconds(60)
    /// The longest time for writing an answer. If the client has not taken the answer by then, the connection is
    /// closed.
    package static let answerTime = Duration.seconds(30)
    /// The largest number of bytes that wait for the reader of a stream. Events that come while more bytes wait are
    /// counted as missed.
    package static let streamBuffer = 256 << 10
    /// The largest number of former members that are remembered.
    package static let absences = 4_096
    /// The time for which a former member is remembered.
    package static let absenceTime = Duration.seconds(86_400)
    /// The largest number of members whose state is read in one call on the mesh's event loop. The call takes about
    /// 2 ms (0.76 µs per member in a mesh of 5,000).
    package static let slice = 2_560
    /// The largest number of remembered problems that concern single peers.
    package static let refusals = 16
    /// The time for which a problem that concerns a single peer is reported.
    package static let refusalTime = Duration.seconds(60)
    /// The default time to wait for the acknowledgments of a message.
    package static let usualDeliveryTime = Duration.seconds(3)
    /// The longest time that a request may set for the acknowledgments of its message.
    package static let deliveryTime = Duration.seconds(60)
    /// The longest time from a request until its answer begins. If the request waits for acknowledgments, the time that
    /// it waits is added. A server may need 10 s to reload a list of peers from a pipe.
    package static let answerBeginning = Duration.seconds(15)
    /// The time between two checks that the file of the socket still exists.
    package static let fileCheck = Duration.seconds(5)
    /// The largest answer or line that a client reads, in bytes. The status of a mesh of 65,536 members has 25 MB.
    package static let answer = 64 << 20
}
