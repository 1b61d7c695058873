"""A pseudo-terminal with a program in it, for tests of what people see; the standard library alone.

    from terminal import Terminal, case, main

    @case
    def adds():
        with Terminal("rille") as t:        # a name without '/' is looked up as the program under test (RILLE)
            assert t.run("1 + 1") == "2"    # send a line, give back what is written before the next prompt
            t.send("whi"), t.key("TAB")     # keys: TAB ENTER CTRL-C CTRL-D UP DOWN LEFT RIGHT BACKSPACE ESC …
            t.expect("while")               # a regular expression in what came since the last expect; gives the match

    main()                                  # runs the cases named on the command line, or all; prints N passed, N failed

Text is compared without escape sequences and carriage returns; `t.raw` has everything as it came.  A case runs in an empty
folder of its own, which is also HOME, with a plain environment (environment() adds to it).  Nothing waits longer than
its time-out: a test never hangs.
"""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback

RILLE = os.path.abspath(os.environ["RILLE"]) if "/" in os.environ.get("RILLE", "") else os.environ.get("RILLE", "rille")
SRCDIR = os.environ.get("RILLE_SRCDIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIMEOUT = float(os.environ.get("RILLE_TEST_TIMEOUT", "30"))  # seconds; machines may be busy

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[=>()][A-Za-z0-9]?|[\r\x07\x01\x02]")
KEYS = {"TAB": "\t", "ENTER": "\r", "ESC": "\x1b", "BACKSPACE": "\x7f", "UP": "\x1b[A", "DOWN": "\x1b[B",
        "RIGHT": "\x1b[C", "LEFT": "\x1b[D", "HOME": "\x1b[H", "END": "\x1b[F", "DELETE": "\x1b[3~",
        "PASTE-BEGIN": "\x1b[200~", "PASTE-END": "\x1b[201~"}


def plain(text):
    """`text` without escape sequences, with newlines as they are in files."""
    return ESCAPES.sub("", text)


def environment(**more):
    """A small environment: nothing of the user's but PATH; `more` adds to it, None takes away."""
    values = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": os.getcwd(), "TERM": "xterm", "LC_ALL": "C.UTF-8",
              "INPUTRC": "/dev/null"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
        if name in os.environ:
            values[name] = os.environ[name]
    values.update(more)
    return {name: value for name, value in values.items() if value is not None}


def rille(*arguments, stdin="", timeout=TIMEOUT, cwd=None, **more):
    """Run the program without a terminal: a CompletedProcess with text in stdout and stderr."""
    return subprocess.run([RILLE, *arguments], input=stdin, text=True, capture_output=True, timeout=timeout,
                          cwd=cwd, env=environment(**more), errors="replace")


def has_readline():
    """Is the program linked with readline?"""
    done = subprocess.run(["ldd", RILLE], capture_output=True, text=True, errors="replace")
    return "readline" in done.stdout


class Terminal:
    """A program in a terminal of its own.  Ended by `with`, whatever happens in it."""

    prompt = r"(?m)^> "  # of the program; what run() waits for

    def __init__(self, *command, env=None, columns=100, rows=40, timeout=TIMEOUT):
        words = list(command) or ["rille"]
        if "/" not in words[0]:
            words[0] = RILLE if words[0] == "rille" else shutil.which(words[0]) or words[0]
        self.timeout, self.raw, self.read_to, self.status = timeout, "", 0, None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execve(words[0], words, env if env is not None else environment())
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)

    # -- Reading -----------------------------------------------------------------------------------------

    def _receive(self, seconds):
        """Wait for more output; False if none came or the program has closed the terminal."""
        ready, _, _ = select.select([self.fd], [], [], max(0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)

    @property
    def text(self):
        """All that came since the last expect, without escape sequences."""
        return plain(self.raw)[self.read_to:]

    def expect(self, pattern, timeout=None):
        """Wait for `pattern` (a regular expression) and consume up to its end."""
        limit = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            match = re.search(pattern, self.text)
            if match:
                self.read_to += match.end()
                return match
            if not self._receive(limit - time.monotonic()):
                match = re.search(pattern, self.text)
                assert match, f"no {pattern!r} in what came:\n{self.text}"

    def refuse(self, pattern, seconds=0.3):
        """`pattern` must not be in what came and comes within `seconds`; nothing is consumed."""
        limit = time.monotonic() + seconds
        while self._receive(limit - time.monotonic()):
            pass
        assert not re.search(pattern, self.text), f"{pattern!r} in what came:\n{self.text}"

    # -- Writing -----------------------------------------------------------------------------------------

    def send(self, text):
        """Type `text` as it is."""
        data = text.encode()
        while data:
            data = data[os.write(self.fd, data[:512]):]

    def key(self, *names):
        """Press keys: names of KEYS, or CTRL-x."""
        for name in names:
            self.send(chr(ord(name[-1]) & 31) if name.startswith("CTRL-") else KEYS[name])

    def run(self, line):
        """Type a line at the prompt, waiting for it if need be; what is written before the next, without what was typed."""
        if not re.search("(?:" + self.prompt.replace("(?m)", "") + r"|^>> )\Z", plain(self.raw)[:self.read_to], re.M):
            self.expect(self.prompt)
        self.send(line + "\r")
        self.expect(re.escape(line.split("\n")[-1]) + r" *\n")
        start = self.read_to
        end = self.expect(self.prompt)
        return plain(self.raw)[start:start + end.start()].strip("\n")

    # -- The end -----------------------------------------------------------------------------------------

    def wait(self, timeout=None):
        """Wait for the program to end; its exit status, or minus the signal that killed it."""
        limit = time.monotonic() + (self.timeout if timeout is None else timeout)
        while self.status is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.status = status
                while self._receive(0):
                    pass
            else:
                assert time.monotonic() < limit, f"still running; it wrote:\n{self.text}"
                self._receive(0.05)
        return os.waitstatus_to_exitcode(self.status)


cases = []


def case(function):
    """Mark a function without arguments as a test case; it fails by raising."""
    cases.append(function)
    return function


def _run(function):
    with tempfile.TemporaryDirectory(prefix="rille-tools-") as folder:
        before = os.getcwd()
        os.chdir(folder)
        try:
            function()
            return True
        except Exception:
            print(f"FAILED {os.path.basename(sys.argv[0])} {function.__name__}")
            traceback.print_exc(file=sys.stdout)
            return False
        finally:
            os.chdir(before)


def main():
    """Run the cases that the command line names, or all, print the total and exit."""
    wanted = sys.argv[1:]
    unknown = set(wanted) - {function.__name__ for function in cases}
    if unknown:
        sys.exit(f"no such case: {' '.join(sorted(unknown))}")
    results = [_run(function) for function in cases if not wanted or function.__name__ in wanted]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if all(results) else 1)
