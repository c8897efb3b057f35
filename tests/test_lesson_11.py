"""Lesson 11: what its prose says of the stored table holds in it, and the file for Kubernetes can be read."""

import json
import re

from mtl_helpers.stopwatch import times_faster
from mtl_helpers.task_costs import METHODS
from tools import lessons

import numpy as np
import pandas as pd
import pytest
import yaml

PATH = lessons.NOTEBOOKS / "11_scaling_out.ipynb"


@pytest.fixture(scope="module")
def stored():
    return pd.read_csv(lessons.NOTEBOOKS / "results" / "11_scaling_out.csv", comment="#")


@pytest.fixture(scope="module")
def prose():
    return "\n".join(cell.source for cell in lessons.read(PATH).cells if cell.cell_type == "markdown")


def test_each_change_was_timed_in_each_round(stored):
    changes = stored.query("experiment == 'changes'").pivot(index="round", columns="name", values="seconds")
    assert changes.shape == (20, 9) and changes.notna().all(axis=None)


def test_each_number_of_tasks_was_timed_and_weighed(stored):
    for experiment, rounds in (("tasks", 20), ("memory", 3)):
        counts = stored[stored["experiment"] == experiment].groupby(["name", "tasks"]).size()
        assert set(counts.index) == {(name, tasks) for name in METHODS for tasks in (2, 4, 8, 16, 32, 64)}
        assert (counts == rounds).all()


def test_what_the_prose_says_of_the_changes(stored):
    changes = stored.query("experiment == 'changes'").pivot(index="round", columns="name", values="seconds")
    faster = times_faster(changes, than="as written")
    assert (faster.loc[["prefetch", "batches of 256", "8 steps a call", "four together"], "low"] > 1).all()
    assert faster["ratio"].idxmax() == "four together"
    assert set(faster["ratio"].nlargest(3).index) == {"four together", "batches of 256", "cache"}
    assert faster.loc["XLA", "high"] < 1
    for name in ("16 bits", "tf.data tunes itself"):  # no difference is shown
        assert faster.loc[name, "low"] < 1 < faster.loc[name, "high"]


def test_what_the_prose_says_of_the_tasks(stored):
    for experiment, column in (("tasks", "seconds"), ("memory", "megabytes")):
        table = stored[(stored["experiment"] == experiment) & (stored["tasks"] >= 8)]
        cost = table.groupby(["name", "tasks"])[column].median().unstack()
        plain, features, parameters = (cost.loc[name] for name in METHODS)
        assert (plain < features).all() and (features < parameters).all()
    times = (
        stored.query("experiment == 'tasks' and tasks >= 8").groupby(["name", "tasks"])["seconds"].median()
    )
    slopes = {name: np.polyfit(np.log([8, 16, 32, 64]), np.log(times[name]), 1)[0] for name in METHODS}
    assert slopes["plain sum"] < slopes["balanced on features"] < 0.8
    assert slopes["balanced on parameters"] == pytest.approx(1, abs=0.05)


def test_the_file_for_kubernetes_gives_each_pod_its_config(prose):
    (text,) = re.findall(r"```yaml\n(.*?)```", prose, re.S)
    service, job = yaml.safe_load_all(text)
    assert service["kind"] == "Service" and service["spec"]["clusterIP"] == "None"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    entries = {entry["name"]: entry for entry in container["env"]}
    config = json.loads(entries["TF_CONFIG"]["value"].replace("$(INDEX)", "1"))
    assert config["task"] == {"type": "worker", "index": 1}
    name, workers = job["metadata"]["name"], config["cluster"]["worker"]
    assert job["spec"]["completionMode"] == "Indexed"
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == len(workers)
    assert job["spec"]["template"]["spec"]["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": name}
    for number, address in enumerate(workers):
        assert address.startswith(f"{name}-{number}.{service['metadata']['name']}:")


def test_the_config_in_the_text_is_what_workers_get(prose):
    from mtl_helpers.workers import cluster

    (text,) = re.findall(r"```json\n(.*?)```", prose, re.S)
    shown, real = json.loads(text), cluster(2)[0]
    assert shown["task"] == real["task"]
    hidden = [re.sub(r"\d+$", "", address) for address in real["cluster"]["worker"]]
    assert [re.sub(r"\d+$", "", address) for address in shown["cluster"]["worker"]] == hidden
