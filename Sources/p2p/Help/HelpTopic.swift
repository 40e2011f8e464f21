/// The help texts that belong to no command. `p2p help TOPIC` prints one of them.
enum HelpTopic: String, CaseIterable {
    case exitCodes = "exit-codes"
    case environment
    case files
    case signals

    var text: String {
        switch self {
        case .exitCodes: Self.exitCodesText
        case .environment: Self.environmentText
        case .files: Self.filesText
        case .signals: Self.signalsText
        }
    }

    private static let exitCodesText = """
        EXIT CODES

          0   success; SIGINT or SIGTERM stopped a server, a peer or a swarm
          1   a check, a part of the self-test or a simulated mesh failed
          64  wrong usage
          65  a malformed key or list of peers
          66  no list of authorized peers
          68  the host name of the server does not exist
          69  not a member in time, or no server or peer runs here
          71  a port is in use, or the system refuses what is needed
          73  a file exists or cannot be created
          74  standard output cannot be written
          75  a lookup failed, a message was not acknowledged, or a running server
              did not read the changed list of peers
          77  no usable key or socket, or the server does not let the key join
          78  a settings file or a P2P_... variable is wrong

        Codes above 1 are those of sysexits.h. A process that a signal ends has 128
        and the number of the signal, such as 130 after a second Ctrl-C.
        """

    private static let environmentText = """
        ENVIRONMENT

          P2P_KEYS         folder of keys, in place of ./keys
          P2P_PASSPHRASE_FILE
                           file with the passphrase of secret keys
          P2P_CONFIG       file of settings, in place of ./p2p.toml
          P2P_SOCKETS      folder of control sockets, the only one that is searched
          P2P_OPTION       an option of 'p2p server' or 'p2p peer', in capitals and
                           with _ for -: P2P_LOG_LEVEL=debug; 'p2p send --as' uses
                           P2P_SERVER, P2P_SERVER_KEY, P2P_GROUP_READABLE_KEY
          NO_COLOR         if not empty, no colors
          TERM             if empty or dumb, no colors and no escape sequences
          COLUMNS          width of the help
          XDG_RUNTIME_DIR  control sockets are in the folder p2p there, unless
                           P2P_SOCKETS is set
          JOURNAL_STREAM   set by systemd: the log has the priorities of the journal
          NOTIFY_SOCKET    set by systemd: the socket for notifications
          WATCHDOG_USEC    set by systemd: the time of its watchdog
          WATCHDOG_PID     set by systemd: the process that it watches

        The command line wins over the environment, and the environment over the file.
        """

    private static let filesText = """
        FILES

          keys/NAME.key           secret key, mode 0600
          keys/NAME.pub           public key: a line NAME p2ppub1_...
          keys/server.key         secret key of the server
          keys/server.pub         public key of the server, which peers pin
          keys/authorized_peers   list of peers that may join: a line for each, as above
          p2p.toml                settings of 'p2p server' and 'p2p peer'
          p2p/server-PORT.sock    control socket of a server, in XDG_RUNTIME_DIR
          p2p/peer-NAME-PORT.sock control socket of a peer, in XDG_RUNTIME_DIR

        The folder of keys is --keys, or else $P2P_KEYS, or else ./keys. Other users
        may not read a secret key, and may write to none of these files. Without
        XDG_RUNTIME_DIR, sockets are in /run/p2p (root) or /tmp/p2p-UID.
        """

    private static let signalsText = """
        SIGNALS

          INT, TERM   server: dismisses all members, unless --state keeps them
                      peer, swarm: leaves the mesh
                      A second one, 100 ms later or more, ends the process at once
          HUP         server: reads authorized_peers again, all or nothing
                      peer, swarm: leaves the mesh and exits with 129, unless it
                      runs under nohup
          QUIT        ends the process at once, without a core file
          USR1        server, peer: logs a summary. Swarm: prints its progress
          PIPE, USR2, XFSZ
                      ignored
        """
}
