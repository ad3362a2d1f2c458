"""Runs a batch of changed copies of a project against its tests, each in a forked child, in a private candidate.

Reads job.json beside itself, writes one JSON line per result to out.jsonl beside itself. Each test runs under a limit
of CPU time of its own, so a change that loops for ever costs little and hides nothing.
"""
import gc
import io
import json
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.getcwd()
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != HERE]
sys.path.insert(0, ROOT)

with open(os.path.join(HERE, "job.json"), encoding="utf-8") as f:
    JOB = json.load(f)
OUT = open(os.path.join(HERE, "out.jsonl"), "w", encoding="utf-8")
LIMIT = float(JOB.get("test_cpu_s", 2.0))
# Once a test has hung, the next ones of the same baseline get less: most hang for the same reason.
HANGS_AGAIN_S = 0.5
PYTEST = JOB["runner"] == "pytest"
ARGS = JOB.get("args") or []
TARGETS = [a for a in ARGS if not a.startswith("-")]
PLAIN = JOB["runner"] == "unittest" and any(a.endswith(".py") for a in ARGS)
if PYTEST:
    try:
        import pytest  # noqa: E402  loaded once, before the forks
    except ImportError:
        # Functions with plain assertions need no runner.
        PYTEST, PLAIN = False, True
if PYTEST:
    sys.stdout, kept_out = io.StringIO(), sys.stdout
    pytest.main(["-q", "-p", "no:cacheprovider", "-o", "addopts=", "--rootdir", HERE, HERE])
    sys.stdout = kept_out
else:
    import unittest  # noqa: E402
pytest_hook = pytest.hookimpl if PYTEST else lambda **_: lambda function: function


STOP_AT_HANG = JOB["mode"] != "baseline"


class Hang(BaseException):
    """A test used more CPU time than it was given."""


def on_alarm(_signal, _frame):
    if STOP_AT_HANG:
        # A change that hangs is not the repair: the rest of its tests would only cost time.
        os._exit(3)
    global LIMIT
    used, LIMIT = LIMIT, min(LIMIT, HANGS_AGAIN_S)
    raise Hang("took longer than %.1f s of CPU time" % used)


def arm():
    signal.signal(signal.SIGVTALRM, on_alarm)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT, 0.1)


def disarm():
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)


class Tracer:
    """Which lines of the project each test runs."""

    def __init__(self):
        self.hits = {}
        self.known = {}

    def path(self, name):
        if name not in self.known:
            full = os.path.abspath(name)
            inside = not name.startswith("<") and full.startswith(ROOT + os.sep) and "site-packages" not in full and not full.startswith(HERE)
            self.known[name] = os.path.relpath(full, ROOT).replace(os.sep, "/") if inside else None
        return self.known[name]

    def calls(self, frame, _event, _arg):
        path = self.path(frame.f_code.co_filename)
        if path is None:
            return None
        lines = self.hits.setdefault(path, set())

        def local(inner, event, _):
            if event == "line":
                lines.add(inner.f_lineno)
            return local

        return local

    def start(self):
        self.hits = {}
        sys.settrace(self.calls)

    def stop(self):
        sys.settrace(None)
        return {path: sorted(lines) for path, lines in self.hits.items()}


TRACER = Tracer() if JOB["mode"] == "baseline" else None


def frames_of(tb):
    out = []
    while tb is not None:
        path = os.path.abspath(tb.tb_frame.f_code.co_filename)
        if path.startswith(ROOT + os.sep) and not path.startswith(HERE):
            out.append([os.path.relpath(path, ROOT).replace(os.sep, "/"), tb.tb_lineno, tb.tb_frame.f_code.co_name])
        tb = tb.tb_next
    return out[:5] + out[-25:] if len(out) > 30 else out


def words(value):
    try:
        return ("%s: %s" % (type(value).__name__, value))[:2000]
    except Exception:
        return type(value).__name__


class Report:
    """Collects cases and sends each to the parent the moment it ends."""

    def __init__(self, pipe):
        self.pipe = pipe

    def case(self, name, status, value=None, tb=None, ms=0, lines=None):
        record = {"case": name, "status": status, "ms": ms}
        if value is not None:
            record["message"] = words(value)
            record["frames"] = frames_of(tb)
        if lines is not None:
            record["lines"] = lines
        os.write(self.pipe, (json.dumps(record) + "\n").encode("utf-8", "backslashreplace"))


