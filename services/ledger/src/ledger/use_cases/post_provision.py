"""Post what the provision for bad debts needs at a month's end, against the year's expense. Once for each month (domain.md 2.5)."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import PostProvision, ProvisionReport

from ledger import store
from ledger.domain.posting import CONTROL_ACCOUNTS, Control, Posting, two_legs
from ledger.domain.provision import PROVISION_CODE
from ledger.domain.rules import LaterMonthPosted, ProvisionMoved
from ledger.domain.statement import pounds
from ledger.queries.provision import provision_report
from ledger.use_cases.permission import may_post_provision


async def post_provision(tx: Transaction, asked: PostProvision) -> ProvisionReport:
    """A month's end that was posted answers with its report. Errors: NotAllowed, NotAMonthsEnd, NoRatesInForce,
    LaterMonthPosted, ProvisionMoved.
    """
    may_post_provision(tx.caller)
    await store.serialise(tx, "provision")
    last = await store.last_provision(tx)
    if last is not None and last > asked.month_end:
        raise LaterMonthPosted("The provision of a later month was posted already.", field="month_end")
    # Nobody moves an account meanwhile: it is of all that was posted before its journal, and of nothing else.
    await store.lock_all_accounts(tx)
    report = await provision_report(tx, asked)
    if last == asked.month_end:
        return report
    if report.to_post_pence != asked.to_post_pence:
        raise ProvisionMoved(f"{pounds(report.to_post_pence)} would be posted by now. Look at it again, then post it.")
    report = report.model_copy(update={"posted_by": tx.caller.person, "posted_at": tx.now})
    if report.to_post_pence:
        posting = Posting(
            f"provision/{asked.month_end}",
            PROVISION_CODE,
            asked.month_end,
            two_legs(CONTROL_ACCOUNTS[Control.BAD_DEBT_EXPENSE], report.to_post_pence, Control.BAD_DEBT_PROVISION),
            tx.caller.person,
            f"provision at {asked.month_end}, policy {report.policy_version}",
        )
        await store.post(tx, [posting])
        report = report.model_copy(update={"journal": posting.id})
    await store.add_provision(tx, report)
    return report
