#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rules of the tree that a machine can check.

usage: lint.py [--only CHECK] NAME=FLAGS...

NAME is hv, tool, kit or public: the compiler flags of that part, for the check
that every header compiles alone. Run from the top of the tree.
"""

import concurrent.futures
import re
import subprocess
import sys
from pathlib import Path

from layers import layer_of
from operations import check_operations

TOP = Path(__file__).resolve().parents[2]
C = (".c", ".h")
SOURCE = (".c", ".h", ".S", ".lds", ".py", ".sh", ".mk", ".awk")


def tree():
    """Files that are or could be committed; the compiler's output is not."""
    out = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=TOP,
        capture_output=True, text=True)
    names = out.stdout.split("\0")
    if out.returncode != 0:
        names = [p.relative_to(TOP).as_posix() for p in TOP.rglob("*")]
        names = [n for n in names if not n.startswith((".git/", "build/"))]
    return sorted(n for n in set(names) if n and (TOP / n).is_file())


class Tree:
    def __init__(self, flags):
        self.names = tree()
        self.flags = flags
        self.cache = {}

    def text(self, name):
        if name not in self.cache:
            self.cache[name] = (TOP / name).read_text(errors="replace")
        return self.cache[name]

    def lines(self, name):
        return self.text(name).splitlines()

    def ending(self, *suffixes):
        return [n for n in self.names if n.endswith(suffixes)]

    def scripts(self, pattern):
        """Files by suffix-free first line."""
        return [n for n in self.names
                if (TOP / n).stat().st_mode & 0o111
                and re.match(pattern, self.text(n))]


def run(argv, text=None):
    r = subprocess.run(argv, cwd=TOP, input=text, capture_output=True,
                       text=True)
    return r.returncode, (r.stderr or r.stdout).strip()


def in_parallel(fn, names):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(zip(names, pool.map(fn, names)))


# Each check yields (file, complaint or None).

INCLUDE = re.compile(r'\s*#\s*include\s+(?:<([^>]+)>|"([^"]+)")')


def check_layering(t):
    """Includes follow the arrows of layers.py."""
    for name in t.ending(".c", ".h", ".S"):
        layer = layer_of(name)
        if layer is None:
            yield name, "belongs to no layer of tests/lint/layers.py"
            continue
        bad = []
        for nr, line in enumerate(t.lines(name), 1):
            m = INCLUDE.match(line)
            if not m:
                continue
            what = m.group(1) or m.group(2)
            beside = m.group(2) and (TOP / name).parent.joinpath(what).exists()
            if not (beside and "/" not in what) and not layer.allows(what):
                bad.append(f"line {nr}: may not include {what}")
        yield name, "\n".join(bad)


def part_of(name):
    if name.startswith("include/"):
        return "public"
    if name.startswith("hypervisor/"):
        return "hv"
    if name.startswith(("guest-patches/kit/", "tests/guests/",
                        "tests/bench/")):
        return "kit"
    if name.startswith(("tests/unit/hostarch/", "tests/fuzz/hv_",
                        "tests/model/")):
        return "unit"
    return "tool"


def check_headers(t):
    """Every header compiles alone."""
    for_asm = {h for n in t.ending(".S") for line in t.lines(n)
               if (m := INCLUDE.match(line))
               for h in [m.group(1) or m.group(2)]}
    from_c = {h for n in t.ending(".c", ".h") for line in t.lines(n)
              if (m := INCLUDE.match(line))
              for h in [m.group(1) or m.group(2)]}

    def compile_alone(name):
        flags = t.flags.get(part_of(name))
        if flags is None:
            return f"no flags for part {part_of(name)}"
        where = f"-I{Path(name).parent}"
        ends = {h for h in for_asm if name.endswith("/" + h)}
        asm_only = ends and not any(name.endswith("/" + h) for h in from_c)
        kind = (["-x", "assembler-with-cpp", "-D__ASSEMBLY__", "-E", "-o",
                 "/dev/null"] if asm_only else ["-x", "c", "-fsyntax-only"])
        # As its users name it.
        path = name.split("include/", 1)[-1]
        how = f"<{path}>" if path != name else f'"{name}"'
        rc, err = run(["gcc", *flags, where, *kind, "-"], f"#include {how}\n")
        return err if rc != 0 else ""

    yield from in_parallel(compile_alone, t.ending(".h"))


def check_format(t):
    """clang-format has nothing to change."""
    def formatted(name):
        rc, err = run(["clang-format", "--dry-run", "-Werror", name])
        return err.splitlines()[0] if rc != 0 else ""

    yield from in_parallel(formatted, t.ending(*C))


