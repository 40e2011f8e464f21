/// The arguments of this process, checked before the parser sees them.
enum ProcessArguments {
    /// Checks that all arguments can be read.
    ///
    /// - Throws: `Failure` with exit code 71 if the arguments cannot be read, or with 64 if one is not UTF-8. Swift
    ///   would replace the bytes that are not UTF-8, so a name or a message would differ from the one that the user
    ///   gave.
    static func check() throws {
        // On Linux, Swift reads the arguments from /proc. It finds them only if the environment is still at the address
        // where the kernel put it.
        guard CommandLine.argc > 0 else {
            let text = "the arguments of this process cannot be read"
            throw FileSystem.exists("/proc/self/cmdline")
                ? Failure(
                    .system, "\(text): a preloaded library has moved the environment", hint: "'unset LD_PRELOAD'")
                : Failure(.system, "\(text): there is no /proc", hint: "mount it: 'mount -t proc proc /proc'")
        }
        for index in 1..<max(Int(CommandLine.argc), 1) {
            guard let argument = unsafe CommandLine.unsafeArgv[index] else { return }
            guard unsafe String(validatingCString: argument) == nil else { continue }
            let text = unsafe Console.escaped(String(cString: argument))
            throw Failure(
                .usage, "argument \(index), '\(text)', is not valid UTF-8",
                hint: "names, paths and messages on the command line are UTF-8 text")
        }
    }
}
