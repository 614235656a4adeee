"""`python -m workflows`: tells the stories until it is asked to stop."""

import asyncio
import logging
import os
import sys

from chassis.settings import ProcessSettings
from chassis.waiting import NotReady
from pydantic import ValidationError

from workflows.serving import serve


def main() -> tuple[int, str]:
    try:
        asyncio.run(serve(ProcessSettings()))
    except ValidationError as error:
        faults = error.errors(include_input=False)
        return 2, "\n".join(f"workflows: RENTBOOK_{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in faults)
    except (NotReady, OSError) as error:
        return 1, f"workflows: {error}"
    return 0, ""


if __name__ == "__main__":
    status, said = main()
    if said:
        sys.stderr.write(f"{said}\n")
    logging.shutdown()
    sys.stderr.flush()
    # temporalio sometimes aborts in the interpreter's own exit, after all is done.
    os._exit(status)