def check_spdx(t):
    """First line: the license; second, in C: what the file is."""
    wanted = t.ending(*SOURCE) + [n for n in t.names
                                  if Path(n).name in ("Makefile",)]
    for name in wanted + t.scripts("#!"):
        lines = t.lines(name)
        if lines and lines[0].startswith("#!"):
            lines = lines[1:]
        if not lines or "SPDX-License-Identifier: MIT" not in lines[0]:
            yield name, "no SPDX line"
        elif name.endswith(C) and not (len(lines) > 1
                                       and lines[1].startswith("/*")):
            yield name, "no comment that says what the file is"
        else:
            yield name, None


# Spelled so that this file does not contain them.
WORDS = re.compile(r"\b(" + "|".join(["TO" "DO", "FIX" "ME", "X" "XX",
                                      "HA" "CK"]) + r")\b")
PATHS = re.compile("|".join(["/wo" "rk/", "/tmp/br" "ief", r"/ro" r"ot/\.",
                             "/home/[a-z]"]))


def check_words(t):
    """Nothing left for later, no path of one machine."""
    for name in t.names:
        if name.endswith((".patch", ".img", ".gz")):
            continue
        bad = []
        for nr, line in enumerate(t.lines(name), 1):
            for m in [*WORDS.finditer(line), *PATHS.finditer(line)]:
                bad.append(f"line {nr}: {m.group(0)}")
        yield name, "\n".join(bad)


def check_shell(t):
    """Shell scripts parse."""
    for name in sorted({*t.ending(".sh"), *t.scripts(r"#!.*\b(ba)?sh\b")}):
        shell = "bash" if "bash" in t.text(name).split("\n")[0] else "sh"
        rc, err = run([shell, "-n", name])
        yield name, err if rc != 0 else ""


def check_python(t):
    """Python files parse."""
    for name in sorted({*t.ending(".py"), *t.scripts(r"#!.*\bpython")}):
        try:
            compile(t.text(name), name, "exec")
            yield name, None
        except SyntaxError as e:
            yield name, str(e)


# The entry stubs choose by themselves; the second row of thunks is for LFENCE.
MAY_BRANCH = ("stub_syscall", "__x86_indirect_thunk_")


def check_branches(t):
    """
    Compiled code has no indirect branch but through thunks, so that what they
    become is chosen at boot (asm/patch.h). The decoders are gone by then.
    """
    image, = t.flags["image"]
    _, names = run(["nm", image])
    at = {words[2]: int(words[0], 16)
          for words in map(str.split, names.splitlines()) if len(words) == 3}
    _, text = run(["objdump", "-d", "--no-show-raw-insn",
                   f"--start-address={at['text_start']:#x}",
                   f"--stop-address={at['text_end']:#x}", image])
    function, plain = "", []
    for line in text.splitlines():
        if line.endswith(">:"):
            function = line.split("<")[1][:-2]
        elif re.search(r"\b(call|jmp) +\*", line) and \
                not function.startswith(MAY_BRANCH):
            plain.append(f"{function}: {line.strip()}")
    if "syscall64_entry" not in text:
        plain.append("no code was found")
    yield image, "\n".join(["plain indirect branches", *plain]) if plain \
        else None


# A table of functions, indexed by a remainder: table[i % N](...).
REMAINDER = re.compile(r"\w\[[^][]*%[^][]*\]\(")


def check_masks(t):
    """
    No function is called by a remainder: behind a check of the bound the
    compiler leaves it out, and it masks nothing (index_nospec_pow2()).
    """
    for name in t.ending(".c"):
        if name.startswith("hypervisor/"):
            yield name, "\n".join(
                f"line {nr}: {line.strip()}"
                for nr, line in enumerate(t.lines(name), 1)
                if REMAINDER.search(line)) or None


CHECKS = [check_layering, check_headers, check_format, check_spdx,
          check_words, check_masks, check_shell, check_python, check_operations,
          check_branches]


def main(argv):
    only = None
    flags = {}
    for arg in argv:
        if arg.startswith("--only="):
            only = arg.split("=", 1)[1]
        else:
            part, text = arg.split("=", 1)
            flags[part] = text.split()
    t = Tree(flags)
    passed = failed = 0
    for check in CHECKS:
        name = check.__name__.removeprefix("check_")
        if only not in (None, name):
            continue
        results = list(check(t))
        bad = [(f, c) for f, c in results if c]
        for file, complaint in bad:
            head, *rest = complaint.splitlines()
            print(f"FAIL {name}: {file}: {head}")
            for line in rest[:20]:
                print(f"     {line}")
        passed += len(results) - len(bad)
        failed += len(bad)
        print(f"lint: {name}: {len(results) - len(bad)} of {len(results)}")
    results = TOP / "build" / "results"
    results.mkdir(parents=True, exist_ok=True)
    (results / "lint").write_text(f"{passed} {failed}\n")
    print(f"lint: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
