# SPDX-License-Identifier: MIT
"""Debian's tools and ours on one machine: the guest of one is a guest to the
other. Nothing here is recorded: what has to hold is in the test."""

import pytest

import guest
from test_clients import (DISK_AND_CARD, LOGS, ROOT, lives,  # noqa: F401
                          new_script, script, started, write_config)

DEBIANS = pytest.mark.parametrize("script", ["c", "ocaml"], indirect=True)

# A guest that waits is also blocked until its next event.
PAUSED = "grep -q -- '-[b-]p---'"


def same_list(m):
    """Both tools tell the same of each domain: name, number, memory, vcpus."""
    xl, tl = (m.run(f"{tool} list | awk '{{ print $1, $2, $3, $4 }}'")
              for tool in ("xl", "tl"))
    assert xl == tl and len(xl.splitlines()) > 2, (xl, tl)


@pytest.mark.full
@DEBIANS
def test_tl_beside_debians_store(script):  # noqa: F811
    """tl with Debian's xenstored and xenconsoled: a guest's whole life; xl
    sees it too."""
    m = script.m
    g = guest.Guest(m, "g1", vcpus=2)
    g.logs = LOGS
    g.create()
    m.run("xl vcpu-list g1 && tl list -l g1")
    same_list(m)
    assert g.run("nproc") == "2"
    g.run("ping -c 3 192.168.77.1")
    m.run(f"tl pause g1 && xl list g1 | {PAUSED} && tl unpause g1")
    g.run("true")
    m.run("tl rename g1 other && xl domid other && xl rename other g1")
    g.reboot()
    assert g.run("nproc") == "2"
    # xl lists devices of a tree of its own; what counts is their state.
    m.run("for d in vif/$(xl domid g1)/0 vbd/$(xl domid g1)/51712; do "
          "xenstore-read /local/domain/0/backend/$d/state; done | grep -c 4 | "
          "grep -q 2")
    g.shutdown()
    m.run("! xl domid g1 2> /dev/null")
    g.create()
    m.run("xl shutdown g1")
    g.wait_gone()
    g.create()
    m.run("xl destroy g1")
    g.wait_gone()
    for left in ("xenstore-ls -f /local/domain/0/backend | grep frontend",
                 "losetup -a | grep g1.img", "xenstore-ls /tool/trellis/name | "
                 "grep =", "xenstore-ls /tool/trellis/disk | grep g1",
                 "ls /run/trellis/dom", "ls /sys/class/net | grep vif"):
        script.until(f"! {left} | grep .", 30)
    m.finish()


@pytest.mark.full
@pytest.mark.parametrize("script", ["c", "trellis"], indirect=True)
def test_tl_and_a_guest_of_xl(script):  # noqa: F811
    """A guest that xl made, operated by tl."""
    s, m = script, script.m
    m.run("losetup /dev/loop6 /srv/g1.img")
    write_config(s, "d1", ROOT, DISK_AND_CARD)
    m.run("xl create /tmp/d1.cfg")
    lives(s, "d1")
    m.run("tl list -l d1 && tl vcpu-list d1 && tl uptime d1 && tl info")
    same_list(m)
    s.console("tl console d1", "echo got $((40 + 2))", "got 42")
    m.run(f"tl pause d1 && xl list d1 | {PAUSED} && tl unpause d1")
    m.run("tl rename d1 d2 && xl domid d2 && tl rename d2 d1")
    m.run("tl reboot d1")
    lives(s, "d1", 2)
    m.run("tl shutdown -w d1", 120)
    s.until("! xl domid d1 2> /dev/null")  # xl takes it away by itself
    started(s, "p1")
    m.run("tl destroy p1")
    s.until("! xl domid p1 2> /dev/null")
    m.run("xl list && tl list")
    m.finish()
