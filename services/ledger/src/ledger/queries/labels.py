"""How accounts are named to people, and how they are found."""

import re
from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountKind, AccountLabel, AccountLabels, Accounts, AccountStatus, FoundAccounts, SearchAccounts
from sqlalchemy.dialects.postgresql import aggregate_order_by

from ledger.domain.folding import folded
from ledger.tables import account, person, rental_property, tenancy, tenant


def _of_tenants(column: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
    """A column of each person who answers for the tenancy, in one order."""
    return (
        sa.select(sa.func.array_agg(aggregate_order_by(column, tenant.c.joint, person.c.name, person.c.id)))
        .select_from(person)
        .join(tenant, tenant.c.person == person.c.id)
        .where(tenant.c.tenancy == tenancy.c.id, sa.or_(tenant.c.until.is_(None), tenant.c.until >= tenancy.c.ended_on))
        .correlate(tenancy)
        .scalar_subquery()
    )


LABEL = (
    sa.select(
        account.c.id,
        account.c.reference,
        account.c.kind,
        account.c.status,
        account.c.balance_pence,
        rental_property.c.address,
        rental_property.c.postcode,
        sa.func.coalesce(_of_tenants(person.c.name), sa.cast([], sa.ARRAY(sa.Text))).label("names"),
        sa.func.coalesce(_of_tenants(person.c.id), sa.cast([], sa.ARRAY(sa.Uuid))).label("people"),
    )
    .select_from(account)
    .join(tenancy, tenancy.c.id == account.c.tenancy)
    .join(rental_property, rental_property.c.id == tenancy.c.property)
)


async def account_labels(tx: Transaction, asked: Accounts) -> AccountLabels:
    """Labels of accounts in the order asked; unknown ids are left out."""
    found = {label.account: label for label in await labels_of(tx, asked.accounts)}
    return AccountLabels(labels=tuple(found[id_] for id_ in asked.accounts if id_ in found))


async def search_accounts(tx: Transaction, asked: SearchAccounts) -> FoundAccounts:
    """Accounts whose tenants' names, address, postcode or reference hold every word of the text, by reference.

    Marks, case, script and punctuation do not count; a reference is found without its check letter, and a postcode without its space.
    A whole reference that is typed in groups, as it is printed on a card, is that one account's.
    """
    words = folded(asked.text).split()
    if not words:
        return FoundAccounts(labels=(), more=False)
    if len(words) > 1 and any(character.isdigit() for character in asked.text):
        known = (await tx.connection.scalars(written_as(asked.text))).all()
        if known:
            return FoundAccounts(labels=tuple(await labels_of(tx, known)), more=False)
    matches = [
        sa.or_(account.c.reference.icontains(word, autoescape=True), account.c.tenancy.in_(_tenancies_spelt_with(word))) for word in words
    ]
    rows = (await tx.connection.execute(LABEL.where(*matches).order_by(account.c.reference).limit(asked.limit + 1))).all()
    return FoundAccounts(labels=tuple(label(row) for row in rows[: asked.limit]), more=len(rows) > asked.limit)


def _tenancies_spelt_with(word: str) -> sa.CompoundSelect[Any]:
    """Tenancies with a person or a home in whose plain spelling the word stands; each half by its own index."""
    of_people = sa.select(tenant.c.tenancy).join(person, person.c.id == tenant.c.person)
    of_homes = sa.select(tenancy.c.id).join(rental_property, rental_property.c.id == tenancy.c.property)
    return sa.union(
        of_people.where(person.c.folded.contains(word, autoescape=True)),
        of_homes.where(rental_property.c.folded.contains(word, autoescape=True)),
    )


def written_as(reference: str) -> sa.Select[Any]:
    """Ids of tenants' accounts whose reference this is, however it is spaced and in small letters, with or without its check letter."""
    letters = re.sub("[^0-9A-Z]", "", reference.upper())
    bare = sa.func.replace(account.c.reference, "-", "")
    without_letter = sa.func.regexp_replace(bare, "^([0-9]+)[A-Z]", r"\1")
    return sa.select(account.c.id).where(account.c.tenancy.is_not(None), sa.or_(bare == letters, without_letter == letters))


async def labels_of(tx: Transaction, ids: Collection[UUID]) -> list[AccountLabel]:
    """Labels by reference."""
    rows = await tx.connection.execute(LABEL.where(account.c.id.in_(ids)).order_by(account.c.reference))
    return [label(row) for row in rows]


def label(row: Any) -> AccountLabel:
    """A row of LABEL as it is told."""
    return AccountLabel(
        account=row.id,
        reference=row.reference,
        kind=AccountKind(row.kind),
        status=AccountStatus(row.status),
        names=tuple(row.names),
        address=f"{row.address}, {row.postcode}",
        balance_pence=row.balance_pence,
        people=tuple(row.people),
    )
