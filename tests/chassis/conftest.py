"""Places for the counting service of the tests: with a database alone, with Kafka, with all three servers."""

from support.places import database, dry, place, secrets_dir, wired

__all__ = ["database", "dry", "place", "secrets_dir", "wired"]
