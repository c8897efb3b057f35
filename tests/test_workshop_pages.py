"""The pages on hubs say what the files of the workshop say, and what was measured."""

import math
import re
from pathlib import Path
from typing import Any

from workshop import report

import pytest
import yaml
from test_workshop import configuration

ROOT = Path(__file__).resolve().parent.parent
HUB = (ROOT / "book/instructors/hub.md").read_text(encoding="utf-8")
KUBERNETES = (ROOT / "book/instructors/kubernetes.md").read_text(encoding="utf-8")
VALUES = yaml.safe_load((ROOT / "workshop/kubernetes.yaml").read_text(encoding="utf-8"))
KEPT = (ROOT / "workshop/rehearsal.md").read_text(encoding="utf-8")
SERVER_GB = 0.2  # a learner's JupyterLab beside its kernels


def hungriest_lesson() -> float:
    """Return the largest peak memory in README's table, in GB."""
    rows = re.findall(r"^\| \d\d_\w+ \| \d+ \| \d+ \| ([\d.]+) \|", (ROOT / "README.md").read_text(), re.M)
    return max(float(row) for row in rows)


def gigabytes(size: Any) -> float:
    assert isinstance(size, str) and size.endswith("G")
    return float(size[:-1])


def measured(what: str, column: int = 1) -> float:
    """Return a figure of the kept report."""
    rows = [line.strip("| ").split(" | ") for line in KEPT.splitlines() if line.startswith("|")]
    return float(next(row for row in rows if row[0].startswith(what))[column])


# Kubernetes


def test_a_seat_holds_the_hungriest_lesson() -> None:
    memory = VALUES["singleuser"]["memory"]
    assert gigabytes(memory["guarantee"]) >= hungriest_lesson() + SERVER_GB
    assert f"the hungriest lesson takes {hungriest_lesson():.2f} GB" in KUBERNETES, (
        "README's table has changed"
    )


def test_the_page_names_the_seat_of_the_values() -> None:
    memory, cores = VALUES["singleuser"]["memory"], VALUES["singleuser"]["cpu"]
    guarantee, limit = gigabytes(memory["guarantee"]), gigabytes(memory["limit"])
    assert f"| memory | {guarantee:g} GB | {limit:g} GB |" in KUBERNETES
    assert f"| cores | {cores['guarantee']:g} | {cores['limit']:g} |" in KUBERNETES
    assert f"| volume | {VALUES['singleuser']['storage']['capacity'].removesuffix('Gi')} GB |" in KUBERNETES
    assert f"keeps {VALUES['scheduling']['userPlaceholder']['replicas']} seats" in KUBERNETES
    assert f"{VALUES['hub']['concurrentSpawnLimit']} servers start at a time" in KUBERNETES


@pytest.mark.parametrize("learners", [20, 50, 200])
def test_the_number_of_nodes_is_worked_out_right(learners: int) -> None:
    usable = re.search(r"keeps about ([\d.]+) cores and ([\d.]+) GB", KUBERNETES)
    assert usable
    guarantee, cores = (
        gigabytes(VALUES["singleuser"]["memory"]["guarantee"]),
        VALUES["singleuser"]["cpu"]["guarantee"],
    )
    seats = min(int(float(usable[2]) / guarantee), int(float(usable[1]) / cores))
    assert (
        f"{usable[2]} / {guarantee:g} = {seats} fit by memory, and {usable[1]} / {cores:g} = " in KUBERNETES
    )
    limit = gigabytes(VALUES["singleuser"]["memory"]["limit"])
    row = f"| {learners} | {math.ceil(learners / seats)} | {learners * guarantee:g} | {learners * limit:g} | {learners} |"
    assert row in KUBERNETES


def test_both_hubs_treat_a_learner_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    c = configuration(monkeypatch)
    seat = VALUES["singleuser"]
    assert (seat["memory"]["limit"], seat["cpu"]["limit"]) == (c.Spawner.mem_limit, c.Spawner.cpu_limit)
    # On one machine learners share ports and folders; a pod has its own.
    del c.Spawner.environment["JUPYTER_RUNTIME_DIR"]
    c.Spawner.args.remove("--KernelManager.transport=ipc")
    assert seat["extraEnv"] == c.Spawner.environment
    assert seat["defaultUrl"] == c.Spawner.default_url
    kernels = seat["extraFiles"]["server_settings"]["data"]["MappingKernelManager"]
    arguments = [f"--MappingKernelManager.{name}={value}" for name, value in kernels.items()]
    assert sorted(arguments) == sorted(c.Spawner.args)
    command = c.JupyterHub.services[0]["command"]
    assert command[-2:] == [
        f"--timeout={VALUES['cull']['timeout']}",
        f"--cull-every={VALUES['cull']['every']}",
    ]


