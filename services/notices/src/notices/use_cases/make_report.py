"""Set a report of another service for reading and printing. Nothing of it is kept."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from chassis.transaction import Transaction
from rentbook_contracts.notices import ReportSet, SetReport
from rentbook_contracts.operation import BrokenRule

from notices.typesetting import CannotBeSet, set_report

_ONE_AFTER_THE_OTHER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reports")
"""A long report fills a processor and hundreds of megabytes: many at once would take both from the letters."""


class ReportCannotBeSet(BrokenRule):
    """Too many characters have no font, or a row has not as many cells as its table has columns."""


async def make_report(_: Transaction, asked: SetReport) -> ReportSet:
    """Errors: ReportCannotBeSet."""
    if any(len(row) != len(table.columns) for table in asked.tables for row in (*table.rows, table.total or table.columns)):
        raise ReportCannotBeSet("A row has not as many cells as its table has columns.")
    try:
        pdf = await asyncio.get_running_loop().run_in_executor(_ONE_AFTER_THE_OTHER, set_report, asked.model_dump(mode="json"))
    except CannotBeSet as error:
        raise ReportCannotBeSet(
            "The report can't be set as PDF: too many of its characters have no font. Take it as a workbook."
        ) from error
    return ReportSet.model_construct(pdf=pdf)
