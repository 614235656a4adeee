"""Bank files as a bank would write them, for tests. Every account, name and reference is made up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

IBAN = "GB33BUKB20201555555555"
TODAY = date(2026, 6, 30)


@dataclass(frozen=True)
class Payment:
    """One TxDtls."""

    text: Sequence[str] = ()
    end_to_end_id: str = ""
    structured: str = ""
    payer: str = ""
    payer_iban: str = ""
    pounds: str = ""
    sign: str = ""


@dataclass(frozen=True)
class Entry:
    """One Ntry. `pounds` is written as given."""

    pounds: str = "60.00"
    sign: str = "CRDT"
    reference: str = ""
    servicer_reference: str = ""
    status: str = "BOOK"
    booked: str = "2026-06-29"
    valued: str = "2026-06-29"
    code: str = ""
    proprietary: str = ""
    reversal: str = ""
    currency: str = "GBP"
    information: str = ""
    payments: Sequence[Payment] = (Payment(),)
    batch_count: str = ""


@dataclass(frozen=True)
class Statement:
    """One Stmt. The closing balance ties unless it is given."""

    entries: Sequence[Entry] = ()
    opening: int = 1_000_00
    closing: int | None = None
    account: str = f"<IBAN>{IBAN}</IBAN>"
    servicer: str = ""
    statement_id: str = "S1"
    number: str = "1"
    summary: str = ""
    opening_code: str = "OPBD"


def pence(pounds: str) -> int:
    whole, _, part = pounds.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0")[:2])


def decimals(amount: int) -> str:
    return f"{abs(amount) // 100}.{abs(amount) % 100:02d}"


def camt053(
    statements: Iterable[Statement] | Statement,
    *,
    version: str = "08",
    message_id: str = "M1",
    created: str = "2026-06-30T06:00:00",
    namespace: str = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.",
    prologue: str = '<?xml version="1.0" encoding="UTF-8"?>\n',
    prefix: str = "",
) -> bytes:
    """A whole file, indented, without a line end after its last tag."""
    listed = [statements] if isinstance(statements, Statement) else list(statements)
    old = int(version) < 4
    lines = [
        f'<Document xmlns{":" + prefix if prefix else ""}="{namespace}{version}">',
        "<BkToCstmrStmt>",
        f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{created}</CreDtTm></GrpHdr>",
        *(line for statement in listed for line in _statement(statement, created, old=old)),
        "</BkToCstmrStmt>",
        "</Document>",
    ]
    text = "\n".join(lines)
    if prefix:
        text = text.replace("</", "\0").replace("<", f"<{prefix}:").replace("\0", f"</{prefix}:")
    return (prologue + text).encode()


def _statement(statement: Statement, created: str, *, old: bool) -> list[str]:
    closing = statement.closing
    if closing is None:
        booked = [entry for entry in statement.entries if entry.status == "BOOK"]
        closing = statement.opening + sum(pence(entry.pounds) * (1 if entry.sign == "CRDT" else -1) for entry in booked)
    return [
        "<Stmt>",
        f"  <Id>{statement.statement_id}</Id>",
        f"  <ElctrncSeqNb>{statement.number}</ElctrncSeqNb>",
        f"  <CreDtTm>{created}</CreDtTm>",
        f"  <Acct><Id>{statement.account}</Id>{statement.servicer}</Acct>",
        _balance(statement.opening_code, statement.opening, "2026-06-28"),
        _balance("CLBD", closing, "2026-06-29"),
        *([f"  {statement.summary}"] if statement.summary else []),
        *(line for entry in statement.entries for line in _entry(entry, old=old)),
        "</Stmt>",
    ]


def _balance(code: str, amount: int, day: str) -> str:
    sign = "CRDT" if amount >= 0 else "DBIT"
    return (
        f"  <Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="GBP">{decimals(amount)}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>'
    )


def _entry(entry: Entry, *, old: bool) -> list[str]:
    domain = entry.code.split("/") if entry.code else []
    return [
        "  <Ntry>",
        *_tag("NtryRef", entry.reference),
        f'    <Amt Ccy="{entry.currency}">{entry.pounds}</Amt>',
        f"    <CdtDbtInd>{entry.sign}</CdtDbtInd>",
        *_tag("RvslInd", entry.reversal),
        f"    <Sts>{entry.status}</Sts>" if old else f"    <Sts><Cd>{entry.status}</Cd></Sts>",
        *([f"    <BookgDt><Dt>{entry.booked}</Dt></BookgDt>"] if entry.booked else []),
        *([f"    <ValDt><Dt>{entry.valued}</Dt></ValDt>"] if entry.valued else []),
        *_tag("AcctSvcrRef", entry.servicer_reference),
        "    <BkTxCd>",
        *([f"<Domn><Cd>{domain[0]}</Cd><Fmly><Cd>{domain[1]}</Cd><SubFmlyCd>{domain[2]}</SubFmlyCd></Fmly></Domn>"] if domain else []),
        *([f"<Prtry><Cd>{entry.proprietary}</Cd></Prtry>"] if entry.proprietary else []),
        "    </BkTxCd>",
        "    <NtryDtls>",
        *([f"<Btch><NbOfTxs>{entry.batch_count}</NbOfTxs></Btch>"] if entry.batch_count else []),
        *(line for payment in entry.payments for line in _payment(payment, old=old)),
        "    </NtryDtls>",
        *_tag("AddtlNtryInf", entry.information),
        "  </Ntry>",
    ]


def _payment(payment: Payment, *, old: bool) -> list[str]:
    name = f"<Nm>{payment.payer}</Nm>"
    amount = f'<Amt Ccy="GBP">{payment.pounds}</Amt>'
    return [
        "      <TxDtls>",
        f"        <Refs><EndToEndId>{payment.end_to_end_id or 'NOTPROVIDED'}</EndToEndId></Refs>",
        *([f"<AmtDtls><TxAmt>{amount}</TxAmt></AmtDtls>" if old else amount] if payment.pounds else []),
        *_tag("CdtDbtInd", payment.sign),
        "        <RltdPties>",
        *([f"<Dbtr>{name}</Dbtr>" if old else f"<Dbtr><Pty>{name}</Pty></Dbtr>"] if payment.payer else []),
        *([f"<DbtrAcct><Id><IBAN>{payment.payer_iban}</IBAN></Id></DbtrAcct>"] if payment.payer_iban else []),
        "        </RltdPties>",
        "        <RmtInf>",
        *(f"<Ustrd>{text}</Ustrd>" for text in payment.text),
        *([f"<Strd><CdtrRefInf><Ref>{payment.structured}</Ref></CdtrRefInf></Strd>"] if payment.structured else []),
        "        </RmtInf>",
        "      </TxDtls>",
    ]


def _tag(name: str, text: str) -> list[str]:
    return [f"    <{name}>{text}</{name}>"] if text else []


@dataclass(frozen=True)
class CashLine:
    """One line of an allpay cash file."""

    reference: str = "97000023E"
    pounds: str = "60.00"
    kind: str = "T"
    paid_on: str = "29/06/2026"
    client: str = " 335610"
    after: str = ""

    def text(self) -> str:
        return f"{self.client:<7}{self.reference:<16}{self.pounds:>9}{self.kind}{self.paid_on}{self.after}"


@dataclass(frozen=True)
class CashTotals:
    """The two last lines. None: what the lines add up to."""

    amount: str | None = None
    count: str | None = None
    extra: Sequence[str] = field(default=())


def allpay(lines: Sequence[CashLine], totals: CashTotals | None = None, *, end: str = "\r\n") -> bytes:
    """A whole file, with a line end after its last line."""
    totals = totals or CashTotals()
    amount = totals.amount if totals.amount is not None else _added_up(lines)
    count = totals.count if totals.count is not None else str(len(lines))
    ends = [f"{'Total Amount':<34}{amount:>17}", f"{'Total Transactions':<40}{count:>17}", *totals.extra]
    return end.join([*(line.text() for line in lines), "", *ends, ""]).encode()


def _added_up(lines: Sequence[CashLine]) -> str:
    total = sum((-1 if line.pounds.startswith("-") else 1) * pence(line.pounds.lstrip("-")) for line in lines)
    return ("-" if total < 0 else "") + decimals(total)
