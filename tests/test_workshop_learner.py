"""What a simulated learner notices: cells that fail, kernels that die, work that is lost."""

import asyncio
import json
from typing import Any

from workshop import hub_api, kernel_channel
from workshop.hub_api import HubApi
from workshop.kernel_channel import KernelChannel, KernelDied, add_output
from workshop.learner import Learner

import nbformat
import pytest
from small_notebooks import notebook
from tornado.httpclient import HTTPClientError

Message = tuple[str, dict[str, Any]]


class Connection:
    """A kernel's websocket that plays a list of messages, each an answer to the request."""

    close_reason = None

    def __init__(self, *messages: Message | None) -> None:
        self.messages = list(messages)
        self.parent: dict[str, Any] = {}

    async def write_message(self, text: str) -> None:
        self.parent = json.loads(text)["header"]

    async def read_message(self) -> str | None:
        if not self.messages:
            await asyncio.sleep(60)
        message = self.messages.pop(0)
        if message is None:
            return None
        kind, content = message
        return json.dumps(
            {
                "msg_type": kind,
                "content": content,
                "header": {"msg_type": kind},
                "parent_header": self.parent,
                "metadata": {},
            }
        )


REPLY: Message = ("execute_reply", {"execution_count": 4})
IDLE: Message = ("status", {"execution_state": "idle"})
TEXT: Message = ("stream", {"name": "stdout", "text": "1\n"})


def execute(*messages: Message | None, seconds: float = 5) -> Any:
    return asyncio.run(KernelChannel(Connection(*messages)).execute("1", seconds))  # type: ignore[arg-type]


def test_a_cell_ends_with_its_reply_and_idle_in_any_order() -> None:
    for messages in ((TEXT, TEXT, REPLY, IDLE), (TEXT, TEXT, IDLE, REPLY)):
        outputs, count = execute(*messages)
        assert count == 4 and [output.text for output in outputs] == ["1\n1\n"]


def test_a_dead_kernel_a_closed_socket_and_a_cell_without_end_are_noticed() -> None:
    with pytest.raises(KernelDied, match="restarting"):
        execute(TEXT, ("status", {"execution_state": "restarting"}))
    with pytest.raises(ConnectionError, match="closed the websocket"):
        execute(TEXT, None)
    with pytest.raises(TimeoutError, match="the cell has not ended after 0 s"):
        execute(TEXT, IDLE, seconds=0.1)


def test_a_new_connection_is_used_once_the_kernel_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_channel, "ASK_AGAIN_SECONDS", 0.05)

    class Deaf(Connection):  # what is asked before the connection stands is answered in part
        asked = 0

        async def write_message(self, text: str) -> None:
            await super().write_message(text)
            self.asked += 1
            self.messages = [("kernel_info_reply", {})] + [IDLE] * (self.asked > 2)

    connection = Deaf()
    asyncio.run(KernelChannel(connection).wait_until_ready(5))  # type: ignore[arg-type]
    assert connection.asked == 3
    with pytest.raises(TimeoutError, match="no answer on a new connection, after 0 s"):
        asyncio.run(KernelChannel(Connection()).wait_until_ready(0.2))  # type: ignore[arg-type]


def test_a_connection_that_is_not_used_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closable(Connection):
        closed = False

        def close(self) -> None:
            self.closed = True

    connection = Closable(None)  # the server closes the websocket

    async def connect(*arguments: Any, **options: Any) -> Connection:
        return connection

    monkeypatch.setattr(kernel_channel, "websocket_connect", connect)
    with pytest.raises(ConnectionError, match="closed the websocket"):
        asyncio.run(KernelChannel.open("ws://127.0.0.1:1", "token"))
    assert connection.closed


def test_a_server_that_does_not_end_is_waited_for_so_long_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Lingering(HubApi):
        async def ask(self, method: str, path: str, body: Any = None, also_fine: tuple[int, ...] = ()) -> Any:
            return {"servers": {"": {"ready": False}}}

    monkeypatch.setattr(hub_api, "SERVER_SECONDS", 0.2)
    with pytest.raises(TimeoutError, match="has not ended after"):
        asyncio.run(Lingering("http://127.0.0.1:1", "learner-01").stop_server())


def test_texts_of_different_streams_stay_apart() -> None:
    outputs: list[nbformat.NotebookNode] = []
    for name in ("stdout", "stderr", "stderr"):
        add_output(outputs, nbformat.v4.new_output("stream", name=name, text="x"))
    assert [(one.name, one.text) for one in outputs] == [("stdout", "x"), ("stderr", "xx")]


