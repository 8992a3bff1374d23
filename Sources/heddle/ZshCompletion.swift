/// An addition to the generated script for zsh: names have colons, after which zsh expects a description.
enum ZshCompletion {
    /// The script with completion of such names.
    static func withColons(_ script: String) -> String {
        script.replacing(listed, with: listed + "\n" + escaped)
    }

    private static let listed = #"    completions=("${(@f)"$("${command_name}" "${@}" "${command_line[@]}")"}")"#
    private static let escaped = #"""
            # The text after a colon would be taken for a description.
            completions=("${(@)completions//:/\\:}")
        """#
}
