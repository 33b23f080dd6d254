"""The referee: judges the functions of a notebook that runs in another process.

The notebook's process holds no solution and no answer (labs/rlhf-lab/sealed). It asks here for
inputs, sends back what its function makes of them, and gets a verdict. Messages are JSON; nothing
that comes from there is unpickled or run.
"""

import importlib.util
import json
import threading
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from types import ModuleType

from lab_source import LAB
from torch import Tensor

from rlhf_lab.checks import CheckFailedError, check
from rlhf_lab.checks.catalogue import exercises

MOST_BYTES = 1_000_000
Verdict = tuple[bool, str]


def module_at(path: Path, name: str) -> ModuleType:
    """The module in a file."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


messages = module_at(LAB / "sealed" / "rlhf_lab" / "checks" / "messages.py", "lab_messages")


class NotDefinedError(Exception):
    """The notebook at the other end has no function of this name."""


class Referee:
    """Answers at a socket while it is entered, and remembers the last verdict on each question.

    A hidden question is answered once, with yes or no: else a notebook could ask until it knows.
    """

    def __init__(self, address: Path, hidden: dict, seed: int):
        self.address, self.seed = str(address), seed
        self.known = {"public": exercises, "hidden": hidden}
        self.verdicts: dict[tuple[str, str], Verdict] = {}

    def __enter__(self) -> "Referee":
        self.listener = Listener(self.address, "AF_UNIX")
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with Client(self.address, "AF_UNIX") as connection:
            connection.send_bytes(b"null")
        self.thread.join(timeout=5)
        self.listener.close()

    def listen(self) -> None:
        """Serve one connection after the other until one says null."""
        while True:
            with self.listener.accept() as connection:
                try:
                    asked = json.loads(connection.recv_bytes(MOST_BYTES))
                    if asked is None:
                        return
                    self.serve(connection, asked)
                except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError):
                    continue  # not a question, or nobody there any more: no verdict

    def serve(self, connection: Connection, asked: dict) -> None:
        """Judge one function, and say so."""
        kind, name = asked["kind"], asked["name"]
        exercise = self.known[kind][name]
        if kind == "hidden":
            right, verdict = self.hidden(name, connection)
            self.verdicts[kind, name] = right, verdict
            verdict = f"{name}: {'right' if right else 'not right'}"
        else:
            seed = int(asked["seed"])
            right, verdict = judged(exercise, connection, seed)
            if seed == 0:  # other seeds are a student's own trials
                self.verdicts[kind, name] = right, verdict
        connection.send_bytes(json.dumps({"right": right, "verdict": verdict}).encode())

    def hidden(self, name: str, connection: Connection) -> Verdict:
        """The verdict on a hidden question; whoever asks again gets none."""
        if ("hidden", name) in self.verdicts:
            return False, f"{name}: the notebook itself asked the hidden tests"
        return judged(self.known["hidden"][name], connection, self.seed)


def judged(exercise, connection: Connection, seed: int) -> Verdict:
    """Whether the function at the other end is right, and what is said of it."""

    def far(_: Callable, argument: str) -> Callable:
        return far_function(connection, argument)

    try:
        return True, check(exercise, far_function(connection), seed=seed, differentiated=far)
    except CheckFailedError as refusal:
        if isinstance(refusal.__cause__, NotDefinedError):
            return False, f"{exercise.name}: is not defined: its cell is missing or did not run"
        return False, str(refusal)
    except Exception as error:  # an answer of a kind that cannot even be compared
        return False, f"{exercise.name}: the answer cannot be read ({type(error).__name__})"


def far_function(connection: Connection, gradient_in: str = "") -> Callable:
    """The function at the other end, or its gradient in an argument, to be called here."""

    def function(**given: object) -> object:
        sent = {name: messages.encoded(value) for name, value in given.items()}
        connection.send_bytes(json.dumps({"given": sent, "gradient_in": gradient_in}).encode())
        answer = json.loads(connection.recv_bytes(MOST_BYTES))
        if "missing" in answer:
            raise NotDefinedError
        if "error" in answer:
            kind, text = answer["error"]
            raise type(str(kind), (Exception,), {})(text)
        for name, value in given.items():
            if isinstance(value, Tensor):  # so that a change in place is seen here
                value.copy_(messages.decoded(answer["given"][name]))
        return messages.decoded(answer["got"])

    return function
