"""Keep TensorFlow's start-up messages out of a lesson's first output.

TensorFlow 2.21 writes some of them whatever its log level is: one for every import with oneDNN on, which
halves the time of a convolution. They come from C++, so they are caught at the file descriptor.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def held_back_messages() -> Iterator[None]:
    """Hold back what is written to standard error, by C++ too. After an error all of it is shown."""
    with tempfile.TemporaryFile() as held_back:
        standard_error = os.dup(2)
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(standard_error, held_back.read())
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)


class QuietImport(importlib.abc.MetaPathFinder):
    """Imports one module, the first time, with standard error held back. If that fails, all of it is shown."""

    def __init__(self, module: str) -> None:
        self.module = module

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """As Python's import asks for it: only the one module is ours, and only once."""
        if fullname != self.module:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_quietly(module: ModuleType) -> None:
                with held_back_messages():
                    run(module)

            spec.loader.exec_module = run_quietly  # type: ignore[method-assign]
        return spec


def install(module: str) -> None:
    """Import this module quietly when its time comes; nothing is imported now."""
    if module not in sys.modules:
        sys.meta_path.insert(0, QuietImport(module))
