"""Helpers of the multi-task learning course: data, plots, many seeds at once, checks of exercises.

Importing this package alone does not import TensorFlow.
"""

import os

__version__ = "0.1.0"

# Both are read once, when TensorFlow and Keras are first imported: so lessons import mtl_helpers first.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no start-up messages in the learner's first output
os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # whatever ~/.keras/keras.json says
