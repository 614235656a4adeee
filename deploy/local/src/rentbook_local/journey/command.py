"""`./rentbook journey`: one refund from bank file to letter, or one write-off there and back, through the doors that people use."""

import argparse
import sys
from pathlib import Path

from rentbook_local.journey.desk import Unexpected
from rentbook_local.journey.story import Journey
from rentbook_local.journey.telling import Hop, Story
from rentbook_local.journey.write_off_story import WriteOffJourney
from rentbook_local.layout import Layout


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--write-off", action="store_true", help="a write-off instead: from an old debt to the register, and back")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the hops for machines too")


def main(at: Layout, arguments: argparse.Namespace) -> int:
    """Play the journey on the running stack. Exit code 1 with the reason at the first hop that fails."""
    journey: Story = (WriteOffJourney if arguments.write_off else Journey)(at, tell=_print)
    print(f"{journey.title}, at {at.desk}\n")
    try:
        journey.play()
    except Unexpected as reason:
        print(f"\nThe journey ends here, at “{journey.under_way}”: {reason}", file=sys.stderr)
        return 1
    finally:
        if arguments.json is not None:
            journey.write(arguments.json)
    print(f"\nDone: {len(journey.hops)} hops in {sum(hop.seconds for hop in journey.hops):.1f} s.")
    return 0


def _print(hop: Hop) -> None:
    ids = "  ".join(f"{name} {value}" for name, value in hop.ids.items())
    print(f"  {hop.at[11:19]}  {hop.name:<13} {hop.by}: {hop.says}\n{'':27}{ids}", flush=True)
