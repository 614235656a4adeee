"""Bank files: dropped on the desk, read and posted by the ledger, each with a page of its own that says what became of it."""

from uuid import UUID

from chassis.peers import Refused
from rentbook_contracts.ledger import (
    BANK_FILE_LIMIT_BYTES,
    BANK_FILE_PAGE,
    BANK_FILES,
    BankFileAsked,
    BankFilesAsked,
    FileStatus,
)
from starlette.responses import Response

from approvals.web.carried import send_bank_file
from approvals.web.chart import Bar, bar_chart
from approvals.web.forms import Form
from approvals.web.visit import Visit
from approvals.web.wording import code_words, size

LINES_A_PAGE = 200
FILES_SHOWN = 100

TITLES = {
    FileStatus.TAKEN: "was taken",
    FileStatus.REFUSED: "was refused",
    FileStatus.ALREADY_TAKEN: "was taken already",
}


async def listed(visit: Visit) -> Response:
    """The newest files that came, and the form that takes another."""
    return await _list(visit, Form())


async def upload(visit: Visit) -> Response:
    """Take a file in. The answer is the page of the file, whether it was taken, refused, or there already."""
    form = await visit.sent()
    sent = await visit.upload("file")
    if sent is None:
        form.wrong("Choose a bank file", "file")
    elif not sent.size:
        form.wrong(f"{sent.filename} is empty: download it from the bank again, or choose another file", "file")
    elif sent.size > BANK_FILE_LIMIT_BYTES:
        most = f"{BANK_FILE_LIMIT_BYTES // 1_000_000} MB"
        form.wrong(
            f"{sent.filename} is {size(sent.size)}; a bank file has at most {most}. Nothing was kept. "
            "Ask the bank for shorter periods, and send each part by itself",
            "file",
        )
    if form.errors or sent is None:
        return await _list(visit, form)
    try:
        page = await send_bank_file(visit, sent, form.id, as_new=form.value("as_new") == "yes")
    except Refused as refused:
        form.wrong(refused.message, "file")
        return await _list(visit, form)
    return visit.go(f"/files/{page.bank_file}")


async def name_too_long(visit: Visit) -> Response:
    """Say beside the field that a file came whose name is too long to be read, and with it nothing else of the form."""
    form = Form()
    form.wrong("The file’s name is too long to be read, and nothing was kept. Give the file a shorter name, and choose it again", "file")
    return await _list(visit, form)


async def show(visit: Visit) -> Response:
    """What became of one file: its totals and lines, or every fault, or the earlier file that it repeats."""
    bank_file: UUID = visit.request.path_params["bank_file"]
    page = await visit.ask(BANK_FILE_PAGE, BankFileAsked(bank_file=bank_file, offset=visit.offset, limit=LINES_A_PAGE))
    labels = await visit.account_labels(line.account for line in page.lines if line.account)
    return visit.show(
        "file.html",
        f"{page.name} {TITLES[page.status]}",
        page=page,
        chart=bar_chart([Bar(code_words(one.code), max(0, one.amount_pence)) for one in page.by_method]),
        labels=labels,
        names=await visit.names(),
        offset=visit.offset,
        limit=LINES_A_PAGE,
        form=Form(),
        looks_like_earlier=page.status is FileStatus.REFUSED and page.earlier is not None,
    )


async def _list(visit: Visit, form: Form) -> Response:
    # One more than is shown says that there are more.
    found = await visit.ask_or_name(BANK_FILES, BankFilesAsked(limit=FILES_SHOWN + 1), "the list of files")
    return visit.show(
        "files.html",
        "Bank files",
        form=form,
        files=found.files[:FILES_SHOWN] if found else None,
        more=found is not None and len(found.files) > FILES_SHOWN,
        names=await visit.names(),
        limit_octets=BANK_FILE_LIMIT_BYTES,
    )