def test_the_values_make_the_folder_and_hold_no_secret() -> None:
    assert (
        "python -m mtl_helpers.workspace my_lessons; exec jupyterhub-singleuser"
        in VALUES["singleuser"]["cmd"][2]
    )
    assert not re.search(
        r"secret|token|password:", (ROOT / "workshop/kubernetes.yaml").read_text().replace("No secret", "")
    )


def test_every_top_level_key_is_one_of_the_chart() -> None:
    known = {
        "hub",
        "proxy",
        "singleuser",
        "scheduling",
        "prePuller",
        "cull",
        "ingress",
        "rbac",
        "global",
        "debug",
        "custom",
    }
    assert VALUES.keys() <= known


# One server


def test_the_page_names_the_limits_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    c = configuration(monkeypatch)
    assert f"| memory of a learner, server and all kernels | {gigabytes(c.Spawner.mem_limit):g} GB |" in HUB
    assert f"| cores of a learner | {c.Spawner.cpu_limit} |" in HUB
    idle = dict(argument.split("=") for argument in c.Spawner.args)[
        "--MappingKernelManager.cull_idle_timeout"
    ]
    assert f"| a kernel that does nothing, tab open or not | {int(idle) / 3600:g} hours |" in HUB
    server = re.search(r"--timeout=(\d+)", " ".join(c.JupyterHub.services[0]["command"]))
    assert server and f"| a server without an open tab | {int(server[1]) / 3600:g} hours |" in HUB
    share = re.search(r"MemoryMax=(\d+)%", (ROOT / "workshop/units/learners.slice").read_text())
    assert share and f"| memory of all learners together | {share[1]} % of the server |" in HUB
    assert c.SystemdSpawner.slice == "learners.slice"


def test_the_units_start_what_the_configuration_expects(monkeypatch: pytest.MonkeyPatch) -> None:
    c = configuration(monkeypatch)
    proxy = (ROOT / "workshop/units/workshop-proxy.service").read_text()
    hub = (ROOT / "workshop/units/workshop-hub.service").read_text()
    for option, url in (
        ("--ip {} --port {}", c.JupyterHub.bind_url),
        ("--api-ip {} --api-port {}", c.ConfigurableHTTPProxy.api_url),
    ):
        assert option.format(*url.removeprefix("http://").split(":")) in proxy
    assert f"--error-target {c.JupyterHub.hub_bind_url}/hub/error" in proxy
    assert "--config /srv/course/workshop/jupyterhub_config.py" in hub
    assert (
        hub.count("EnvironmentFile=/etc/workshop/proxy.env")
        == proxy.count("EnvironmentFile=/etc/workshop/proxy.env")
        == 1
    )


def test_the_kept_report_is_whole_and_good() -> None:
    for row in ("| learners at once | 12 |", "| lessons finished | 24 of 24 |", "| errors | none |", "| work lost | none |",
                "| servers that survived it | 12 of 12 |"):  # fmt: skip
        assert row in KEPT
    assert re.search(r"\| date \| \d{4}-\d\d-\d\d \|", KEPT)


def test_the_page_shows_the_kept_report() -> None:
    def between(text: str) -> str:
        return text.partition(report.MARKERS[0])[2].partition(report.MARKERS[1])[0]

    assert between(KEPT).strip() and between(HUB) == between(KEPT)


@pytest.mark.parametrize("learners", [10, 20, 40])
def test_the_size_of_the_server_follows_from_what_was_measured(learners: int) -> None:
    """2 GB for the system and the hub; what a learner was measured to take, and half as much again; the limit."""
    least = 2 + learners * measured("PSS", 2) * 1.5
    row = re.search(rf"^\| {learners} \| (\d+) \| (\d+) GB \| (\d+) GB \|$", HUB, re.M)
    assert row, f"the table of sizes has no row for {learners} learners"
    cores, frugal, generous = (int(figure) for figure in row.groups())
    assert frugal >= least and generous >= 2 + learners * 1.5 and 2 <= learners / cores <= 3


def test_the_page_tells_what_was_measured() -> None:
    assert f"server and kernel took at most {measured('PSS', 2):.2f} GB" in HUB
    alone = re.search(
        r"^\| 02_shared_trunk \| (\d+) \| \d+ \| ([\d.]+) \|", (ROOT / "README.md").read_text(), re.M
    )
    assert (
        alone
        and f"needed {measured('02_shared_trunk', 2):.0f} s for lesson 02, which takes {alone[1]} s alone"
        in HUB
    )
    more = re.search(r"one that takes ([\d.]+) times as much", HUB)
    assert more and float(more[1]) == pytest.approx(hungriest_lesson() / float(alone[2]), abs=0.06)
    assert float(more[1]) <= 1.5  # what the sizes allow for
