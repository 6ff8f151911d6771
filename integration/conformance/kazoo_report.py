"""A pytest plugin: writes a line PASS|FAIL|SKIP NAME SECONDS per test to $CONFORMANCE_RESULT as soon as it has ended, and the
text of failures to a file beside it; leaves out the tests whose names $CONFORMANCE_OMIT lists."""
import os

RESULT = os.environ["CONFORMANCE_RESULT"]
tests = {}  # name: [outcome, seconds]


def name(nodeid):
    return nodeid.rsplit("/", 1)[-1].replace(".py::", ".").replace("::", ".").replace(" ", "_")


def append(path, text):
    with open(path, "a") as f:
        f.write(text)


def pytest_collection_modifyitems(config, items):
    with open(os.environ["CONFORMANCE_OMIT"]) as f:
        omitted = set(f.read().split())
    config.hook.pytest_deselected(items=[i for i in items if name(i.nodeid) in omitted])
    items[:] = [i for i in items if name(i.nodeid) not in omitted]


def pytest_collectreport(report):
    if report.failed:
        append(RESULT, "FAIL %s (import)\n" % name(report.nodeid))
        append(RESULT + ".details", "=== %s\n%s\n" % (report.nodeid, report.longrepr))


def pytest_runtest_logreport(report):
    test = tests.setdefault(name(report.nodeid), ["PASS", 0.0])
    test[1] += report.duration
    if report.failed:
        test[0] = "FAIL"
        append(RESULT + ".details", "=== %s, %s\n%s\n" % (report.nodeid, report.when, report.longreprtext[-2000:]))
    elif report.skipped and test[0] == "PASS":
        test[0] = "SKIP"
    if report.when == "teardown":
        append(RESULT, "%s %s %.1fs\n" % (test[0], name(report.nodeid), test[1]))
