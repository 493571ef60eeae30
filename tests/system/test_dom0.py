# SPDX-License-Identifier: MIT
"""dom0 alone under load: disks and network at once, and stress-ng."""

import time

import images
import machine

MIB = 1 << 20
IO_BYTES = 128 * MIB
DISKS = {"virtio": "vda", "ahci": "sda", "nvme": "nvme0n1"}

# The job of one disk: direct writes and reads, so nothing comes from a cache.
DISK_JOB = "stream write {0} {1} {2} && stream check {0} {1} {2}"


def checksums(text):
    return [line.split()[-1] for line in text.split("\n")
            if line.startswith("stream: ") and "checksum" in line]


def start_job(m, name, command):
    m.run(f"( {command}; echo status $? ) > /tmp/{name}.job 2>&1 &")


def wait_job(m, name, timeout):
    """Waits for the end of a job in dom0; returns what it printed."""
    end = time.monotonic() + timeout * machine.PATIENCE
    while m.try_run(f"grep -q '^status' /tmp/{name}.job")[0]:
        if time.monotonic() > end:
            m.fail(f"job {name} still runs after {timeout} s:\n"
                   + m.run(f"cat /tmp/{name}.job"))
        time.sleep(1)
    out = m.run(f"cat /tmp/{name}.job")
    if "status 0" not in out:
        m.fail(f"job {name}:\n{out}")
    return out


def test_disks_and_network(new_machine, tmp_path):
    """128 MiB on each kind of disk while TCP moves 128 MiB each way."""
    disks = tuple((kind, machine.disk_file(tmp_path / kind, 160))
                  for kind in DISKS)
    m = new_machine(smp=2, disks=disks, nic="e1000", machine="q35")
    m.boot()
    m.run(". /usr/lib/trellis/functions; start_uplink")

    peers = [machine.host_command(images.host_tool("stream"), "listen",
                                  port, way, seed, str(IO_BYTES))
             for port, way, seed in (("46101", "recv", "21"),
                                     ("46102", "send", "22"))]
    try:
        for seed, (kind, dev) in enumerate(DISKS.items(), 11):
            start_job(m, kind, DISK_JOB.format("/dev/" + dev, seed, IO_BYTES))
        start_job(m, "up", f"stream connect 10.0.2.2 46101 send 21 {IO_BYTES}")
        start_job(m, "down", f"stream connect 10.0.2.2 46102 recv 22 {IO_BYTES}")
        for kind in DISKS:
            sums = checksums(wait_job(m, kind, 240))
            assert len(sums) == 2 and sums[0] == sums[1], kind
        for name, peer in zip(("up", "down"), peers):
            mine = checksums(wait_job(m, name, 240))
            assert peer.wait(30) == 0
            assert mine and mine == checksums(peer.stdout.read()), name
    finally:
        for peer in peers:
            peer.kill()
    m.finish()


STRESSORS = ("--cpu 2 --vm 2 --vm-bytes 64M --fork 2 --switch 2 --mmap 2 "
             "--mmap-bytes 32M --signal 2 --futex 2 --timer 2 --fault 2")


def stress(m, seconds):
    m.run("for d in dev proc sys; do mount -o bind /$d /srv/stress/$d; done; "
          "mount -t tmpfs tmpfs /srv/stress/tmp")
    out = m.run(f"chroot /srv/stress /usr/bin/stress-ng {STRESSORS} --verify "
                f"--temp-path /tmp --timeout {seconds} --metrics-brief 2>&1",
                timeout=seconds * 2 + 120)
    assert "successful run completed" in out, out
    assert "fail:" not in out, out


def test_stress(new_machine, pytestconfig):
    """Every kind of load on 4 CPUs; 3 minutes with --full, else 20 s."""
    m = new_machine(smp=4, mem=3072, guests=True)
    m.boot()
    stress(m, 180 if pytestconfig.getoption("--full") else 20)
    m.finish()
