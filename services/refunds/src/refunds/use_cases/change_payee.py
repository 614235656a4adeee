"""Change where the money shall go; the checks run again with the changed details."""

from uuid import uuid4

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import CaseStatus, ChangePayee

from refunds.domain.means import Means
from refunds.domain.rules import RefundRule
from refunds.store import cases
from refunds.use_cases.case_work import requested_case, require_case_worker, say_changed
from refunds.use_cases.open_case import add_payee

ON_ITS_WAY = (CaseStatus.RELEASED, CaseStatus.WITH_BANK)


class PaymentOnItsWay(RefundRule):
    """A released payment goes to the payee that was approved."""


async def change_payee(tx: Transaction, told: ChangePayee, means: Means) -> Nothing:
    """Errors: NotYourPart, UnknownCase, CaseIsClosed, NobodyAsked, PaymentOnItsWay, AccountCannotExist, NameHasNoBacsForm."""
    require_case_worker(tx)
    row = await requested_case(tx, told.case)
    if row.status in ON_ITS_WAY:
        raise PaymentOnItsWay("The payment is released: it goes to the payee that was approved.")
    payee = uuid4()
    await add_payee(tx, row.id, payee, told.payee, means, changes=row.payee, called_back=told.called_back)
    await cases.change(tx, row.id, payee=payee)
    await cases.take_part(tx, row.id, "entered the payee")
    await cases.note(tx, row.id, "payee changed" + (", tenant called back" if told.called_back else ""))
    await say_changed(tx, row)
    return Nothing()
