"""Helpers of the multi-task learning course: data, plots, many seeds at once, checks of exercises.

Importing this package alone does not import TensorFlow.
"""

import os
import shutil
import sys

from mtl_helpers import allocator, quiet_import

__version__ = "0.1.0"

# Read once, when TensorFlow and Keras are first imported: so lessons import mtl_helpers first.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # whatever ~/.keras/keras.json says
quiet_import.install("tensorflow")
allocator.return_freed_memory()

# %tensorboard looks for its program on the PATH, where that of an environment need not be; and behind a hub, the
# browser reaches it through the hub's address alone.
if program := shutil.which("tensorboard", path=os.path.dirname(sys.executable)):
    os.environ.setdefault("TENSORBOARD_BINARY", program)
if hub := os.environ.get("JUPYTERHUB_SERVICE_PREFIX"):
    os.environ.setdefault("TENSORBOARD_PROXY_URL", f"{hub}proxy/%PORT%/")
