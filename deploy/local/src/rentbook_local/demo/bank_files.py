"""Bank files that fit the demonstration estate: to be dropped on the desk."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from xml.sax.saxutils import escape

from rentbook_local.demo.estate import Estate

OWN_IBAN = "GB75WHBC10799988837491"
OPENING_PENCE = 1_250_000_00
CLEAN_OVERPAYMENT = 141_20


@dataclass(frozen=True)
class Line:
    """A receipt on the statement. `name` is the payer's, invented; `pending` lines are announced and not booked."""

    pence: int
    text: str
    name: str
    payer: str
    pending: bool = False


def business_day(today: date) -> date:
    """Today, or the Friday before a weekend: banks book on weekdays."""
    return today - timedelta(days=max(0, today.weekday() - 4))


def statement_lines(estate: Estate) -> list[Line]:
    """The overpayment of the README’s ten lines, two dozen ordinary payments, one that nobody can place, and one still pending."""
    chance = Random(estate.today.toordinal())  # noqa: S311 - a demonstration
    clean = estate.cast["clean"]
    payer = clean["sort_code"] + clean["account_number"]
    lines = [Line(CLEAN_OVERPAYMENT, clean["reference"], clean["names"][0].upper(), payer)]
    lines += [Line(row["weekly"], f"RENT {row['reference']}", "A PAYER", row["payer"]) for row in chance.sample(estate.ordinary, 24)]
    lines.append(Line(75_00, "RENT FLAT 4", "J SMITHSON", "08999960000001"))
    lines.append(Line(88_50, estate.ordinary[3]["reference"], "A PAYER", estate.ordinary[3]["payer"], pending=True))
    return lines


def camt053(lines: list[Line], day: date, number: int, *, wrong_total: bool = False) -> str:
    """A camt.053.001.08 statement of one day whose balances tie, unless they are asked not to."""
    closing = OPENING_PENCE + sum(line.pence for line in lines if not line.pending) + (1 if wrong_total else 0)
    written = datetime.combine(day, time(6, 30)).isoformat()
    entries = "\n".join(_entry(line, day, f"{day:%Y%m%d}{number:02d}{position:05d}") for position, line in enumerate(lines, 1))
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">
 <BkToCstmrStmt>
  <GrpHdr><MsgId>RB{day:%Y%m%d}{number:02d}</MsgId><CreDtTm>{written}</CreDtTm></GrpHdr>
  <Stmt>
   <Id>{day:%Y%m%d}-{number:02d}</Id><ElctrncSeqNb>{day.timetuple().tm_yday * 10 + number}</ElctrncSeqNb><CreDtTm>{written}</CreDtTm>
   <Acct><Id><IBAN>{OWN_IBAN}</IBAN></Id><Ccy>GBP</Ccy></Acct>
{_balance("OPBD", OPENING_PENCE, day)}
{_balance("CLBD", closing, day)}
{entries}
  </Stmt>
 </BkToCstmrStmt>
</Document>
"""


def _balance(code: str, pence: int, day: date) -> str:
    return (
        f'   <Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="GBP">{_pounds(pence)}</Amt>'
        f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _entry(line: Line, day: date, entry_reference: str) -> str:
    status = "PDNG" if line.pending else "BOOK"
    booked = "" if line.pending else f"<BookgDt><Dt>{day}</Dt></BookgDt>"
    return f"""   <Ntry>
    <NtryRef>{entry_reference}</NtryRef><Amt Ccy="GBP">{_pounds(line.pence)}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>{status}</Cd></Sts>
    {booked}<ValDt><Dt>{day}</Dt></ValDt>
    <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>DMCT</SubFmlyCd></Fmly></Domn></BkTxCd>
    <NtryDtls><TxDtls>
     <Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><Amt Ccy="GBP">{_pounds(line.pence)}</Amt><CdtDbtInd>CRDT</CdtDbtInd>
     <RltdPties><Dbtr><Pty><Nm>{escape(line.name)}</Nm></Pty></Dbtr><DbtrAcct><Id><Othr><Id>{line.payer}</Id></Othr></Id></DbtrAcct></RltdPties>
     <RmtInf><Ustrd>{escape(line.text)}</Ustrd></RmtInf>
    </TxDtls></NtryDtls>
   </Ntry>"""


def allpay(rows: list[tuple[str, int, str]], day: date) -> str:
    """An allpay cash file (domain.md 2.1) of reference, pence and type, with both its totals."""
    body = "".join(f" 335610{reference:<16}{_pounds(pence):>9}{kind}{day:%d/%m/%Y}\r\n" for reference, pence, kind in rows)
    amount, count = _pounds(sum(pence for _, pence, _ in rows)), str(len(rows))
    return f"{body}\r\n{'Total Amount':<34}{amount:>17}\r\n{'Total Transactions':<40}{count:>17}\r\n"


def files(estate: Estate) -> dict[str, str]:
    """Name and content of each file. The wrong one is there to be refused."""
    day = business_day(estate.today)
    lines = statement_lines(estate)
    cards = [(row["reference"], 2 * row["weekly"], "T") for row in estate.ordinary[40:58]]
    return {
        f"bank-statement-{day}.xml": camt053(lines, day, 1),
        f"bank-statement-{day}-wrong-total.xml": camt053(lines, day, 2, wrong_total=True),
        f"allpay-{day}.txt": allpay(cards, day),
    }


def _pounds(pence: int) -> str:
    sign = "-" if pence < 0 else ""
    return f"{sign}{abs(pence) // 100}.{abs(pence) % 100:02d}"