def run_unittest(report, names):
    class Result(unittest.TestResult):
        def startTest(self, test):
            super().startTest(test)
            self.bad = None
            self.skipped_one = False
            self.began = time.process_time()
            if TRACER:
                TRACER.start()
            arm()

        def stopTest(self, test):
            disarm()
            lines = TRACER.stop() if TRACER else None
            ms = int((time.process_time() - self.began) * 1000)
            if self.bad:
                report.case(test.id(), "failed", self.bad[1], self.bad[2], ms, lines)
            elif not self.skipped_one:
                report.case(test.id(), "passed", ms=ms, lines=lines)
            super().stopTest(test)

        def addError(self, test, err):
            disarm()
            if hasattr(test, "_testMethodName") and getattr(self, "began", None) is not None:
                self.bad = self.bad or err
            if not hasattr(self, "began") or type(test).__name__ == "_ErrorHolder":
                report.case(test.id(), "failed", err[1], err[2])

        def addFailure(self, test, err):
            disarm()
            self.bad = self.bad or err

        def addSubTest(self, test, subtest, err):
            if err is not None:
                self.bad = self.bad or err

        def addSkip(self, test, reason):
            self.skipped_one = True

        def addExpectedFailure(self, test, err):
            pass

        def addUnexpectedSuccess(self, test):
            self.bad = self.bad or (None, AssertionError("unexpected success"), None)

    suite = load_plain(names, report) if PLAIN else load_unittest(names)
    result = Result()

    def guarded(one):
        try:
            one.run(result)
        except Hang as hang:
            disarm()
            report.case(one.id(), "failed", hang, hang.__traceback__)
            if TRACER:
                TRACER.stop()

    def each(one):
        return [t for part in one for t in each(part)] if isinstance(one, unittest.TestSuite) else [one]

    plain = all(not hasattr(type(t), "setUpClass") or type(t).setUpClass.__func__ is unittest.TestCase.setUpClass.__func__ for t in each(suite))
    if plain:
        for one in each(suite):
            guarded(one)
    else:
        suite.run(result)


def needs_nothing(function):
    import inspect
    try:
        needed = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in needed)


def test_modules():
    """Names of the modules with tests: the ones the command names, or by their names."""
    named = [a for a in TARGETS if a.endswith(".py")]
    if not named:
        for folder, folders, files in os.walk("."):
            folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in ("node_modules", "venv", "__pycache__"))
            named += [os.path.join(folder, f) for f in sorted(files) if f.endswith(".py") and (f.startswith("test") or f.endswith("_test.py"))]
    for path in named:
        path = os.path.relpath(path, ".")
        package = os.path.dirname(path)
        while package and os.path.exists(os.path.join(package, "__init__.py")):
            package = os.path.dirname(package)
        yield package, os.path.relpath(path, package or ".")[:-3].replace(os.sep, ".")


def load_plain(names, report):
    """Test functions and classes as pytest would find them, without its fixtures; and test cases."""
    import importlib
    suite = unittest.TestSuite()

    def add(ident, call, before=None, after=None):
        case = unittest.FunctionTestCase(call, before, after)
        case.id = lambda: ident
        suite.addTest(case)

    for package, name in test_modules():
        if package and os.path.abspath(package) not in sys.path:
            sys.path.insert(0, os.path.abspath(package))
        lines = None
        try:
            if TRACER:
                TRACER.start()
            arm()
            module = importlib.import_module(name)
        except BaseException as error:
            disarm()
            report.case(name, "failed", error, error.__traceback__, lines=TRACER.stop() if TRACER else None)
            continue
        finally:
            disarm()
            if TRACER and sys.gettrace():
                lines = TRACER.stop()
        count = suite.countTestCases()
        suite.addTests(unittest.TestLoader().loadTestsFromModule(module))
        for word, thing in list(vars(module).items()):
            if isinstance(thing, type) and word.startswith("Test") and not issubclass(thing, unittest.TestCase):
                for inner in [w for w in dir(thing) if w.startswith("test") and callable(getattr(thing, w))]:
                    one = thing()
                    around = [getattr(one, w, None) for w in ("setup_method", "teardown_method")]
                    around = [a if a is None or needs_nothing(a) else (lambda a=a: a(None)) for a in around]
                    if needs_nothing(getattr(one, inner)):
                        add("%s.%s.%s" % (name, word, inner), getattr(one, inner), *around)
            elif word.startswith("test") and hasattr(thing, "__code__") and needs_nothing(thing):
                add("%s.%s" % (name, word), thing)
        if suite.countTestCases() == count:
            # A script of bare assertions: that it ran to its end is its one case.
            report.case(name, "passed", lines=lines)
    return pick(suite, names)


