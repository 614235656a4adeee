"""Payment files that were kept in clear, by a version before this one, are sealed: the migration has no key."""

from chassis.serving import Tick
from chassis.transaction import Transaction

from refunds.domain.means import Means
from refunds.store import runs

FILES_AT_ONCE = 20


async def seal_files(tx: Transaction, _: Tick, means: Means) -> bool:
    """True where more may wait. Each file is sealed and out of the clear in one transaction, or neither."""
    files = await runs.files_in_clear(tx, FILES_AT_ONCE)
    for file in files:
        await runs.seal_file(tx, means.keys, file)
    return len(files) == FILES_AT_ONCE
