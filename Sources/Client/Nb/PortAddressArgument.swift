import Wire

/// Addresses that are a word; central says which of them it can do.
private let addressWords: Set<Substring> = ["unknown", "dynamic", "router"]

/// The hint that ovn-nbctl gives for an address that it does not take.
private let addressHint =
    "Hint: An Ethernet address must be listed before an IP address, together as a single argument, "
    + "for example '02:ac:10:ff:00:11 172.16.255.11'"

/// Checks the form of the arguments of `lsp-set-addresses`, so that a typing error costs no request.
///
/// Central has the last word: what is well formed here may still clash with another port there.
func checkedAddresses(_ arguments: [String]) throws(ClientError) -> [String] {
    for argument in arguments {
        let words = argument.split(separator: " ")
        if let first = words.first, addressWords.contains(first) { continue }
        try check(words, of: argument)
    }
    return arguments
}

/// Checks the form of the arguments of `lsp-set-port-security`, so that a typing error costs no request.
func checkedPortSecurity(_ arguments: [String]) throws(ClientError) -> [String] {
    for argument in arguments { try check(argument.split(separator: " "), of: argument) }
    return arguments
}

private func check(_ words: [Substring], of argument: String) throws(ClientError) {
    guard let first = words.first, MACAddress(first) != nil else {
        let fault = words.first.map { "'\($0)' is not an Ethernet address" } ?? "it is empty"
        throw .usage("\(argument): Invalid address format: \(fault). \(addressHint)")
    }
    for word in words.dropFirst() where IPPrefix(word) == nil && word != "dynamic" {
        throw .usage("\(argument): Invalid address format: '\(word)' is not an IP address. \(addressHint)")
    }
}
