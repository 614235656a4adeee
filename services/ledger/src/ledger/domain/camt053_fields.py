"""Which values of a camt.053 file we read, and where they stand; all else passes by unread. The same paths serve every version."""

from dataclasses import dataclass, field

STMT = "/Document/BkToCstmrStmt/Stmt"
BAL = f"{STMT}/Bal"
NTRY = f"{STMT}/Ntry"
DTLS = f"{NTRY}/NtryDtls"
TX = f"{DTLS}/TxDtls"

_DATE = ("Dt", "DtTm")
_LEAVES: dict[str, tuple[str, ...]] = {
    STMT: (
        *("Id", "ElctrncSeqNb", "StmtPgntn/PgNb", "Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Svcr/FinInstnId/ClrSysMmbId/MmbId"),
        *("TxsSummry/TtlNtries/NbOfNtries", "TxsSummry/TtlNtries/Sum", "TxsSummry/TtlCdtNtries/NbOfNtries", "TxsSummry/TtlCdtNtries/Sum"),
        *("TxsSummry/TtlDbtNtries/NbOfNtries", "TxsSummry/TtlDbtNtries/Sum"),
        *("TxsSummry/TtlNtries/TtlNetNtryAmt", "TxsSummry/TtlNtries/CdtDbtInd"),
        *("TxsSummry/TtlNtries/TtlNetNtry/Amt", "TxsSummry/TtlNtries/TtlNetNtry/CdtDbtInd"),
    ),
    BAL: ("Tp/CdOrPrtry/Cd", "Amt", "CdtDbtInd", *(f"Dt/{kind}" for kind in _DATE)),
    NTRY: (
        *("NtryRef", "AcctSvcrRef", "Amt", "CdtDbtInd", "RvslInd", "Sts", "Sts/Cd", "AddtlNtryInf"),
        *(f"{day}/{kind}" for day in ("BookgDt", "ValDt") for kind in _DATE),
        *("BkTxCd/Domn/Cd", "BkTxCd/Domn/Fmly/Cd", "BkTxCd/Domn/Fmly/SubFmlyCd", "BkTxCd/Prtry/Cd"),
    ),
    DTLS: ("Btch/NbOfTxs",),
    TX: (
        *("Refs/EndToEndId", "Refs/AcctSvcrRef", "Amt", "CdtDbtInd", "AmtDtls/TxAmt/Amt", "RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref"),
        *("RmtInf/Strd/AddtlRmtInf", "RltdPties/DbtrAcct/Id/IBAN", "RltdPties/DbtrAcct/Id/Othr/Id"),
        "RltdAgts/DbtrAgt/FinInstnId/ClrSysMmbId/MmbId",
        *(f"RltdPties/{party}/{name}" for party in ("Dbtr", "Cdtr") for name in ("Nm", "Pty/Nm")),
    ),
}
REPEATABLE = frozenset({"RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/AddtlRmtInf"})
"""What one payment may carry several times."""

SCOPE_OF_LEAF = {f"{scope}/{leaf}": (scope, leaf) for scope, leaves in _LEAVES.items() for leaf in leaves}
"""Where each value that we read belongs: the record, and its path below it."""

MAY_HAVE_CHILDREN = frozenset({f"{NTRY}/Sts"})
"""Text in early versions, an element with a code since version 4."""


@dataclass(frozen=True, slots=True)
class Value:
    """A text with its line and, for an amount, its currency."""

    text: str
    line: int
    currency: str


@dataclass(slots=True)
class Fields:
    """The values gathered for one statement, balance, entry or payment, by their path below it."""

    line: int
    values: dict[str, list[Value]] = field(default_factory=dict)

    def first(self, *paths: str) -> Value | None:
        """The first value at any of the paths."""
        return next((self.values[path][0] for path in paths if path in self.values), None)

    def text(self, *paths: str) -> str:
        """Its text, or nothing."""
        value = self.first(*paths)
        return value.text if value else ""

    def texts(self, path: str) -> tuple[str, ...]:
        """All texts at a path that may repeat."""
        return tuple(value.text for value in self.values.get(path, ()) if value.text)

    def line_of(self, *paths: str) -> int:
        """Its line, or that of the record where it is missing."""
        value = self.first(*paths)
        return value.line if value else self.line
