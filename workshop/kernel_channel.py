"""The websocket to one kernel, as JupyterLab has it: send a cell, collect its outputs, notice that it died."""

import asyncio
import json
import uuid
from typing import Any

import nbformat
from nbformat import NotebookNode
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

READY_SECONDS = 120.0
ASK_AGAIN_SECONDS = 5.0
OUTPUTS = ("stream", "display_data", "execute_result", "error")


class KernelDied(RuntimeError):  # noqa: N818 (it says what happened)
    """The kernel's process is gone; its server has started another one, without any variables."""


class KernelChannel:
    """One connection to one kernel."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self._session = uuid.uuid4().hex

    @classmethod
    async def open(cls, url: str, token: str) -> "KernelChannel":
        """Connect to `ws://…/api/kernels/<id>/channels`, and wait until the kernel answers.

        Raises:
            TimeoutError: if it does not answer in time.
            ConnectionError: if the server closes the connection.
        """
        request = HTTPRequest(
            url, headers={"Authorization": f"token {token}"}, connect_timeout=120, request_timeout=120
        )
        channel = cls(await websocket_connect(request, ping_interval=30, max_message_size=100 * 2**20))
        try:
            await channel.wait_until_ready(READY_SECONDS)
        except BaseException:
            channel.close()
            raise
        return channel

    async def wait_until_ready(self, seconds: float) -> None:
        """Ask the kernel what it is until the answer and its idle status have come, as JupyterLab does.

        What is sent before a connection to a kernel stands can lose its answer, and a cell would seem to run forever.

        Raises:
            TimeoutError: if they do not come within `seconds`.
        """
        try:
            async with asyncio.timeout(seconds):
                while True:
                    request = self._request("kernel_info_request", {})
                    await self._connection.write_message(json.dumps(request))
                    try:
                        await asyncio.wait_for(self._collect(request["header"]["msg_id"]), ASK_AGAIN_SECONDS)
                        return
                    except TimeoutError:
                        continue
        except TimeoutError:
            raise TimeoutError(
                f"the kernel gives no answer on a new connection, after {seconds:.0f} s"
            ) from None

    def close(self) -> None:
        """Disconnect; the kernel goes on."""
        self._connection.close()

    async def execute(self, code: str, seconds: float) -> tuple[list[NotebookNode], int | None]:
        """Run one cell, and return its outputs and its execution count.

        Raises:
            KernelDied: if the kernel's process is gone before the cell has ended.
            TimeoutError: if the cell takes longer than `seconds`.
            ConnectionError: if the server closes the connection.
        """
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "allow_stdin": False,
            "stop_on_error": True,
        }
        request = self._request("execute_request", content)
        await self._connection.write_message(json.dumps(request))
        try:
            return await asyncio.wait_for(self._collect(request["header"]["msg_id"]), seconds)
        except TimeoutError:
            raise TimeoutError(f"the cell has not ended after {seconds:.0f} s") from None

    async def _collect(self, request: str) -> tuple[list[NotebookNode], int | None]:
        outputs: list[NotebookNode] = []
        count, replied, idle = None, False, False
        while not (replied and idle):
            message = await self._receive()
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] in ("restarting", "autorestarting", "dead"):
                raise KernelDied(f"the kernel is {content['execution_state']}")
            if message.get("parent_header", {}).get("msg_id") != request:
                continue
            if kind in ("execute_reply", "kernel_info_reply"):
                replied, count = True, content.get("execution_count")
            elif kind == "status" and content["execution_state"] == "idle":
                idle = True
            elif kind == "clear_output":
                outputs.clear()
            elif kind in OUTPUTS:
                add_output(outputs, nbformat.v4.output_from_msg(message))
        return outputs, count

    async def _receive(self) -> dict[str, Any]:
        text = await self._connection.read_message()
        if text is None:
            raise ConnectionError(
                f"the server closed the websocket: {self._connection.close_reason or 'no reason given'}"
            )
        return dict(json.loads(text))

    def _request(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": self._session, "username": "learner",
                  "version": "5.3", "date": ""}  # fmt: skip
        return {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
            "buffers": [],
        }


def add_output(outputs: list[NotebookNode], output: NotebookNode) -> None:
    """Add an output; a text goes on where the last one of the same stream ended, as in a saved notebook."""
    last = outputs[-1] if outputs else None
    if last and output.output_type == "stream" == last.output_type and last.name == output.name:
        last.text += output.text
    else:
        outputs.append(output)
