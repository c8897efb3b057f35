"""The networks whose steps are timed, as numbers that TensorFlow's and PyTorch's side both read."""

SIZE, CHANNELS, KERNEL, HIDDEN, CLASSES = (
    28,
    (16, 32),
    5,
    64,
    10,
)  # a small LeNet: two convolutions, one dense layer
BATCH_SIZE, THREADS = 128, 2
TASKS = (2, 4, 8)
