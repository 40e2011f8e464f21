internal import ArgumentParser
internal import SecureMesh

/// The conditions under which a command reads a secret key: the access modes that the key's file may have, and the
/// source of the passphrase.
struct KeyAccess {
    /// True to accept a key file that the group of the file may read.
    var groupMayRead = false
    /// The path of the file that contains the passphrase; nil to ask for the passphrase on the terminal.
    var passphraseFile = Self.fileInEnvironment

    /// The path in the environment variable `P2P_PASSPHRASE_FILE`; nil if the variable is empty or not set.
    static var fileInEnvironment: String? {
        FileSystem.environment("P2P_PASSPHRASE_FILE").flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Reads a secret key. If the key has a passphrase, reads the passphrase from `passphraseFile`. If `passphraseFile`
    /// is nil, asks the user for the passphrase, at most three times.
    ///
    /// - Throws: `KeyFileError` if the key cannot be read from its file; `Failure` if the passphrase cannot be
    ///   obtained.
    func readKey(_ path: String) throws -> SigningKey {
        do throws(KeyFileError) {
            return try SigningKey(contentsOfFile: path, groupMayRead: groupMayRead)
        } catch {
            guard case .invalidKey(.passphraseMissing, _) = error.reason else { throw error }
        }
        for _ in 0..<(passphraseFile == nil ? 2 : 0) {
            let passphrase = try Self.ask("passphrase of \(Console.escaped(path))", Self.needed(path))
            do throws(KeyFileError) {
                return try SigningKey(contentsOfFile: path, groupMayRead: groupMayRead, passphrase: passphrase)
            } catch {
                guard case .invalidKey(.wrongPassphrase, _) = error.reason else { throw error }
                Console.warning("wrong passphrase for \(path), try again")
            }
        }
        let passphrase =
            try passphraseFile.map { try Self.read($0, Self.option, groupMayRead: groupMayRead) }
            ?? Self.ask("passphrase of \(Console.escaped(path))", Self.needed(path))
        return try SigningKey(contentsOfFile: path, groupMayRead: groupMayRead, passphrase: passphrase)
    }

    /// Returns the passphrase for a new key: the content of a file, or a passphrase that the user types twice.
    ///
    /// - Parameters:
    ///   - file: The path of the file with the passphrase; nil to ask on the terminal.
    ///   - option: The option that gives `file`.
    ///   - path: The path of the key's file, which the question names.
    static func newPassphrase(
        file: String?, _ option: String = option, for path: String
    ) throws -> Passphrase {
        if let file { return try read(file, option, groupMayRead: false) }
        let path = Console.escaped(path)
        let need = option == Self.option ? needed(path) : ("a new passphrase for \(path) is needed", option)
        while true {
            let passphrase = try ask("new passphrase of \(path)", need)
            if try ask("the same passphrase again", need).isSame(as: passphrase) { return passphrase }
            Console.warning("the two differ, try again")
        }
    }

    private static let option = "--passphrase-file"

    /// The text that says that the key in a file needs its passphrase, and the options that give the passphrase.
    private static func needed(_ path: String) -> (text: String, option: String) {
        ("\(path) needs a passphrase", "\(option) or P2P_PASSPHRASE_FILE")
    }

    private static func read(_ file: String, _ option: String, groupMayRead: Bool) throws -> Passphrase {
        do throws(KeyFileError) {
            return try Passphrase(contentsOfFile: file, groupMayRead: groupMayRead)
        } catch {
            guard error.reason != .missing else {
                throw Failure(
                    .noPermission, "no passphrase at \(file)", hint: "give the path of its file with \(option)")
            }
            throw KeyStore.failure(error, hint: "the file has the passphrase in its only line")
        }
    }

    private static func ask(_ prompt: String, _ need: (text: String, option: String)) throws -> Passphrase {
        do throws(PassphrasePrompt.Refusal) {
            return try PassphrasePrompt.ask(prompt)
        } catch {
            let reason =
                switch error {
                case .noTerminal: "there is no terminal to ask for it"
                case .inBackground: "a process in the background cannot ask for it"
                case .noLine: "none was typed"
                case .invalid(let error): error.summary
                }
            throw Failure(
                .noPermission, "\(need.text), and \(reason)", hint: "give a file that has it, with \(need.option)")
        }
    }
}

/// The options of every command that runs with a secret key from a file.
struct SecretKeyOptions: ParsableArguments {
    @Flag(help: "Accept a secret key that the groups of its file may read.")
    var groupReadableKey = false

    @Option(
        help: ArgumentHelp(
            "File with the passphrase of the secret key.", valueName: "file",
            default: "$P2P_PASSPHRASE_FILE, or else the terminal"),
        completion: .file())
    var passphraseFile: String?

    func validate() throws { try Parse.checkPath(passphraseFile, "--passphrase-file") }

    var access: KeyAccess {
        KeyAccess(groupMayRead: groupReadableKey, passphraseFile: passphraseFile ?? KeyAccess.fileInEnvironment)
    }
}

/// The options of every command that makes a secret key.
struct NewKeyOptions: ParsableArguments {
    @Flag(help: "Protect the secret key by a passphrase, which the terminal asks for.")
    var passphrase = false

    @Option(
        help: ArgumentHelp("File with the passphrase, instead of the terminal.", valueName: "file"),
        completion: .file())
    var passphraseFile: String?

    func validate() throws { try Parse.checkPath(passphraseFile, "--passphrase-file") }

    /// Returns the passphrase for a new key; nil if the key is to have none.
    ///
    /// - Parameters:
    ///   - path: The path of the key's file.
    ///   - isRequired: True if the key must have a passphrase even if no option requests one.
    func passphrase(for path: String, isRequired: Bool = false) throws -> Passphrase? {
        guard passphrase || passphraseFile != nil || isRequired else { return nil }
        return try KeyAccess.newPassphrase(file: passphraseFile ?? KeyAccess.fileInEnvironment, for: path)
    }
}