def load_unittest(names):
    loader = unittest.TestLoader()
    if names:
        try:
            suite = loader.loadTestsFromNames(names)
            if not loader.errors:
                return suite
        except Exception:
            pass
    args = list(ARGS)
    if args and args[0] == "discover":
        args = args[1:]
    elif [a for a in args if not a.startswith("-")]:
        named = [a[:-3].replace("/", ".") if a.endswith(".py") else a for a in args if not a.startswith("-")]
        return pick(loader.loadTestsFromNames(named), names)
    options = {"-s": ".", "-p": "test*.py", "-t": None}
    at = 0
    rest = ["-s", "-p", "-t"]
    while at < len(args):
        word = {"--start-directory": "-s", "--pattern": "-p", "--top-level-directory": "-t"}.get(args[at], args[at])
        if word in options and at + 1 < len(args):
            options[word] = args[at + 1]
            at += 1
        elif not word.startswith("-"):
            options[rest.pop(0)] = word
        at += 1
    return pick(loader.discover(options["-s"], options["-p"], options["-t"]), names)


def pick(suite, names):
    if not names:
        return suite
    wanted = set(names)
    chosen = unittest.TestSuite()

    def walk(one):
        if isinstance(one, unittest.TestSuite):
            for part in one:
                walk(part)
        elif one.id() in wanted:
            chosen.addTest(one)

    walk(suite)
    return chosen


def import_mode():
    """Of the options a project always sets only how tests are imported matters here; others cost time or print."""
    import re
    for name in ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"):
        try:
            with open(name, encoding="utf-8") as f:
                found = re.search(r"addopts.*?--import-mode[= ]+([a-z]+)", f.read(), re.S)
        except (OSError, UnicodeDecodeError):
            continue
        if found:
            return ["--import-mode=" + found.group(1)]
    return []