class Api(HubApi):
    """A server with one notebook, that never loses anything; `kernel` answers the cells."""

    def __init__(self, content: nbformat.NotebookNode) -> None:
        super().__init__("http://127.0.0.1:1", "learner-01")
        self.content = content
        self.notebook_of_kernel = ""

    async def log_in(self, password: str) -> None:
        pass

    async def start_server(self) -> None:
        pass

    async def ask(self, method: str, path: str, body: Any = None, also_fine: tuple[int, ...] = ()) -> Any:
        if method == "PUT":
            self.content = nbformat.from_dict(body["content"])
        if path.endswith("sessions"):
            self.notebook_of_kernel = body["path"]
            return {"id": "s", "kernel": {"id": "k"}}
        return {"content": self.content, "execution_state": "busy"}


def work_through(api: Api, monkeypatch: pytest.MonkeyPatch, *connections: Connection) -> Learner:
    waiting = list(connections)

    async def open_channel(url: str, token: str) -> KernelChannel:
        assert url == "ws://127.0.0.1:1/user/learner-01/api/kernels/k/channels"
        return KernelChannel(waiting.pop(0))  # type: ignore[arg-type]

    monkeypatch.setattr(KernelChannel, "open", open_channel)
    monkeypatch.setattr(KernelChannel, "close", lambda self: None)
    monkeypatch.setattr("workshop.learner.RESTART_SECONDS", 0.0)
    learner = Learner(api, cell_seconds=Learner.cell_seconds)
    asyncio.run(learner.work_through("secret", ["00_a.ipynb"]))
    return learner


def test_a_cell_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ("error", {"ename": "NameError", "evalue": "no name", "traceback": []})
    learner = work_through(Api(notebook("oops")), monkeypatch, Connection(error, REPLY, IDLE))
    assert learner.problems == ["learner-01: 00_a.ipynb: code cell 1 fails with NameError: no name"]


def test_a_cell_without_end_is_told_with_its_place_and_the_state_of_its_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Learner, "cell_seconds", 0.1)
    learner = work_through(Api(notebook("a", "b")), monkeypatch, Connection(REPLY, IDLE, REPLY))
    assert learner.problems == [
        "learner-01, running code cell 2 of 00_a.ipynb: TimeoutError: the cell has not ended after 0 s; "
        "its kernel is busy"
    ]


def test_a_kernel_works_in_the_folder_of_its_lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(notebook("a"))
    assert not work_through(api, monkeypatch, Connection(REPLY, IDLE)).problems
    assert api.notebook_of_kernel == "my_lessons/00_a.ipynb"  # else it finds no stored results


def test_a_learner_whose_kernel_dies_restarts_it_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    dies = Connection(REPLY, IDLE, ("status", {"execution_state": "restarting"}))
    goes_on = Connection(TEXT, REPLY, IDLE, TEXT, REPLY, IDLE)
    api = Api(notebook("a = ...", "b", answers=1))
    learner = work_through(api, monkeypatch, dies, goes_on)
    assert learner.problems == [] and learner.kernels_restarted == 1 and len(learner.runs) == 1
    assert api.content.cells[0].source.startswith("# Answer of learner-01") and api.content.cells[1].outputs


def test_a_learner_whose_kernel_dies_sees_what_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(Api):
        async def ask(self, method: str, path: str, body: Any = None, also_fine: tuple[int, ...] = ()) -> Any:
            return await super().ask("GET" if method == "PUT" else method, path, body, also_fine)

    cells = [REPLY, IDLE] * 5
    api = Forgetful(notebook(*"abcdef", answers=1))
    monkeypatch.setattr(api, "content", api.content)
    original = nbformat.from_dict(api.content)

    async def fresh(path: str) -> nbformat.NotebookNode:
        return nbformat.from_dict(original)

    monkeypatch.setattr(Learner, "_open", lambda self, path: fresh(path))
    dies = Connection(*cells, ("status", {"execution_state": "dead"}))
    learner = work_through(api, monkeypatch, dies, Connection(*[REPLY, IDLE] * 6))
    assert "learner-01: the answer in cell 1 is gone" in learner.lost


def test_a_server_that_does_not_start_is_an_error_and_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(Api):
        async def start_server(self) -> None:
            raise HTTPClientError(403, "no")

    learner = work_through(Refusing(notebook("a")), monkeypatch)
    assert (
        learner.problems == ["learner-01, starting the server: HTTPClientError: HTTP 403: no"]
        and not learner.runs
    )
