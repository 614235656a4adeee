"""Free ports, and the sentence for one that is taken."""

import random
import socket

from rentbook_local.problem import Problem

HOST = "127.0.0.1"
_BELOW_EPHEMERAL = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on the port of the loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def require_free(port: int, of: str) -> None:
    """Raise `Problem` where another process has the port."""
    if not is_free(port):
        raise Problem(f"Port {port}, which {of} needs, is in use: stop what uses it, or choose other ports with --base-port.")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below the range from which the kernel gives ports to clients."""
    found: list[int] = []
    for port in random.sample(_BELOW_EPHEMERAL, len(_BELOW_EPHEMERAL)):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise Problem(f"There are no {count} free ports between 20000 and 32000: stop some programs and try again.")
