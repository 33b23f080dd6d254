"""The processes of the benchmark: one for each job, or one that waits for turns at a GPU."""

import json
import os
import subprocess
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
ANSWER = "answer: "
LONGEST = 180.0  # seconds that a turn may take, the start of its process included
LAST = 2000  # characters of an error that are shown


def command(job: dict, given: Namespace) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of a job.

    A loss is computed on the CPU, whatever is timed; its process sees no GPU.
    """
    device = "cpu" if job["do"] == "value" else given.device
    job = {"size": given.size, "threads": given.threads, "device": device} | job
    path = [str(ROOT), str(ROOT / "tools")]
    if job.get("side") == "peer" and job["workload"] == "ppo":
        path.insert(0, str(given.peer_ppo))
    path += [entry for entry in (os.environ.get("PYTHONPATH"),) if entry]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path),
        "OMP_NUM_THREADS": str(given.threads),
        "HF_HUB_OFFLINE": "1",
    }
    if device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return [str(given.python), "-m", "benchmarking.worker", json.dumps(job)], environment


def worker(job: dict, given: Namespace) -> dict:
    """What one fresh process finds. RuntimeError with its last lines where it fails."""
    line, environment = command(job, given)
    done = subprocess.run(line, env=environment, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{job} failed:\n{done.stderr[-LAST:]}")
    return json.loads(done.stdout.splitlines()[-1])


class Waiting:
    """A process that makes itself ready at once, and works only in its turns.

    A mode that is asked for before it is ready waits for it; so nobody has to ask.
    """

    def __init__(self, line: Sequence[str], environment: dict[str, str], errors: IO[str]):
        self.errors = errors
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
        self.process = subprocess.Popen(line, env=environment, text=True, cwd=ROOT, **pipes)

    def turn(self, mode: str, *, limit: float = LONGEST) -> dict:
        """The answer to a mode. RuntimeError where it fails, or takes more than `limit` seconds."""
        watch = Timer(limit, self.process.kill)
        watch.start()
        try:
            self.process.stdin.write(mode + "\n")
            self.process.stdin.flush()
            for line in self.process.stdout:
                if line.startswith(ANSWER):
                    return answered(json.loads(line.removeprefix(ANSWER)))
        except BrokenPipeError:
            pass  # it has ended; its own last words say why
        finally:
            watch.cancel()
        code = self.process.wait()
        self.errors.seek(0)
        raise RuntimeError(f"its process ended with {code}:\n{self.errors.read()[-LAST:]}")

    def end(self) -> None:
        """It is not needed any more."""
        self.process.kill()
        self.process.communicate()


def answered(answer: dict) -> dict:
    """The answer; RuntimeError where it says what failed."""
    if "failed" in answer:
        raise RuntimeError(answer["failed"][-LAST:])
    return answer


@contextmanager
def waiting(jobs: dict, given: Namespace) -> Iterator[dict]:
    """All jobs as processes that wait, under the keys of `jobs`; they end with this context."""
    with ExitStack() as ends:
        processes = {}
        for key, job in jobs.items():
            errors = ends.enter_context(TemporaryFile("w+"))
            processes[key] = Waiting(*command(job, given), errors)
            ends.callback(processes[key].end)
        yield processes
