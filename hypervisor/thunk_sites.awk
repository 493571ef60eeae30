# SPDX-License-Identifier: MIT
# Turns `readelf -rW` of an image linked with --emit-relocs into the assembly
# source of the table of calls and jumps to indirect-branch thunks (asm/patch.h):
# offsets of the instruction's first byte from image_start, ascending. No input
# gives an empty table.
#
# -v start=ADDRESS: low eight digits of image_start, in hex.

function hex(s,    i, n) {
    n = 0
    for (i = 1; i <= length(s); i++)
        n = n * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
    return n
}

/R_X86_64_(PLT32|PC32)/ && $5 ~ /^__x86_indirect_thunk_/ {
    if (!(($1) in seen)) {
        seen[$1] = 1
        at[++n] = hex(substr($1, 9)) - 1 - hex(start)
    }
}

END {
    print "    .section .init.rodata, \"a\", @progbits"
    print "    .balign 4"
    print "    .globl thunk_sites, thunk_sites_count"
    print "    .hidden thunk_sites, thunk_sites_count"
    print "thunk_sites_count:"
    print "    .long " n + 0
    print "thunk_sites:"
    for (i = 1; i <= n; i++)
        printf "    .long %d\n", at[i]
    print "    .section .note.GNU-stack, \"\", @progbits"
}
