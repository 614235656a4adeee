"""Set a report of another service for reading and printing. Nothing of it is kept."""

import asyncio

from chassis.transaction import Transaction
from rentbook_contracts.notices import ReportSet, SetReport
from rentbook_contracts.operation import BrokenRule

from notices.typesetting import CannotBeSet, set_report


class ReportCannotBeSet(BrokenRule):
    """A character has no font, or a row has not as many cells as its table has columns."""


async def make_report(_: Transaction, asked: SetReport) -> ReportSet:
    """Errors: ReportCannotBeSet."""
    if any(len(row) != len(table.columns) for table in asked.tables for row in (*table.rows, table.total or table.columns)):
        raise ReportCannotBeSet("A row has not as many cells as its table has columns.")
    try:
        pdf = await asyncio.to_thread(set_report, asked.model_dump(mode="json"))
    except CannotBeSet as error:
        raise ReportCannotBeSet(
            "The report can't be set as PDF: perhaps no font has one of its characters. Take it as a workbook."
        ) from error
    return ReportSet.model_construct(pdf=pdf)
