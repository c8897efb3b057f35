"""The same training steps in PyTorch with torchjd, in a process of their own that `step_cost` commands.

    python -m benchmarks.torch_steps

Reads lines "TASKS METHOD", takes that step twice, and answers with the second one's milliseconds.
Without torchjd it says so and ends.
"""

import sys
import time
from collections.abc import Callable

from benchmarks.networks import BATCH_SIZE, CHANNELS, CLASSES, HIDDEN, KERNEL, SIZE, THREADS


def steps(tasks: int) -> dict[str, Callable[[], None]]:
    """A function for each method: one step on a batch of random images."""
    import torch
    from torch import nn
    from torchjd import aggregation
    from torchjd.autojac import jac_to_grad, mtl_backward

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    side = ((SIZE - KERNEL + 1) // 2 - KERNEL + 1) // 2
    encoder = nn.Sequential(
        nn.Conv2d(1, CHANNELS[0], KERNEL), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(CHANNELS[0], CHANNELS[1], KERNEL), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(CHANNELS[1] * side * side, HIDDEN), nn.ReLU(),
    )  # fmt: skip
    heads = nn.ModuleList(nn.Linear(HIDDEN, CLASSES) for _ in range(tasks))
    optimizer = torch.optim.SGD([*encoder.parameters(), *heads.parameters()], lr=1e-3)
    images = torch.rand(BATCH_SIZE, 1, SIZE, SIZE)
    labels = torch.randint(CLASSES, (tasks, BATCH_SIZE))
    cross_entropy = nn.CrossEntropyLoss()

    def step(aggregator: object) -> None:
        optimizer.zero_grad()
        features = encoder(images)
        losses = [cross_entropy(head(features), each) for head, each in zip(heads, labels, strict=True)]
        if aggregator is None:
            sum(losses).backward()
        else:
            mtl_backward(losses, features)
            jac_to_grad(encoder.parameters(), aggregator)
        optimizer.step()

    aggregators = {
        "pcgrad": aggregation.PCGrad(),
        "mgda": aggregation.MGDA(),
        "cagrad": aggregation.CAGrad(c=0.4),
        "imtl_g": aggregation.IMTLG(),
        "nash_mtl": aggregation.NashMTL(n_tasks=tasks),
        "aligned_mtl": aggregation.AlignedMTL(),
        "upgrad": aggregation.UPGrad(),
    }
    return {"plain sum": lambda: step(None)} | {
        name: lambda aggregator=aggregator: step(aggregator) for name, aggregator in aggregators.items()
    }


def main() -> None:
    """Answer the commands until they end."""
    try:
        import torchjd  # noqa: F401
    except ImportError:
        print("torchjd is not installed", flush=True)
        return
    print("ready", flush=True)
    known: dict[int, dict[str, Callable[[], None]]] = {}
    for line in sys.stdin:
        tasks, method = line.strip().split(maxsplit=1)
        if int(tasks) not in known:
            known[int(tasks)] = steps(int(tasks))
        step = known[int(tasks)][method]
        step()
        started = time.perf_counter()
        step()
        print(1000 * (time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    main()
