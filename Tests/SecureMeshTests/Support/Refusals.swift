import SecureMesh
import Testing

/// Checks that `body` throws the rejection `expected`.
func expectRefusal<Value>(
    _ expected: Rejection, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws(Rejection) -> Value
) {
    do throws(Rejection) {
        _ = try body()
        Issue.record("accepted, and not refused as \(expected)", sourceLocation: sourceLocation)
    } catch {
        #expect(error == expected, comment, sourceLocation: sourceLocation)
    }
}
