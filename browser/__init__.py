"""JupyterLab driven by a real browser, as a learner would: `make browser`."""
