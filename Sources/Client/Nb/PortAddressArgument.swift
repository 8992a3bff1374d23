import NetworkModel

/// The hint that ovn-nbctl gives for an address that it does not take.
private let addressHint =
    "Hint: An Ethernet address must be listed before an IP address, together as a single argument, "
    + "for example '02:ac:10:ff:00:11 172.16.255.11'"

/// Checks the form of the arguments of `lsp-set-addresses` as central does, so that a typing error costs no request.
func checkedAddresses(_ arguments: [String]) throws(ClientError) -> [String] {
    for argument in arguments {
        try check(argument) { () throws(AddressError) in _ = try LogicalAddress(parsing: argument) }
    }
    return arguments
}

/// Checks the form of the arguments of `lsp-set-port-security` as central does.
func checkedPortSecurity(_ arguments: [String]) throws(ClientError) -> [String] {
    for argument in arguments where argument != PortSecurityRule.dynamic {
        try check(argument) { () throws(AddressError) in _ = try PortSecurityRule(parsing: argument) }
    }
    return arguments
}

private func check(_ argument: String, _ parse: () throws(AddressError) -> Void) throws(ClientError) {
    do {
        try parse()
    } catch {
        switch error {
        case .invalid(let clause): throw .usage("\(argument): Invalid address format: \(clause). \(addressHint)")
        case .unsupported(let clause), .tooLong(let clause): throw .usage("\(argument): \(clause)")
        }
    }
}
