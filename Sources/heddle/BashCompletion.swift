/// An addition to the generated script for bash: names have colons, at which bash ends a word.
enum BashCompletion {
    /// The script with completion of such names.
    static func withColons(_ script: String) -> String {
        script.replacing(
            "complete -o filenames -F _heddle heddle",
            with: wholeWords + "\ncomplete -o filenames -F __heddle_whole_words heddle"
        )
    }

    private static let wholeWords = #"""
        # Joins the words that bash has split at colons, completes them, and removes the part before the last colon,
        # which bash keeps.
        __heddle_whole_words() {
            local cur="${COMP_LINE:0:COMP_POINT}"
            cur="${cur##*[[:space:]=]}"
            if [[ "${cur}" != *:* || "${COMP_WORDBREAKS}" != *:* ]]; then
                _heddle "$@"
                return
            fi
            local -a words=()
            local -i index cword=0
            local rest="${COMP_LINE}" word
            for index in "${!COMP_WORDS[@]}"; do
                word="${COMP_WORDS[index]}"
                if ((${#words[@]} > 0)) && [[ "${rest}" != [[:space:]]* ]] &&
                    [[ "${word}" = :* || "${words[-1]}" = *: ]]; then
                    words[-1]+="${word}"
                else
                    words+=("${word}")
                fi
                ((index != COMP_CWORD)) || cword=${#words[@]}-1
                while [[ "${rest}" = [[:space:]]* ]]; do rest="${rest#?}"; done
                rest="${rest#"${word}"}"
            done
            local -a COMP_WORDS=("${words[@]}")
            local -i COMP_CWORD="${cword}"
            _heddle "${1}" "${cur}" "${words[cword > 0 ? cword - 1 : 0]}"
            COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}")
            # Names are no files, whose colons bash would escape.
            compopt +o filenames 2>/dev/null || true
        }

        """#
}
