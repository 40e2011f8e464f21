internal import SecureMesh

/// The file that the option `--report` names.
struct ReportFile {
    let path: String

    /// Checks that the file can be written. Call this before a run that may take minutes.
    ///
    /// - Throws: `Failure` with exit code 64 if the path is empty, or with 73 if the file cannot be written.
    func checkWritable() throws {
        guard !path.isEmpty else {
            throw Failure(.usage, "the path after --report is empty", hint: HelpPointer.hint)
        }
        let isWritable =
            switch try? FileSystem.status(of: path).kind {
            case .folder: false
            case .pipe, .other: FileSystem.isWritable(path)
            case .file, nil: FileSystem.isWritable(folder)
            }
        guard isWritable else { throw failure }
        try checkLink()
        guard !KeyFile.holdsSecret(path) else {
            throw Failure(
                .cannotCreate, "\(Console.escaped(path)) is the file of a secret key, and not replaced",
                hint: "give another file for the report")
        }
    }

    /// Throws a `Failure` if the path is a symbolic link that another user has made, for example in /tmp. Through such
    /// a link, that user could choose which file is replaced.
    private func checkLink() throws {
        guard FileSystem.isForeignLink(path) else { return }
        throw Failure(
            .cannotCreate, "\(Console.escaped(path)) is a symbolic link of another user",
            hint: "give another file for the report")
    }

    /// Writes the report to the file, and prints a note.
    ///
    /// - Throws: `Failure` with exit code 73 if the file cannot be written.
    func write(_ page: String) throws {
        try checkLink()
        // A link is followed only here. If the target becomes a link after this line, `FileWriter` refuses it.
        let target = FileSystem.isLink(path) ? FileStatus.resolved(path) ?? path : path
        do throws(SystemError) {
            let status = try? FileSystem.status(of: path)
            if let status, status.kind != .file {
                try FileSystem.writeDirectly(Array(page.utf8), to: path)
            } else {
                try FileWriter.replace(target, Array(page.utf8), mode: 0o644)
            }
        } catch {
            throw error.isFull
                ? Failure(
                    .cannotCreate, "cannot write \(Console.escaped(path)): \(error.text)",
                    hint: "make room, or give a file on another disk")
                : failure
        }
        Console.note("wrote \(Console.escaped(path))")
    }

    private var folder: String { KeyFile.folder(of: FileStatus.resolved(path) ?? path) }

    private var failure: Failure {
        Failure(
            .cannotCreate, "cannot write \(Console.escaped(path))",
            hint: "give a file in an existing folder that this user may write to")
    }
}
