"""Which entry of references.bib is meant by a reference of a lesson."""

import re

ENTRY = re.compile(r"^@\w+\{(\S+),\n(.*?)^\}", re.M | re.S)
FIELD = re.compile(r"^ *(\w+) = \{(.*)\},?$", re.M)


def read(text: str) -> dict[str, dict[str, str]]:
    """Return the fields of each entry of a BibTeX file, written as in references.bib: a field a line."""
    return {key: dict(FIELD.findall(fields)) for key, fields in ENTRY.findall(text)}


def mark(fields: dict[str, str]) -> str:
    """Return the words by which a lesson's reference is known: arXiv's number, or `known_by`, or the title."""
    if "eprint" in fields:
        return f"arXiv {fields['eprint']}"
    return re.sub(r"[{}]", "", fields.get("known_by", fields["title"]))


def keys(references: dict[str, str], entries: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the key of each of a lesson's references.

    Raises:
        ValueError: for a reference that fits no entry, or more than one.
    """
    found = {}
    for number, text in references.items():
        plain = text.replace("*", "").lower()
        fitting = [key for key, fields in entries.items() if mark(fields).lower() in plain]
        if len(fitting) != 1:
            raise ValueError(
                f"reference [{number}] {text!r} fits {fitting or 'no entry'} of book/references.bib. Add an entry "
                "with its arXiv number as `eprint`, or with `known_by`, words that the lesson's reference holds."
            )
        found[number] = fitting[0]
    return found
