"""Plugin for vaebench: an executor whose processes have separate folders, like machines without a shared disk."""

import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vaebench import hookimpl
from vaebench.executing import Outbox, files_of, fulfil
from vaebench.interfaces import Executor


class Pool(Executor):
    """Runs trials in processes that share no files with the main process."""

    name, version, remote = "pool", 1, True

    def __init__(self, processes: int = 2):
        self.processes = processes

    def slots(self, devices):
        return self.processes

    def run(self, jobs, site, stop_on_failure=False):
        sent = {}
        with tempfile.TemporaryDirectory() as root, Outbox(jobs, site, stop_on_failure) as outbox:
            try:
                while outbox:
                    while len(sent) < self.processes and (errand := (yield from outbox.take())):
                        folder = send(errand, site, Path(tempfile.mkdtemp(dir=root)))
                        sent[subprocess.Popen([sys.executable, "-m", "vaebench_pool", folder])] = errand, folder
                    time.sleep(0.1)
                    for process in [one for one in sent if one.poll() is not None]:
                        errand, folder = sent.pop(process)
                        if process.returncode:
                            yield from outbox.lost(errand, f"its process ended with exit code {process.returncode}")
                        else:
                            yield from outbox.returned(errand, pickle.loads((folder / "returned").read_bytes()))
            finally:
                for process in sent:
                    process.kill()
                    process.wait()


def send(errand, site, folder):
    (folder / "errand").write_bytes(pickle.dumps(errand))
    (folder / "data").mkdir()
    for file in files_of(site.ready[errand.job.data]):
        shutil.copy(file, folder / "data")
    return folder


def work(folder):
    """Run an errand, as another machine would."""
    errand = pickle.loads((folder / "errand").read_bytes())
    *_, returned = fulfil(errand, lambda empty: shutil.copytree(folder / "data", empty, dirs_exist_ok=True))
    (folder / "returned").write_bytes(pickle.dumps(returned))


@hookimpl
def vaebench_executors():
    return [Pool]


if __name__ == "__main__":
    work(Path(sys.argv[1]))