class Plugin:
    """Reports each pytest case; where it is given a way to serve, it forks a child for each change before collecting."""

    def __init__(self, report, serve=None):
        self.report = report
        self.serve = serve

    @pytest_hook(tryfirst=True)
    def pytest_collection(self, session):
        if self.serve:
            self.report = self.serve(session.config)

    @pytest_hook(hookwrapper=True)
    def pytest_runtest_protocol(self, item, nextitem):
        self.bad = None
        self.skipped = False
        self.began = time.process_time()
        if TRACER:
            TRACER.start()
        arm()
        yield
        disarm()
        lines = TRACER.stop() if TRACER else None
        ms = int((time.process_time() - self.began) * 1000)
        if self.bad:
            self.report.case(item.nodeid, "failed", self.bad[0], self.bad[1], ms, lines)
        elif not self.skipped:
            self.report.case(item.nodeid, "passed", ms=ms, lines=lines)

    @pytest_hook(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        result = outcome.get_result()
        if result.outcome == "failed" and call.excinfo is not None:
            disarm()
            self.bad = self.bad or (call.excinfo.value, call.excinfo.tb)
        elif result.outcome == "failed":
            self.bad = self.bad or (AssertionError(str(result.longrepr)), None)
        elif result.outcome == "skipped":
            self.skipped = True

    def pytest_collectreport(self, report):
        if report.outcome == "failed":
            self.report.case(report.nodeid, "failed", ImportError(str(report.longrepr)[-1500:]))


def run_pytest(plugin, names):
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly", "--continue-on-collection-errors"]
    # What costs time and says nothing about a change: rewritten assertions, captured output, collecting garbage.
    for name in ("unraisableexception", "threadexception", "faulthandler", "junitxml", "pastebin", "stepwise", "doctest"):
        options += ["-p", "no:" + name]
    if JOB["mode"] != "baseline":
        options += ["--assert=plain", "-s"]
    options += ["-o", "addopts="] + [a for a in ARGS if a.startswith("-")] + import_mode()
    pytest.main(options + (names or TARGETS), plugins=[plugin])


def loaded():
    """Files whose code is in this process already: a forked child would not see a change in them."""
    files = [getattr(m, "__file__", None) for m in list(sys.modules.values())]
    return {os.path.realpath(f) for f in files if isinstance(f, str)}


class Serving(BaseException):
    """Raised in a forked child that goes on where its parent's pytest stands."""


def serve(config):
    """Tries every change in a child of this process, whose pytest is ready to collect; only a child returns."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    gc.collect()
    gc.freeze()
    stale = loaded()

    def start(mutant):
        return not stale.intersection(os.path.realpath(path) for path in mutant["files"])

    try:
        attempt_all(start)
    except Serving as serving:
        report, names = serving.args
        config.args = list(names) or config.args
        return report
    OUT.flush()
    os._exit(0)


def served():
    """Starts pytest once for all changes; returns when it does not come to the point of collecting."""
    parent = os.getpid()
    plugin = Plugin(None, serve)

    def too_long(_signal, _frame):
        raise Hang("pytest did not start")

    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, float(JOB.get("wall_s", 30)))
    kept = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = io.StringIO()
    try:
        run_pytest(plugin, [])
    except BaseException as error:
        if os.getpid() != parent:
            plugin.report.case("<run>", "failed", error, error.__traceback__)
    if os.getpid() != parent:
        os._exit(0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    sys.stdout, sys.stderr = kept


def forget_modules():
    """What this process has of the project's modules, which may be another text by now."""
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and name != "__main__" and os.path.abspath(path).startswith(ROOT + os.sep) and "site-packages" not in path:
            del sys.modules[name]


def bounded(pipe):
    """What a child may use; gives where it reports to."""
    os.setpgid(0, 0)
    quiet = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(quiet, fd)
    sys.stdout = sys.stderr = io.StringIO()
    try:
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        seconds = int(JOB.get("child_cpu_s", 20))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    except Exception:
        pass
    return Report(pipe)


def child(pipe, names):
    report = bounded(pipe)
    forget_modules()
    try:
        if PYTEST:
            run_pytest(Plugin(report), names)
        else:
            run_unittest(report, names)
    except BaseException as error:
        report.case("<run>", "failed", error, error.__traceback__)
    os._exit(0)


def run(names, wall_s, serving=False):
    """Runs the named tests (all when empty) in a child; gives the records and whether it came to its end."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        if serving:
            raise Serving(bounded(writer), names)
        child(writer, names)
    os.close(writer)
    import select
    chunks = []
    deadline = time.monotonic() + wall_s
    done = False
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        ready, _, _ = select.select([reader], [], [], left)
        if not ready:
            break
        data = os.read(reader, 1 << 16)
        if not data:
            done = True
            break
        chunks.append(data)
    os.close(reader)
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
    _, status = os.waitpid(pid, 0)
    records = []
    for line in b"".join(chunks).split(b"\n"):
        try:
            records.append(json.loads(line))
        except ValueError:
            pass
    return records, done and (os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0)


def send(record):
    OUT.write(json.dumps(record) + "\n")
    OUT.flush()


def forget_bytecode():
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in (".git", "node_modules", ".venv", "venv", ".tox", "target")]
        if os.path.basename(folder) == "__pycache__":
            for name in files:
                try:
                    os.remove(os.path.join(folder, name))
                except OSError:
                    pass


def main():
    forget_bytecode()
    gc.collect()
    gc.freeze()
    wall = float(JOB.get("wall_s", 30))
    if JOB["mode"] == "baseline":
        records, ended = run([], wall)
        for record in records:
            send(record)
        send({"end": ended})
        return
    if PYTEST:
        served()
    attempt_all(lambda _: False)


def attempt_all(serving):
    """Tries each change that can be served where pytest stands, or with a start of its own."""
    focus = JOB["focus"]
    wall = float(JOB.get("wall_s", 30))
    until = time.monotonic() + float(JOB.get("batch_s", 60))
    # Once a change makes everything pass only a few more are of interest: the list has the likely ones first.
    left = len(JOB["mutants"])
    for mutant in JOB["mutants"]:
        if time.monotonic() > until or left <= 0:
            break
        left -= 1
        here = serving(mutant)
        kept = {}
        for path, text in mutant["files"].items():
            with open(path, "rb") as f:
                kept[path] = f.read()
            with open(path, "wb") as f:
                f.write(text.encode("utf-8"))
        try:
            records, _ = run(focus, wall, here)
            passed = [r["case"] for r in records if r["status"] == "passed"]
            result = {"mutant": mutant["id"], "passed": passed}
            if passed:
                whole, ended = run([], wall * 2, here)
                result["whole"] = {
                    "passed": [r["case"] for r in whole if r["status"] == "passed"],
                    "failed": [r["case"] for r in whole if r["status"] == "failed"],
                    "ended": ended,
                }
                if ended and whole and not result["whole"]["failed"]:
                    left = min(left, int(JOB.get("grace", 12)))
            send(result)
        except Serving:
            # The child needs the changed text; its parent puts the old one back.
            kept = {}
            raise
        finally:
            for path, data in kept.items():
                with open(path, "wb") as f:
                    f.write(data)


main()
