"""Write-offs along their whole way on the real stack, through the desk."""

from rentbook_local.journey.telling import Hop
from rentbook_local.journey.write_off_story import WriteOffJourney
from support.stack import Stack


def test_the_path(stack: Stack) -> None:
    hops: list[Hop] = []
    journey = WriteOffJourney(stack.layout, hops.append)
    journey.play()
    assert [hop.name for hop in hops] == [
        "proposal", "proposal", "proposal", "evidence", "evidence", "evidence", "schedule", "four eyes", "authority", "approval", "posted",
        "register", "left out", "payment", "proposed again", "schedule", "approval", "reinstated", "traced", "schedule", "approval",
        "reinstated", "explained",
    ]  # fmt: skip
