# SPDX-License-Identifier: MIT
"""Options and fixtures of the system tests."""

import os

import pytest

import images
import machine


def pytest_addoption(parser):
    parser.addoption("--hv", default="trellis",
                     help="trellis, debug or ubsan (builds of it) or xen")
    parser.addoption("--full", action="store_true",
                     help="everything, hours, not only the core subset")
    parser.addoption("--matrix", default="", choices=["", "core", "pairs",
                                                      "all"],
                     help="boot combinations: a few, all pairs, every one")
    parser.addoption("--cycles", type=int, default=0,
                     help="life cycles of the leak test (3, full: 50)")
    parser.addoption("--record", action="store_true",
                     help="with --hv xen: keep its answers to Debian's tools")
    parser.addoption("--counts", help="write 'passed failed' to this file")


def pytest_configure(config):
    config.addinivalue_line("markers", "full: only with --full")
    config.addinivalue_line("markers", "ours_only(reason): states something "
                            "of our own hypervisor: not for Debian's")


class Failures:
    """Says which test failed, and how, when it did: a run takes hours."""

    def __init__(self, reporter):
        self.reporter = reporter

    def pytest_runtest_logreport(self, report):
        if not report.failed:
            return
        lines = [line[1:].strip() for line in report.longreprtext.splitlines()
                 if line.startswith("E ")]
        self.reporter.ensure_newline()
        self.reporter.write_line(f"FAILED {report.nodeid}: "
                                 f"{lines[0] if lines else report.when}")


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session):
    plugins = session.config.pluginmanager
    if not hasattr(session.config, "workerinput"):
        plugins.register(Failures(plugins.get_plugin("terminalreporter")))


# What --hv xen leaves out: name of the test to the reason.
left_out = {}


@pytest.hookimpl(trylast=True)  # after -k
def pytest_collection_modifyitems(config, items):
    for item in items:
        if "full" in item.keywords and not config.getoption("--full"):
            item.add_marker(pytest.mark.skip(reason="only with --full"))
        if "hosts" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("guests"))
    if config.getoption("--hv") == "xen":
        leave_out(config, items)


def leave_out(config, items):
    """Deselects what our own hypervisor only can be asked, and notes why."""
    ours = [i for i in items if i.get_closest_marker("ours_only")]
    for item in ours:
        reason, = item.get_closest_marker("ours_only").args
        left_out[item.nodeid.split("/")[-1]] = reason
    items[:] = [i for i in items if i not in ours]
    config.hook.pytest_deselected(items=ours)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """With pytest-xdist only the workers know the tests."""
    left_out.update(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter):
    if not left_out:
        return
    terminalreporter.section(f"ours only, not asked of Debian's Xen: "
                             f"{len(left_out)} tests")
    for name, reason in sorted(left_out.items()):
        terminalreporter.line(f"{name}: {reason}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Lets fixtures see whether the test itself failed."""
    outcome = yield
    if call.when == "call":
        item.failed = outcome.get_result().failed


@pytest.fixture(scope="session")
def hv(pytestconfig):
    return pytestconfig.getoption("--hv")


@pytest.fixture
def new_machine(request, hv):
    """Makes machines that are gone at the end of the test."""
    made = []

    def make(name=None, **options):
        options.setdefault("hv", hv)
        name = name or request.node.name
        if options["hv"] != "trellis":
            name = f"{options['hv']}-{name}"
        made.append(machine.Machine(name, **options))
        return made[-1]

    yield make
    for m in made:
        m.kill()


def pytest_sessionfinish(session):
    """Leaves the counts for tests/run-all.sh."""
    path = session.config.getoption("--counts")
    if hasattr(session.config, "workerinput"):
        session.config.workeroutput["left_out"] = left_out
        return
    if not path:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    stats = reporter.stats
    passed = len(stats.get("passed", []))
    failed = len(stats.get("failed", [])) + len(stats.get("error", []))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{passed} {failed}\n")


def pytest_report_header(config):
    return f"hypervisor: {config.getoption('--hv')}, logs: {images.LOGS}"
