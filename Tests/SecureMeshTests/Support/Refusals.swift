import SecureMesh
import Testing

/// Checks that `body` throws the rejection `expected`.
func expectRefusal<Value>(
    _ expected: Rejection, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws(Rejection) -> Value
) {
    let error = thrownError(body)
    #expect(error == expected, comment, sourceLocation: sourceLocation)
}
