"""Whether an address can be reached from this machine alone: what a hub without passwords may be bound to."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine's loopback address, written as a number; a name may change."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refusal(addresses: dict[str, str]) -> str:
    """Say why a rehearsal must not start at some addresses; "" if it may.

    Args:
        addresses: the name of each setting, and its URL; one that is empty is not set.
    """
    for setting, address in addresses.items():
        if address and not is_loopback(urlsplit(address).hostname or ""):
            return (
                f"{setting} is {address}: in a rehearsal anybody can log in as anybody, so it starts on 127.0.0.1 alone. "
                "For learners, use workshop/jupyterhub_config.py."
            )
    return ""
