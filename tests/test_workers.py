"""Workers, and the script of lesson 11 that they run: in one process, on two devices, as two workers."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mtl_helpers.process_memory import memory
from mtl_helpers.workers import Workers, cluster
from tools import lessons

import numpy as np
import psutil
import pytest
import tensorflow as tf

ROOT = Path(__file__).parent.parent
EPOCHS, KILLED_AFTER = 5, 2  # two epochs are saved when a worker is killed
TWO_DEVICES = ["CPU:0", "CPU:1"]


@pytest.fixture(autouse=True)
def nothing_is_left_over():
    before = set(psutil.Process().children(recursive=True))
    yield
    assert not {child for child in psutil.Process().children(recursive=True) if child not in before}


def write_scripts(folder, changes=()):
    """Writes the three files as the lesson writes them, with other words put in; returns the one to run."""
    paths = lessons.NOTEBOOKS.glob("11_*.ipynb")
    cells = {cell.get("id"): cell.source for path in paths for cell in lessons.read(path).cells}
    for name in ("problem", "step", "train"):
        magic, text = cells[f"l11-{name}"].split("\n", 1)
        assert magic.startswith("%%writefile") and magic.endswith(f"{name}.py")
        for word in changes if name == "problem" else ():
            assert word in text
            text = text.replace(word, changes[word])
        (folder / f"{name}.py").write_text(text)
    return folder / "train.py"


def script_that(folder, *lines):
    path = folder / "script.py"
    path.write_text("\n".join(["import json, os, sys, time", *lines]))
    return path


def losses(folder):
    """(steps, tasks), from all epochs."""
    rows = [
        row for epoch in range(EPOCHS) for row in json.loads((folder / f"losses_{epoch}.json").read_text())
    ]
    return np.array([[row["kind"], row["amount"]] for row in rows])


def state(folder):
    """All variables at the end, by name: the network's, the weighting's, Adam's."""
    reader = tf.train.load_checkpoint(str(folder / "checkpoints" / f"epoch-{EPOCHS}"))
    ending = ".ATTRIBUTES/VARIABLE_VALUE"
    names = [name.decode() for name in reader.get_tensor(f"names/{ending}")]
    return {name: reader.get_tensor(f"variables/{number}/{ending}") for number, name in enumerate(names)}


def listed_checkpoints(folder):
    """TensorFlow's list, the last that is written of a checkpoint."""
    path = folder / "checkpoints" / "checkpoint"
    return path.read_text() if path.exists() else ""


def assert_same(folder, other, tolerance):
    np.testing.assert_allclose(losses(folder), losses(other), rtol=tolerance)
    ours, theirs = state(folder), state(other)
    assert list(ours) == list(theirs)
    for name, values in ours.items():
        np.testing.assert_allclose(values, theirs[name], rtol=tolerance, atol=tolerance, err_msg=name)


