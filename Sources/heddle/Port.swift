import ArgumentParser

/// `heddle port`: the ports of this host.
struct Port: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Plug this host's interfaces into logical ports.",
        discussion: """
            Speaks to this host's agent, through the socket that HEDDLE_AGENT_SOCKET names \
            (default: /var/lib/heddle/agent/agent.sock).

            EXAMPLES:
              heddle port add vm1 --logical-port ls1-vm1 --netns vm1
              heddle port list --stats
              heddle port stats vm1 --watch
              heddle port capture vm1 -w vm1.pcapng
              heddle port del vm1
            """,
        subcommands: [PortAdd.self, PortDel.self, PortList.self, PortStats.self, PortCaptureCommand.self]
    )
}
