"""The promises of policy: it was laid down by two people who gain nothing by it, and what is decided together keeps to its caps."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rentbook_local.checking.approval import LONDON
from rentbook_local.checking.books import Books
from rentbook_local.checking.promise import Finding, Promise, finding

NUMBERS = (
    "council",
    "decide_within_working_days",
    "remind_after_working_days",
    "escalate_after_working_days",
    "claim_minutes",
    "bulk_most_lines",
    "bulk_most_pence",
    "bulk_opened_first",
    "unused_after_days",
    "source",
)
_POLICIES = """
SELECT policy.*, (SELECT json_agg(authority) FROM authority WHERE authority.policy_id = policy.id) AS bands
FROM policy ORDER BY kind, in_force_from
"""
_ACCEPTED = """
SELECT proposal.*, answer.checked_by, answer.checked_at, answer.roles AS checker_roles
FROM policy_proposal AS proposal JOIN policy_check AS answer ON answer.proposal_id = proposal.id WHERE answer.answer = 'accepted'
"""

_DELEGATIONS = """
SELECT delegation.*, ending.ended_at FROM delegation LEFT JOIN delegation_end AS ending ON ending.delegation_id = delegation.id
"""
MOST_LINKS = 3

Band = tuple[str, int, str]
Limit = tuple[int, int | None, str | None, int]


async def _laid_down(books: Books) -> Finding:
    policies, accepted = await books.approvals.fetch(_POLICIES), await books.approvals.fetch(_ACCEPTED)
    delegations = await books.approvals.fetch(_DELEGATIONS)
    broken, first, before = [], set[str](), dict[str, Any]()
    for policy in sorted(policies, key=lambda row: (row["made_at"], row["in_force_from"])):
        asked = [row for row in accepted if (row["kind"], row["in_force_from"]) == (policy["kind"], policy["in_force_from"])]
        if not asked and policy["kind"] not in first:
            # What the council began with came with the installation.
            first.add(policy["kind"])
        elif len(asked) != 1:
            broken.append(f"policy {policy['id']}: {len(asked)} accepted proposals lay it down")
        else:
            broken += [f"policy {policy['id']}: {why}" for why in _not_as_asked(policy, asked[0])]
    for policy in policies:
        asked = [row for row in accepted if (row["kind"], row["in_force_from"]) == (policy["kind"], policy["in_force_from"])]
        earlier = before.get(policy["kind"])
        if asked and earlier is not None:
            gained = _gained(policy["kind"], _limits(earlier["bands"]), _limits(policy["bands"]))
            lent = [one for one in delegations if _is_lent(one, asked[0])]
            who = (("maker", asked[0]["proposed_by"], asked[0]["roles"]), ("checker", asked[0]["checked_by"], asked[0]["checker_roles"]))
            broken += [
                f"policy {policy['id']}: its {part} gains by it"
                for part, person, roles in who
                if gained & {*roles, *_lent_to(person, lent)}
            ]
        before[policy["kind"]] = policy
    there = {(row["kind"], row["in_force_from"]) for row in policies}
    broken += [
        f"proposal {row['id']} was accepted and is not laid down" for row in accepted if (row["kind"], row["in_force_from"]) not in there
    ]
    return finding(len(policies), broken)


def _not_as_asked(policy: Any, asked: Any) -> list[str]:
    rules = (
        (asked["proposed_by"] != asked["checked_by"], "its maker checked it"),
        ((policy["made_by"], policy["checked_by"]) == (asked["proposed_by"], asked["checked_by"]), "it names another maker or checker"),
        (policy["in_force_from"] > asked["checked_at"].astimezone(LONDON).date(), "it was in force before it was checked"),
        (all(policy[name] == asked[name] for name in NUMBERS), "it says another thing than was checked"),
        (_limits(policy["bands"]) == _limits(asked["authorities"]), "its table of authority is not the one that was checked"),
    )
    return [why for kept, why in rules if not kept]


def _limits(bands: str | None) -> Mapping[Band, Limit]:
    """How many pence each role is asked from and up to, whose minute it records, and its call-in; by act, stage and role."""
    return {
        (band["act"], band["stage"], band["role"]): (
            band["from_pence"], band["to_pence"], band.get("body"), band.get("call_in_working_days") or 0,
        )
        for band in json.loads(bands or "[]")
    }  # fmt: skip


def _gained(kind: str, was: Mapping[Band, Limit], will: Mapping[Band, Limit]) -> set[str]:
    """The roles that may decide or release more than before, or that less stands in the way of."""
    amounts = {edge for lower, upper, *_ in (*was.values(), *will.values()) for edge in (lower, *([] if upper is None else [upper + 1]))}
    fewer = [pence for pence in amounts if 0 < _decisions(will, pence) < _decisions(was, pence)]
    return {
        band[2]
        for band, limit in will.items()
        if band not in was
        or _frees(kind, was[band], limit)
        or (band[0] == "decide" and any(limit[1] is None or pence <= limit[1] for pence in fewer))
    }


def _frees(kind: str, was: Limit, will: Limit) -> bool:
    """A higher limit, a body's minute that is not needed any more, a shorter call-in, or, of write-offs, asked from a lower amount on."""
    (old_from, old_to, old_body, old_call_in), (new_from, new_to, new_body, new_call_in) = was, will
    return (
        (old_to is not None and (new_to is None or new_to > old_to))
        or (old_body is not None and new_body != old_body)
        or new_call_in < old_call_in
        or (kind == "write-off" and new_from < old_from)
    )


