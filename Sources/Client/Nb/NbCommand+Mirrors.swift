extension NbCommand {
    /// The verbs about mirrors.
    static let mirrorVerbs: [ControlVerb<NbCommand>] = [
        ControlVerb(
            "mirror-add",
            parameters: "MIRROR TYPE [INDEX] FILTER SINK",
            count: 4...5,
            abstract: "Make a mirror: a place that ports' frames are copied to.",
            details: """
                TYPE is gre or erspan, with the address of a collector as SINK; lport, with a logical
                port of the same host; or local, with the name of a port on that host. FILTER is
                from-lport, to-lport or both. INDEX, of gre and erspan alone, is the key of GRE or the
                index of ERSPAN.
                """,
            examples: [
                "heddle nb mirror-add m1 gre 7 both 192.0.2.9", "heddle nb mirror-add m2 lport from-lport ls1-monitor",
            ]
        ) { words throws(ClientError) in
            let hasIndex = words.arguments.count == 5
            var index: Int64 = 0
            if hasIndex {
                guard let number = Int64(words[2]), (0...Int64(UInt32.max)).contains(number) else {
                    throw .usage("'\(words[2])' is not an index, 0 to \(UInt32.max)")
                }
                index = number
            }
            return .mirrorAdd(
                name: try words.reference(0, of: "mirror"),
                type: words[1],
                index: index,
                filter: words[hasIndex ? 3 : 2],
                sink: words[hasIndex ? 4 : 3]
            )
        },
        ControlVerb(
            "mirror-del",
            options: ["--if-exists"],
            parameters: "MIRROR",
            count: 1...1,
            abstract: "Delete a mirror that no port refers to.",
            examples: ["heddle nb mirror-del m1"]
        ) { words throws(ClientError) in
            .mirrorDel(try words.reference(0, of: "mirror"), ifExists: words.options.contains("--if-exists"))
        },
        ControlVerb("mirror-list", abstract: "List the mirrors.", examples: ["heddle nb mirror-list"]) { _ in
            .mirrorList
        },
        ControlVerb(
            "mirror-rule-add",
            parameters: "MIRROR PRIORITY MATCH ACTION",
            count: 4...4,
            abstract: "Add a rule about which frames a mirror gets.",
            details: """
                Of the rules whose MATCH is true of a frame, that with the highest PRIORITY decides: ACTION
                is mirror or skip. A frame that none is true of is copied.
                """,
            examples: [
                "heddle nb mirror-rule-add m1 200 'tcp.dst == 443' mirror -- mirror-rule-add m1 100 1 skip"
            ]
        ) { words throws(ClientError) in
            .mirrorRuleAdd(
                try words.reference(0, of: "mirror"),
                MirrorRule(priority: try Self.priority(words[1]), match: words[2], action: words[3])
            )
        },
        ControlVerb(
            "mirror-rule-del",
            parameters: "MIRROR [PRIORITY [MATCH]]",
            count: 1...3,
            abstract: "Delete the rules of a mirror, those of a priority, or one.",
            examples: ["heddle nb mirror-rule-del m1", "heddle nb mirror-rule-del m1 200 'tcp.dst == 443'"]
        ) { words throws(ClientError) in
            .mirrorRuleDel(
                try words.reference(0, of: "mirror"),
                priority: words.arguments.count > 1 ? try Self.priority(words[1]) : nil,
                match: words.arguments.count > 2 ? words[2] : nil
            )
        },
        ControlVerb(
            "lsp-attach-mirror",
            options: ["--may-exist"],
            parameters: "PORT MIRROR",
            count: 2...2,
            abstract: "Copy a port's frames to a mirror.",
            examples: ["heddle nb lsp-attach-mirror ls1-vm1 m1"]
        ) { words throws(ClientError) in
            .lspSet(
                try words.reference(0, of: "port"),
                .attachMirror(
                    try words.reference(1, of: "mirror"),
                    mayExist: words.options.contains("--may-exist")
                )
            )
        },
        ControlVerb(
            "lsp-detach-mirror",
            options: ["--if-exists"],
            parameters: "PORT MIRROR",
            count: 2...2,
            abstract: "Copy a port's frames to a mirror no more.",
            examples: ["heddle nb lsp-detach-mirror ls1-vm1 m1"]
        ) { words throws(ClientError) in
            .lspSet(
                try words.reference(0, of: "port"),
                .detachMirror(
                    try words.reference(1, of: "mirror"),
                    ifExists: words.options.contains("--if-exists")
                )
            )
        },
    ]
}
