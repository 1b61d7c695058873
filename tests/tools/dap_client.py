"""A scripted client of the Debug Adapter Protocol, for tests of `rille dap`; the standard library alone.

    with Client() as dap:
        dap.launch("prog.lua", breakpoints={"prog.lua": [3, {"line": 5, "condition": "x > 1"}]})
        stop = dap.wait("stopped")
        dap.locals(stop["threadId"])         # {"x": "1", …} of the innermost frame
        dap.request("continue", threadId=stop["threadId"])
        assert dap.finish() == 0             # the program's exit status
"""

import json
import os
import queue
import subprocess
import threading

from terminal import RILLE, TIMEOUT, environment


class Refused(Exception):
    """The answer to a request was no."""


class Client:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([RILLE, "dap", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment())
        self.seq, self.output, self.messages, self.events = 0, {}, queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass

    # -- Messages --------------------------------------------------------------------------------------------

    def _read(self):
        try:
            while True:
                size = 0
                while True:
                    line = self.process.stdout.readline()
                    if not line:
                        raise EOFError
                    if line == b"\r\n":
                        break
                    if line.lower().startswith(b"content-length:"):
                        size = int(line.split(b":")[1])
                self.messages.put(json.loads(self.process.stdout.read(size)))
        except (EOFError, ValueError):
            self.messages.put(None)

    def send_bytes(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, command, **arguments):
        """Send a request; its number."""
        self.seq += 1
        text = json.dumps({"seq": self.seq, "type": "request", "command": command, "arguments": arguments}).encode()
        self.send_bytes(b"Content-Length: %d\r\n\r\n" % len(text) + text)
        return self.seq

    def _next(self):
        message = self.messages.get(timeout=TIMEOUT)
        if message is None:
            raise EOFError(f"the adapter has ended, status {self.process.wait(TIMEOUT)}")
        if message["type"] == "event":
            if message["event"] == "output":
                body = message["body"]
                self.output[body["category"]] = self.output.get(body["category"], "") + body["output"]
            self.events.append(message)
        return message

    def answer(self, seq):
        while True:
            message = self._next()
            if message["type"] == "response" and message["request_seq"] == seq:
                if not message["success"]:
                    raise Refused(message["message"])
                return message.get("body", {})

    def request(self, command, **arguments):
        """Send a request and give back the body of the answer; Refused if it is no."""
        return self.answer(self.send(command, **arguments))

    def refused(self, command, **arguments):
        """The message of a request that must not succeed."""
        try:
            self.request(command, **arguments)
        except Refused as why:
            return str(why)
        raise AssertionError(f"{command} was not refused")

    def wait(self, event):
        """The body of the next such event that was not waited for yet."""
        while True:
            for i, message in enumerate(self.events):
                if message["event"] == event:
                    del self.events[i]
                    return message.get("body", {})
            self._next()

    # -- Sessions --------------------------------------------------------------------------------------------

    def launch(self, program, breakpoints=None, functions=(), filters=("uncaught",), **arguments):
        """Initialize, set breakpoints, launch; the program runs."""
        self.capabilities = self.request("initialize", adapterID="rille")
        self.wait("initialized")
        self.request("launch", program=os.path.abspath(program), **arguments)
        answers = {}
        for path, lines in (breakpoints or {}).items():
            wanted = [line if isinstance(line, dict) else {"line": line} for line in lines]
            answers[path] = self.request("setBreakpoints", source={"path": os.path.abspath(path)}, breakpoints=wanted)
        if functions:
            self.request("setFunctionBreakpoints", breakpoints=[{"name": name} for name in functions])
        self.request("setExceptionBreakpoints", filters=list(filters))
        self.request("configurationDone")
        return answers

    def go(self, command, stop, **arguments):
        """`continue`, `next` …, then the next stop."""
        self.request(command, threadId=stop["threadId"], **arguments)
        return self.wait("stopped")

    def frames(self, thread, **arguments):
        return self.request("stackTrace", threadId=thread, **arguments)["stackFrames"]

    def line(self, stop):
        return self.frames(stop["threadId"], levels=1)[0]["line"]

    def scope(self, thread, name="Locals", level=0):
        """The reference of a scope of a frame."""
        frame = self.frames(thread)[level]["id"]
        for scope in self.request("scopes", frameId=frame)["scopes"]:
            if scope["name"] == name:
                return scope["variablesReference"]
        raise AssertionError(f"there is no scope {name}")

    def variables(self, reference, **arguments):
        return self.request("variables", variablesReference=reference, **arguments)["variables"]

    def locals(self, thread, level=0):
        return {variable["name"]: variable["value"] for variable in self.variables(self.scope(thread, "Locals", level))}

    def evaluate(self, stop, expression, level=0):
        frame = self.frames(stop["threadId"])[level]["id"]
        return self.request("evaluate", expression=expression, frameId=frame)["result"]

    def finish(self):
        """The program ends, and the session; its exit status."""
        status = self.wait("exited")["exitCode"]
        self.wait("terminated")
        self.request("disconnect")
        self.process.wait(timeout=TIMEOUT)
        return status
