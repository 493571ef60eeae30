# SPDX-License-Identifier: MIT
# Completion of tl's commands, options and domain names for bash.

_tl_domains() {
    tl list 2> /dev/null | awk 'NR > 1 && $2 != 0 { print $1 }'
}

_tl_options() {
    case $1 in
    create) echo "--console --paused --dry-run --quiet --foreground --defconfig= -e" ;;
    list) echo "--long --json --verbose" ;;
    shutdown | reboot) echo "--all --wait -F" ;;
    dmesg) echo "--clear" ;;
    uptime) echo "--short --json" ;;
    info | domid | domname | vcpu-list) echo "--json" ;;
    destroy) echo "-f" ;;
    esac
    echo "--help"
}

_tl() {
    local cur=${COMP_WORDS[COMP_CWORD]} cmd=${COMP_WORDS[1]}
    local commands="create list console shutdown reboot destroy pause unpause
        rename info dmesg domid domname uptime vcpu-list debug-keys store help"

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands --version" -- "$cur")
        return
    fi
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_tl_options "$cmd")" -- "$cur")
        return
    fi
    case $cmd in
    create)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames
        ;;
    help)
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
        ;;
    store)
        [ "$COMP_CWORD" -ne 2 ] ||
            mapfile -t COMPREPLY < <(compgen -W "ls read write rm watch" -- "$cur")
        ;;
    list | console | shutdown | reboot | destroy | pause | unpause | rename | \
        domid | uptime | vcpu-list)
        mapfile -t COMPREPLY < <(compgen -W "$(_tl_domains)" -- "$cur")
        ;;
    esac
}

complete -F _tl tl
