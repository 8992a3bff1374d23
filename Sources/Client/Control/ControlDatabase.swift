/// The value of `--db`, as OVN's programs take it.
enum ControlDatabase {
    /// Central's URL: one as it is, or made of `tcp:HOST:PORT`, `ssl:HOST:PORT` or `unix:PATH`.
    static func url(of text: String) throws(ClientError) -> String {
        guard !text.contains(",") else { throw .usage("--db names one central here, since there is only one: \(text)") }
        for (scheme, url) in [("tcp:", "http://"), ("ssl:", "https://")] where text.hasPrefix(scheme) {
            return url + text.dropFirst(scheme.count)
        }
        guard ["unix:", "http://", "https://"].contains(where: text.hasPrefix) else {
            throw .usage("--db is central's northbound URL, such as https://central:6641, not '\(text)'")
        }
        return text
    }
}
