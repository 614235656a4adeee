"""The settings of refunds, beside those that every service has."""

import json
import re
from datetime import date, time, timedelta
from importlib.resources import files
from pathlib import Path

import holidays
from chassis.settings import Settings
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from refunds.domain.bacs import Originator
from refunds.domain.envelope import KeyRing, UnusableKeyRing, read_key_ring
from refunds.domain.means import Means
from refunds.domain.modulus import ModulusTable, read_table
from refunds.domain.working_days import WorkingDays

PAYEE_KEYS = "payee_keys.json"


class RewrapSettings(BaseSettings):
    """What `rewrap-keys` must be told: the database as the role that owns its tables, and where the key ring is."""

    model_config = SettingsConfigDict(env_prefix="RENTBOOK_", frozen=True, extra="ignore", hide_input_in_errors=True)

    owner_database_url: str = Field(description="postgresql:// address of the database, as the owner of its tables", repr=False)
    secrets_dir: Path = Field(description="Folder of the file payee_keys.json")

    @field_validator("owner_database_url")
    @classmethod
    def by_our_driver(cls, url: str) -> str:
        """An address as psql takes it is as good as one that names the driver."""
        return re.sub("^postgres(ql)?://", "postgresql+asyncpg://", url)

    def key_ring(self) -> KeyRing:
        """Errors: UnusableKeyRing, OSError."""
        return read_key_ring((self.secrets_dir / PAYEE_KEYS).read_text(encoding="utf-8"))


class RefundsSettings(Settings):
    """The originator's defaults are the fictitious service user and account of domain.md 3.5, in the demonstration council's name.

    A council sets its own.
    """

    body_limit_bytes: int = Field(default=16_000_000, gt=0, description="The longest command: one that carries the document of an evidence")
    bank_url: str = Field(description="Base address of the bank's gateway: payment files, reports and Confirmation of Payee")
    bank_limit_seconds: float = Field(default=10.0, gt=0, description="How long the bank may take to answer")
    report_seconds: float = Field(default=900.0, gt=0, description="How often the bank is asked for its reports")
    payments_dir: Path = Field(description="Folder in which payment files are kept for people")
    service_user_number: str = Field(default="123456", pattern=r"^\d{6}$", description="The council's Bacs service user number")
    own_sort_code: str = Field(default="107999", pattern=r"^\d{6}$", description="Of the council's account that pays refunds")
    own_account_number: str = Field(default="88837491", pattern=r"^\d{8}$", description="Of the council's account that pays refunds")
    own_name: str = Field(default="RENTBRIDGE RENTS", max_length=18, description="What stands on the tenant's bank statement")
    cut_off: time = Field(default=time(16), description="Until when a file is input on the same working day, Europe/London")
    one_off_holidays: tuple[date, ...] = Field(default=(), description="Bank holidays proclaimed for one year (domain.md 3.2)")

    @field_validator("bank_url")
    @classmethod
    def without_its_end(cls, url: str) -> str:
        return url.rstrip("/")

    def key_ring(self) -> KeyRing:
        """The keys of payees' bank details. Errors: UnusableKeyRing, with what to do."""
        try:
            return read_key_ring(self.secret(PAYEE_KEYS))
        except OSError:
            what = f"Put the payees' key ring at {PAYEE_KEYS} in the secrets folder: without it no bank detail can be kept or paid to."
            raise UnusableKeyRing(what) from None

    def means(self) -> Means:
        """Errors: UnusableKeyRing."""
        return Means(
            keys=self.key_ring(),
            originator=Originator(self.service_user_number, self.own_sort_code, self.own_account_number, self.own_name),
            modulus_tables=modulus_tables(),
            calendar=working_days(frozenset(self.one_off_holidays)),
            cut_off=self.cut_off,
            bank_url=self.bank_url,
            bank_limit_seconds=self.bank_limit_seconds,
            payments_dir=self.payments_dir,
        )

    def report_period(self) -> timedelta:
        return timedelta(seconds=self.report_seconds)


def working_days(one_off: frozenset[date]) -> WorkingDays:
    """Bacs days follow the bank holidays of England (domain.md 3.2)."""
    england = holidays.country_holidays("GB", subdiv="ENG")
    return WorkingDays(lambda day: day in one_off or day in england)


def modulus_tables() -> tuple[ModulusTable, ...]:
    """The tables that are shipped, each with the day from which it is used."""
    return tuple(_table(folder.name) for folder in (files("refunds") / "data" / "modulus").iterdir() if folder.is_dir())


def _table(name: str) -> ModulusTable:
    folder = files("refunds") / "data" / "modulus" / name
    about = json.loads((folder / "table.json").read_text("ascii"))
    return read_table(
        about["version"],
        date.fromisoformat(about["in_use_from"]),
        (folder / about["weights"]).read_text("ascii").splitlines(),
        (folder / about["substitutions"]).read_text("ascii").splitlines(),
    )
