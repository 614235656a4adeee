"""What is done with the bank's reports that are not as they should be."""

import hashlib
from datetime import UTC, date, datetime
from typing import Any

from bank_simulator.reports import arucs
from chassis.serving import Tick
from chassis.transaction import run
from refunds.use_cases.record_bank_reports import take
from refunds.use_cases.return_payments import return_payments
from rentbook_contracts.refunds import RefundReturned
from support.refund_service import Refunds

ON = date(2026, 11, 20)


def returned(reference: str, pence: int) -> dict[str, Any]:
    return {"reference": reference, "pence": pence, "processing_day": ON.isoformat()}


def report(number: int, *items: dict[str, Any]) -> bytes:
    return arucs(list(items), {item["reference"]: "B" for item in items}, "123456", number, ON)


async def taken(refunds: Refunds, number: int, content: bytes) -> None:
    await run(refunds.runtime, lambda tx: take(tx, number, content))
    await refunds.do(return_payments, Tick(at=datetime.now(UTC)))


async def words(refunds: Refunds) -> list[str]:
    return [row["words"] for row in await refunds.rows("SELECT words FROM bank_report ORDER BY number")]


async def test_a_report_that_cannot_be_read_is_kept_for_people_and_stops_no_other(refunds: Refunds) -> None:
    await taken(refunds, 1, b"<!DOCTYPE a [<!ENTITY x 'y'>]><BACSDocument/>")
    await taken(refunds, 2, report(2))
    first, second = await words(refunds)
    assert first.startswith("Report 1 of the bank could not be read.")
    assert second == "ARUCS of 20 November 2026: 0 returned, £0.00."


DDICA = b"""<?xml version="1.0"?>
<VocaDocument><Data><Document type="DDICAdvices"><ServiceUserNumber>123456</ServiceUserNumber><NewAdvices>
<TotalValueOfDebits>500.00</TotalValueOfDebits><DateOfDebit>2026-12-10</DateOfDebit>
<DDICAdvice><SeqNo>1</SeqNo><PayingBankReference>CANARY-1</PayingBankReference><SUReference>90000001E</SUReference>
<ReasonCode>2</ReasonCode><ReasonCodeMeaning>NO NOTICE</ReasonCodeMeaning><TotalAmount>500.00</TotalAmount></DDICAdvice>
</NewAdvices></Document></Data></VocaDocument>"""


async def test_a_direct_debit_indemnity_claim_is_kept_for_people_and_returns_no_refund(refunds: Refunds) -> None:
    """It is about a receipt, which the ledger takes back by the bank's statement: here it must neither be lost nor taken for a return."""
    await taken(refunds, 1, DDICA)
    await taken(refunds, 2, report(2))
    [claim, other] = await refunds.rows("SELECT kind, sha256, words FROM bank_report ORDER BY number")
    assert (claim["kind"], claim["sha256"]) == ("UNREADABLE", hashlib.sha256(DDICA).hexdigest())
    assert claim["words"].startswith("Report 1 of the bank could not be read.")
    assert "CANARY" not in claim["words"]
    assert other["kind"] == "ARUCS"
    assert await refunds.rows("SELECT * FROM bank_report_item") == []
    assert await refunds.told(RefundReturned) == []


async def test_the_same_report_under_another_number_changes_nothing(refunds: Refunds) -> None:
    content = report(1, returned("REFUND 00000009", 5_00))
    await taken(refunds, 1, content)
    await taken(refunds, 2, content)
    assert (await words(refunds))[1] == "Report 2 repeats an earlier report of the same key."
    assert len(await refunds.rows("SELECT * FROM bank_report_item")) == 1


async def test_a_report_that_contradicts_an_earlier_one_is_not_acted_on(refunds: Refunds) -> None:
    await taken(refunds, 1, report(1, returned("REFUND 00000009", 5_00)))
    await taken(refunds, 2, report(1, returned("REFUND 00000008", 7_00)))
    assert (await words(refunds))[1] == "Report 2 contradicts an earlier report of the same key."
    assert [row["reference"] for row in await refunds.rows("SELECT reference FROM bank_report_item")] == ["REFUND 00000009"]


async def test_a_return_of_a_payment_that_was_never_made_moves_nothing(refunds: Refunds) -> None:
    await taken(refunds, 1, report(1, returned("REFUND 00000009", 5_00)))
    assert [row["effect"] for row in await refunds.rows("SELECT effect FROM bank_item_effect")] == ["no-such-payment"]
    assert await refunds.told(RefundReturned) == []
