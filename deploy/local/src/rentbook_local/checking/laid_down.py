"""The promises of policies in the ledger and in writeoffs: laid down by two different people, as was checked, for a later day."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from rentbook_local.checking.approval import LONDON
from rentbook_local.checking.books import Books
from rentbook_local.checking.promise import Finding, Promise, finding

INSTALLED_EVIDENCE = frozenset(
    {"welwyn-hatfield-2021-07", "welwyn-hatfield-2026-04", "welwyn-hatfield-2026-11", "welwyn-hatfield-2026-11-26"}
)
INSTALLED_RATES = frozenset({"provision-2020-1"})
"""What came with the installation, which nobody proposed."""

_EVIDENCE = "SELECT version, in_force_from, figures, made_by, checked_by FROM policy ORDER BY in_force_from"
_EVIDENCE_ACCEPTED = """
SELECT proposal.id, proposal.in_force_from, proposal.figures, proposal.council, proposal.proposed_by, answer.checked_by, answer.checked_at
FROM policy_proposal AS proposal JOIN policy_check AS answer ON answer.proposal = proposal.id WHERE answer.answer = 'accepted'
"""
_RATES = """
SELECT policy.*, (SELECT json_agg(rate ORDER BY status, from_days) FROM provision_rate AS rate
                  WHERE rate.in_force_from = policy.in_force_from) AS rates
FROM provision_policy AS policy ORDER BY in_force_from
"""
_RATES_ACCEPTED = """
SELECT proposal.id, proposal.in_force_from, proposal.source, proposal.rates, proposal.proposed_by, answer.checked_by, answer.checked_at
FROM provision_proposal AS proposal JOIN provision_check AS answer ON answer.proposal = proposal.id WHERE answer.answer = 'accepted'
"""


async def _evidence(books: Books) -> Finding:
    service = books.of("writeoffs")
    return _by_two(await service.fetch(_EVIDENCE), await service.fetch(_EVIDENCE_ACCEPTED), INSTALLED_EVIDENCE, _same_evidence)


async def _rates(books: Books) -> Finding:
    return _by_two(await books.ledger.fetch(_RATES), await books.ledger.fetch(_RATES_ACCEPTED), INSTALLED_RATES, _same_rates)


def _by_two(
    policies: Sequence[Any], accepted: Sequence[Any], installed: frozenset[str], says_the_same: Callable[[Any, Any], bool]
) -> Finding:
    broken = [f"policy {row['version']}: one person made and checked it" for row in policies if row["made_by"] == row["checked_by"]]
    for policy in policies:
        asked = [row for row in accepted if row["in_force_from"] == policy["in_force_from"]]
        if policy["version"] in installed and not asked:
            continue
        if len(asked) != 1:
            broken.append(f"policy {policy['version']}: {len(asked)} accepted proposals lay it down")
            continue
        [one] = asked
        rules = (
            (one["proposed_by"] != one["checked_by"], "its maker checked it"),
            ((policy["made_by"], policy["checked_by"]) == (one["proposed_by"], one["checked_by"]), "it names another maker or checker"),
            (policy["in_force_from"] > one["checked_at"].astimezone(LONDON).date(), "it was in force before it was checked"),
            (says_the_same(policy, one), "it says another thing than was checked"),
        )
        broken += [f"policy {policy['version']}: {why}" for kept, why in rules if not kept]
    there = {row["in_force_from"] for row in policies}
    broken += [f"proposal {row['id']} was accepted and is not laid down" for row in accepted if row["in_force_from"] not in there]
    return finding(len(policies), broken)


def _same_evidence(policy: Any, asked: Any) -> bool:
    names = {"version": policy["version"], "made_by": policy["made_by"], "checked_by": policy["checked_by"], "council": asked["council"]}
    same: bool = json.loads(policy["figures"]) == json.loads(asked["figures"]) | names
    return same


def _same_rates(policy: Any, asked: Any) -> bool:
    def table(rates: str | None) -> list[tuple[str, int, int]]:
        return sorted((rate["status"], rate["from_days"], rate["basis_points"]) for rate in json.loads(rates or "[]"))

    return policy["source"] == asked["source"] and table(policy["rates"]) == table(asked["rates"])


PROMISES = (
    Promise(
        "evidence-policy",
        "every policy on evidence but the installed ones is as one person proposed it and another accepted it before its day",
        _evidence,
    ),
    Promise(
        "provision-policy",
        "every table of expected loss but the installed one is as one person proposed it and another accepted it before its day",
        _rates,
    ),
)
