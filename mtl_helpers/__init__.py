"""Helpers of the multi-task learning course: data, plots, many seeds at once, checks of exercises.

Importing this package alone does not import TensorFlow.
"""

import os

__version__ = "0.1.0"

# Read once, when TensorFlow and Keras are first imported: so lessons import mtl_helpers first.
# The first two keep start-up messages out of a lesson's first output. TensorFlow 2.21 prints one about
# oneDNN whatever the log level; without oneDNN small networks run as fast, and machines differ less.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # whatever ~/.keras/keras.json says