class TestTraining:
    """Slow: TensorFlow starts in each process."""

    pytestmark = pytest.mark.slow

    @pytest.fixture(scope="class")
    def script(self, tmp_path_factory):
        return write_scripts(tmp_path_factory.mktemp("scripts"))

    @pytest.fixture(scope="class")
    def run(self, script, tmp_path_factory):
        def run(configs=None, devices=()):
            folder = tmp_path_factory.mktemp("run")
            with Workers(script, [folder, EPOCHS, *devices], configs) as workers:
                workers.wait()
            # GB; about 0.76 alone on the machine, more where other TensorFlow processes share its pages. `make budget`
            # holds the whole, with the lesson's kernel, to Binder's memory.
            assert workers.peak_memory - memory(os.getpid()) < 0.95
            return folder

        return run

    @pytest.fixture(scope="class")
    def one_process(self, run):
        return run()

    @pytest.fixture(scope="class")
    def two_workers(self, run):
        return run(cluster(2))

    def test_it_learns(self, one_process):
        history = losses(one_process)
        assert (history[-8:].mean(axis=0) < 0.3 * history[:8].mean(axis=0)).all()
        weights = state(one_process)
        learned = [values for name, values in weights.items() if name.endswith("uncertainty/learned")]
        assert np.abs(learned[0]).min() > 0.01  # the weighting took part

    def test_two_devices_give_what_one_process_gives(self, run, one_process):
        assert_same(run(devices=TWO_DEVICES), one_process, tolerance=1e-4)

    @pytest.mark.parametrize("weighting", ["GLS", "DWA"])
    def test_other_weightings_see_the_losses_of_the_whole_batch(self, weighting, tmp_path):
        """GLS is not linear in the losses; DWA remembers them. SGD, as Adam hides gradients that are twice as large."""
        script = write_scripts(tmp_path, {"Uncertainty": weighting, "Adam(0.003)": "SGD(0.01)"})
        ways = {"one": ([], None), "two devices": (TWO_DEVICES, None)}
        if weighting == "GLS":  # once is enough: the same code runs
            ways["two workers"] = ([], cluster(2))
        for name, (devices, configs) in ways.items():
            with Workers(script, [tmp_path / name, EPOCHS, *devices], configs) as workers:
                workers.wait()
            assert_same(tmp_path / name, tmp_path / "one", tolerance=1e-4)

    def test_two_workers_give_what_one_process_gives(self, two_workers, one_process):
        assert_same(two_workers, one_process, tolerance=1e-4)

    @pytest.mark.parametrize("killed", [0, 1])
    def test_a_killed_worker_costs_no_more_than_the_epoch_begun(self, script, two_workers, tmp_path, killed):
        with Workers(script, [tmp_path, EPOCHS], cluster(2)) as workers:
            workers.wait_until(lambda: f"epoch-{KILLED_AFTER}" in listed_checkpoints(tmp_path))
            workers.kill(killed)
            outcomes = workers.outcomes(grace=0 if killed else 30)
        assert outcomes[killed] == f"worker {killed} was killed by signal 9"
        # A worker notices at once that the first is gone; the first itself, which would take 10 s, is ended here.
        assert ("ended here: it still ran 0 s" if killed else "UnavailableError") in outcomes[1 - killed]
        assert not (tmp_path / f"losses_{EPOCHS - 1}.json").exists()  # or it was killed too late
        kept = [tmp_path / f"losses_{epoch}.json" for epoch in range(KILLED_AFTER)]
        times = [file.stat().st_mtime_ns for file in kept]

        with Workers(script, [tmp_path, EPOCHS], cluster(2)) as workers:
            workers.wait()
        assert [file.stat().st_mtime_ns for file in kept] == times  # these epochs were not trained again
        assert_same(tmp_path, two_workers, tolerance=1e-6)

    def test_they_end_with_the_process_that_started_them(self, script, tmp_path):
        start_and_kill(script, [tmp_path, 10_000], tmp_path / "losses_0.json")


