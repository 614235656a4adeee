"""Amounts as people write them."""


def pounds(pence: int) -> str:
    """Pence without a sign as pounds: *£1,234.05*."""
    whole, rest = divmod(abs(pence), 100)
    return f"£{whole:,}.{rest:02d}"
