"""Sign-in on one machine: `oidc-provider-mock` as a picker of personas. It asks for no password, so it is for demonstrations only."""

import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from rentbook_contracts.people import Role

from rentbook_local import child

CLIENT_ID = "rentbook-desk"


@dataclass(frozen=True)
class Persona:
    """A member of staff whom one may sign in as."""

    subject: str
    name: str
    roles: tuple[Role, ...]

    @property
    def part(self) -> str:
        """The persona's roles as people say them."""
        return " and ".join(role.replace("-", " ") for role in self.roles)


PERSONAS = (
    Persona("asha.officer", "Asha Lindqvist", (Role.OFFICER,)),
    Persona("bryn.officer", "Bryn Adeyemi", (Role.OFFICER,)),
    Persona("carys.senior", "Carys Mwangi", (Role.SENIOR_OFFICER,)),
    Persona("dilip.leader", "Dilip Marchetti", (Role.TEAM_LEADER,)),
    Persona("efua.manager", "Efua Thornbury", (Role.INCOME_MANAGER,)),
    Persona("farid.head", "Farid Osgood", (Role.HEAD_OF_SERVICE,)),
    Persona("greta.finance", "Greta Nakamura", (Role.FINANCE,)),
    Persona("ifeoma.finance", "Ifeoma Sandqvist", (Role.FINANCE,)),
    Persona("huw.auditor", "Huw Castellanos", (Role.AUDITOR,)),
    Persona("kirsi.s151", "Kirsi Abernethy", (Role.S151_OFFICER,)),
    Persona("lowri.member", "Lowri Castellane", (Role.EXECUTIVE_MEMBER,)),
    Persona("mabel.democratic", "Mabel Ostrander", (Role.DEMOCRATIC_SERVICES,)),
)
"""One for every band and part, two for finance, since whoever decides a large refund may not release it. None is a real person."""


def command(port: int, log: Path) -> child.Command:
    """How the provider is run."""
    return child.Command(
        name="signin",
        argv=(sys.executable, "-m", "rentbook_local.signin_server", "--port", str(port)),
        environment=child.surroundings(),
        directory=log.parent,
        log=log,
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGTERM,
    )
