"""The website of the course: `make book` builds it in book/_build/html from the committed lessons."""
