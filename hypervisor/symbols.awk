# SPDX-License-Identifier: MIT
# Turns `nm -n` of the image into the assembly source of the symbol table that
# core/symbols.c searches: addresses relative to text_start, ascending, then
# one string per address. No input gives an empty table.

$3 == "init_text_end" {
    done = 1 # nm calls all symbols of that section code, data too
}

!done && $2 ~ /^[tT]$/ && $3 !~ /^\./ && $3 !~ /^(image|text|init|init_text|entry_stub)_(start|end)$/ {
    if ($1 == last)
        next
    last = $1
    n++
    addr[n] = $1
    name[n] = $3
}

END {
    print "    .section .symbols, \"a\", @progbits"
    print "    .balign 8"
    print "    .globl symbol_count, symbol_table, symbol_names"
    print "    .hidden symbol_count, symbol_table, symbol_names"
    print "symbol_count:"
    print "    .long " n + 0
    print "symbol_table:"
    for (i = 1; i <= n; i++)
        print "    .long 0x" substr(addr[i], 9) ", .Ln" i " - symbol_names"
    print "symbol_names:"
    for (i = 1; i <= n; i++)
        print ".Ln" i ": .asciz \"" name[i] "\""
    print "    .section .note.GNU-stack, \"\", @progbits"
}