def start_and_kill(script, arguments, ready):
    """In a process of its own: two workers. Once the file `ready` is there, that process is killed."""
    code = (
        "import sys, time; from mtl_helpers.workers import Workers, cluster\n"
        "with Workers(sys.argv[1], sys.argv[2:], cluster(2)) as workers:\n"
        "    print(*[process.pid for process in workers.processes], flush=True)\n"
        "    time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(script), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as kernel:
        workers = [psutil.Process(int(pid)) for pid in kernel.stdout.readline().split()]
        try:
            limit = time.monotonic() + 100
            while not ready.exists() and time.monotonic() < limit:
                time.sleep(0.05)
            assert ready.exists() and all(worker.is_running() for worker in workers)
            kernel.send_signal(signal.SIGKILL)
            _, alive = psutil.wait_procs(workers, timeout=10)
        finally:
            kernel.kill()
            for worker in workers:
                if worker.is_running():
                    worker.kill()
    assert not alive


@pytest.mark.slow
def test_they_end_with_the_process_that_started_them(tmp_path):
    ready = tmp_path / "ready"
    script = script_that(tmp_path, "open(sys.argv[1], 'w')", "time.sleep(600)")
    start_and_kill(script, [ready], ready)


def test_each_worker_is_told_where_all_are_and_which_it_is(tmp_path):
    configs = cluster(3)
    addresses = configs[0]["cluster"]["worker"]
    assert len(set(addresses)) == 3 and all(address.startswith("127.0.0.1:") for address in addresses)
    assert [config["task"]["index"] for config in configs] == [0, 1, 2]
    script = script_that(tmp_path, "print(os.environ.get('TF_CONFIG'), sys.argv, __name__)")
    with Workers(script, ["a", 1], configs) as workers:
        workers.wait()
    for number, config in enumerate(configs):
        assert workers.log(number) == f"{json.dumps(config)} {[str(script), 'a', '1']} __main__\n"
    assert workers.outcomes() == [f"worker {number} ended well" for number in range(3)]
    assert workers.seconds < 60


def test_one_process_has_no_config(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "of someone else")
    with Workers(script_that(tmp_path, "print(os.environ.get('TF_CONFIG'))")) as workers:
        workers.wait()
    assert workers.log(0) == "None\n"


INDEX = "number = json.loads(os.environ['TF_CONFIG'])['task']['index']"


def test_an_error_is_shown_with_its_trace_and_ends_the_others(tmp_path):
    script = script_that(
        tmp_path, INDEX, "if number: time.sleep(600)", "raise ValueError('{{node a}} no\\nsuch task')"
    )
    with Workers(script, [], cluster(2)) as workers, pytest.raises(RuntimeError) as error:
        workers.wait(grace=0.2)
    message = str(error.value)
    assert message.startswith(
        "worker 0 failed with status 1: ValueError: no; "
        "worker 1 was ended here: it still ran 0.2 s after another had failed\n"
    )
    assert f'File "{script}", line 4' in message and "the log of worker 1 ends:\n(nothing" in message


def test_a_worker_that_hangs_is_ended(tmp_path):
    said = r"worker 0 was ended here: it still ran after 0\.3 s"
    script = script_that(tmp_path, "time.sleep(600)")
    with Workers(script) as workers, pytest.raises(RuntimeError, match=said):
        workers.wait(seconds=0.3)


def test_the_block_ends_them_whatever_ends_it(tmp_path):
    script = script_that(tmp_path, "time.sleep(600)")
    with pytest.raises(KeyboardInterrupt), Workers(script, [], cluster(2)) as workers:
        raise KeyboardInterrupt  # as the stop button of a notebook does
    assert all(process.returncode for process in workers.processes)


@pytest.mark.parametrize(
    ("line", "seconds", "said"),
    [
        ("print('done')", 60, "All workers ended before"),
        ("sys.exit('no data')", 60, "worker 0 failed with status 1: no data"),
        ("time.sleep(600)", 0.3, "what was waited for had not come after 0.3 s"),
    ],
)
def test_what_never_comes(tmp_path, line, seconds, said):
    script = script_that(tmp_path, line)
    with Workers(script) as workers, pytest.raises(RuntimeError, match=said):
        workers.wait_until(lambda: False, seconds)


@pytest.mark.slow
def test_memory_of_all_together(tmp_path):
    script = script_that(tmp_path, "much = b'x' * 300_000_000", "time.sleep(1)")
    with Workers(script, [], cluster(2)) as workers:
        workers.wait()
    assert 0.6 + memory(os.getpid()) < workers.peak_memory < 0.9 + memory(os.getpid())
    resident = psutil.Process().memory_info().rss / 1e9
    assert 0.2 * resident < memory(os.getpid()) < 1.05 * resident
    assert memory(workers.processes[0].pid) == 0  # it has ended


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is one of Linux")
def test_freed_memory_is_given_back():
    # Every second block stays: so the end of the heap is in use, and the allocator alone gives nothing back.
    code = (
        "import ctypes, psutil; from mtl_helpers.process_memory import give_back\n"
        "libc = ctypes.CDLL(None); libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]\n"
        "rss = lambda: psutil.Process().memory_info().rss / 1e6\n"
        "blocks = [libc.malloc(100_000) for _ in range(2000)]\n"
        "for block in blocks: ctypes.memset(block, 1, 100_000)\n"
        "for block in blocks[::2]: libc.free(block)\n"
        "before = rss(); give_back(); print(before - rss())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT
    )
    assert float(done.stdout) > 70  # MB, of 100


def test_what_cannot_be_started(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file '.*nowhere\.py'\. Write it first"):
        Workers(tmp_path / "nowhere.py")
    with pytest.raises(ValueError, match="At least 1 worker is expected, but 0 was given"):
        cluster(0)
