"""Where letters about tenancies go."""

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.ledger import Addressee, LetterAddress
from sqlalchemy.dialects.postgresql import distinct_on

from ledger.domain.dates import business_date
from ledger.domain.letter_address import letters_go_to
from ledger.tables import letter_address, rental_property, tenancy


async def letter_addresses(tx: Transaction, tenancies: Collection[UUID]) -> dict[UUID, tuple[LetterAddress, ...]]:
    """For each tenancy, one for each addressee."""
    newest = (
        sa.select(letter_address)
        .ext(distinct_on(letter_address.c.tenancy, letter_address.c.addressee))
        .where(letter_address.c.tenancy.in_(tenancies))
        .order_by(letter_address.c.tenancy, letter_address.c.addressee, letter_address.c.id.desc())
    )
    noted = {
        (row.tenancy, row.addressee): LetterAddress(
            addressee=Addressee(row.addressee),
            name=row.name,
            address=row.address,
            known_from=row.known_from,
            noted_by=row.by,
            noted_at=row.at,
        )
        for row in await tx.connection.execute(newest)
    }
    homes = (
        sa.select(tenancy.c.id, tenancy.c.ended_on, rental_property.c.address, rental_property.c.postcode)
        .select_from(tenancy)
        .join(rental_property, rental_property.c.id == tenancy.c.property)
        .where(tenancy.c.id.in_(tenancies))
    )
    today = business_date(tx.now)
    return {
        row.id: tuple(
            letters_go_to(each, noted.get((row.id, each.value)), f"{row.address}, {row.postcode}", row.ended_on, today)
            for each in Addressee
        )
        for row in await tx.connection.execute(homes)
    }
