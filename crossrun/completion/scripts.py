"""The scripts that teach a shell to complete the words of crossrun."""

_BASH = r"""# completion of crossrun for bash
_crossrun() {
    local current="${COMP_WORDS[COMP_CWORD]}" directive line
    [[ $current == "=" ]] && current=""
    COMPREPLY=()
    {
        read -r directive
        while IFS= read -r line; do COMPREPLY+=("${line%%$'\t'*}"); done
    } < <("$1" __complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    case $directive in
        :files) compopt -o filenames 2>/dev/null
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current") ;;
        :dirs) compopt -o filenames 2>/dev/null
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$current") ;;
    esac
}
complete -o nosort -F _crossrun crossrun 2>/dev/null || complete -F _crossrun crossrun
"""
_ZSH = r"""#compdef crossrun
# completion of crossrun for zsh
_crossrun() {
    local -a answer values shown
    local line
    answer=("${(@f)$("${words[1]}" __complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    for line in "${(@)answer[2,-1]}"; do
        [[ -n $line ]] || continue
        values+=("${line%%$'\t'*}")
        if [[ -n "${line#*$'\t'}" ]]; then
            shown+=("${(r:14:)${line%%$'\t'*}}  ${line#*$'\t'}")
        else
            shown+=("${line%%$'\t'*}")
        fi
    done
    (( $#values )) && compadd -l -V crossrun -d shown -a -- values
    case $answer[1] in
        :files) _files ;;
        :dirs) _files -/ ;;
    esac
}
if [[ $funcstack[1] == _crossrun ]]; then _crossrun "$@"; else compdef _crossrun crossrun; fi
"""
_FISH = r"""# completion of crossrun for fish
function __crossrun_complete
    set -l current (commandline -ct)
    set -l words (commandline -opc) "$current"
    set -l answer ($words[1] __complete fish $words[2..-1] 2>/dev/null)
    switch "$answer[1]"
        case :files
            __fish_complete_path "$current"
        case :dirs
            __fish_complete_directories "$current" ''
    end
    test (count $answer) -gt 1; and printf '%s\n' $answer[2..-1]
end
complete -c crossrun -f -k -a '(__crossrun_complete)'
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
"""By shell."""