def _decisions(bands: Mapping[Band, Limit], pence: int) -> int:
    """How many decisions an amount needs; 0 where nobody decides it."""
    return max(
        (stage for (act, stage, _), (lower, upper, *_) in bands.items()
         if act == "decide" and lower <= pence and (upper is None or pence <= upper)),
        default=0,
    )  # fmt: skip


def _is_lent(delegation: Any, asked: Any) -> bool:
    """Whether authority was lent, when the policy was accepted, for its first day or later."""
    then, ended_at = asked["checked_at"], delegation["ended_at"]
    stood = delegation["given_at"] <= then and (ended_at is None or ended_at > then)
    return bool(stood and delegation["until_on"] >= asked["in_force_from"])


def _lent_to(person: str, lent: Sequence[Any]) -> set[str]:
    """The roles whose authority comes to a person, from hand to hand as far as it may go."""
    hands, roles = {person}, set[str]()
    for _ in range(MOST_LINKS):
        links = [one for one in lent if one["taker"] in hands]
        roles |= {role for one in links for role in one["giver_roles"]}
        hands = {one["giver"] for one in links}
    return roles


_SELECTIONS = """
SELECT selection.id, selection.person, signed.signed_by, signed.signed_at, signed.authenticated_at,
       count(*) AS lines, sum(line.amount_pence) AS pence, in_force.bulk_most_lines, in_force.bulk_most_pence
FROM selection JOIN selection_signed AS signed ON signed.selection_id = selection.id
JOIN selection_line AS line ON line.selection_id = selection.id
LEFT JOIN LATERAL (
  SELECT * FROM policy WHERE kind = 'refund' AND made_at <= signed.signed_at
    AND in_force_from <= (signed.signed_at AT TIME ZONE 'Europe/London')::date ORDER BY in_force_from DESC LIMIT 1
) AS in_force ON true
GROUP BY selection.id, signed.selection_id, in_force.id, in_force.bulk_most_lines, in_force.bulk_most_pence
"""
_LINES = """
SELECT line.selection_id, result.decision_id, line.opened_first, line.content_hash, line.amount_pence, line.task_id,
       selection.made_at, decision.id AS decided,
       decision.task_id AS decided_task, decision.content_hash AS decided_hash, decision.amount_pence AS decided_pence,
       decision.decided_by, decision.answer, decision.decided_at, task.lane, signed.signed_by, signed.signed_at,
       seen.seen_at
FROM selection_line AS line JOIN selection ON selection.id = line.selection_id
LEFT JOIN selection_result AS result ON (result.selection_id, result.task_id) = (line.selection_id, line.task_id)
LEFT JOIN decision ON decision.id = result.decision_id OR (decision.selection_id, decision.task_id) = (line.selection_id, line.task_id)
LEFT JOIN task ON task.id = line.task_id
LEFT JOIN selection_signed AS signed ON signed.selection_id = line.selection_id
LEFT JOIN case_seen AS seen ON seen.case_id = line.case_id AND seen.person = selection.person
WHERE result.decision_id IS NOT NULL OR decision.id IS NOT NULL
"""
FRESH_SECONDS = 300
HOLDS_SECONDS = 1800


async def _together(books: Books) -> Finding:
    selections, lines = await books.approvals.fetch(_SELECTIONS), await books.approvals.fetch(_LINES)
    broken = [f"selection {row['id']}: {why}" for row in selections for why in _bad_selection(row)]
    broken += [f"selection {row['selection_id']}, task {row['task_id']}: {why}" for row in lines for why in _bad_line(row)]
    return finding(len(lines), broken)


def _bad_selection(row: Any) -> Iterable[str]:
    age = (row["signed_at"] - row["authenticated_at"]).total_seconds()
    rules = (
        (row["signed_by"] == row["person"], "somebody else signed for it"),
        (0 <= age <= FRESH_SECONDS, "it was signed without signing in anew"),
        (row["bulk_most_lines"] is not None and row["lines"] <= row["bulk_most_lines"], "it has more lines than policy allows"),
        (row["bulk_most_pence"] is not None and row["pence"] <= row["bulk_most_pence"], "its total is above what policy allows"),
    )
    return [why for kept, why in rules if not kept]


def _bad_line(row: Any) -> Iterable[str]:
    shown, decided = (
        (row["task_id"], row["content_hash"], row["amount_pence"]),
        (row["decided_task"], row["decided_hash"], row["decided_pence"]),
    )
    since = (row["decided_at"] - row["signed_at"]).total_seconds() if row["signed_at"] and row["decided_at"] else -1
    rules = (
        (row["decided"] == row["decision_id"], "its line does not name the decision"),
        (since >= 0, "it was decided before it was signed for"),
        (since <= HOLDS_SECONDS, "it was decided long after it was signed for"),
        (row["decided_by"] == row["signed_by"], "somebody else decided it"),
        (row["answer"] == "approved", "what is decided together is approved"),
        (shown == decided, "it was decided on other content than was shown"),
        (row["lane"] == "green", "it was not in the green lane"),
        (
            not row["opened_first"] or (row["seen_at"] is not None and row["seen_at"] >= row["made_at"]),
            "it was to be opened first and was not",
        ),
    )
    return [why for kept, why in rules if not kept]


PROMISES = (
    Promise(
        "policy",
        "every policy but the installed one is as a proposal asked for it and another person accepted it; neither gained by it, nor by what"
        " was lent to them",
        _laid_down,
    ),
    Promise(
        "together",
        "what was decided together was signed for by the decider, within the caps, line by line on what was shown",
        _together,
    ),
)
