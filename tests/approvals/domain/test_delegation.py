"""Chains of lent authority, and who stands in for whom: pure rules, no fixture."""

from itertools import pairwise

import pytest
from approvals.domain.absence import covered_by, stand_in
from approvals.domain.authority import Act, Authority
from approvals.domain.delegation import MOST_LINKS, Lent, Mandate, mandates

LEADER = Authority(1, Act.DECIDE, 1, "team-leader", 1, 500_00)
HEAD = Authority(2, Act.DECIDE, 1, "head-of-service", 500_01, None)
FINANCE = Authority(3, Act.DECIDE, 2, "finance", 500_01, None)
PAYS = Authority(4, Act.RELEASE, 1, "finance", 1, None)
TABLE = (LEADER, HEAD, FINANCE, PAYS)
MEMBER = Authority(5, Act.DECIDE, 1, "executive-member", 500_00, None)
RECORDER = Authority(6, Act.DECIDE, 1, "income-manager", 500_00, None, body="Cabinet")
OFFICES = (MEMBER, RECORDER, LEADER)


def lent(giver: str, taker: str, ceiling_pence: int, role: str = "officer") -> Lent:
    return Lent(f"{giver}>{taker}", giver, taker, ceiling_pence, frozenset({role}))


def found(person: str, role: str, *links: Lent, stage: int = 1) -> list[tuple[int | None, tuple[str, ...]]]:
    return [(one.limit_pence, one.on_behalf_of) for one in mandates(TABLE, Act.DECIDE, stage, person, {role}, links)]


def test_ones_own_authority_comes_first() -> None:
    assert found("tess", "team-leader", lent("hana", "tess", 900_00, "head-of-service")) == [(500_00, ()), (900_00, ("hana",))]


def test_a_chain_is_worth_its_smallest_ceiling() -> None:
    chain = (lent("hana", "ines", 900_00, "head-of-service"), lent("ines", "ben", 300_00), lent("ben", "ola", 700_00))
    assert found("ola", "officer", *chain) == [(300_00, ("hana", "ines", "ben"))]


def test_a_chain_is_worth_no_more_than_its_root_may_decide() -> None:
    assert found("ola", "officer", lent("tess", "ola", 10_000_00, "team-leader")) == [(500_00, ("tess",))]


def test_a_chain_has_three_links_at_most() -> None:
    people = ["hana", "ines", "ben", "bea", "ola"]
    chain = [lent(giver, taker, 900_00, "head-of-service" if giver == "hana" else "officer") for giver, taker in pairwise(people)]
    assert len(chain) == MOST_LINKS + 1
    assert found("ola", "officer", *chain) == []
    assert found("bea", "officer", *chain) == [(900_00, ("hana", "ines", "ben"))]


def test_a_cycle_gives_nothing() -> None:
    assert found("ola", "officer", lent("ola", "ben", 900_00), lent("ben", "ola", 900_00)) == []
    assert found("tess", "team-leader", lent("tess", "ben", 900_00, "team-leader"), lent("ben", "tess", 900_00)) == [(500_00, ())]


def test_the_shortest_chain_comes_first() -> None:
    links = (lent("hana", "ines", 900_00, "head-of-service"), lent("ines", "ola", 900_00), lent("hana", "ola", 100_00, "head-of-service"))
    assert found("ola", "officer", *links) == [(100_00, ("hana",)), (900_00, ("hana", "ines"))]


def test_what_is_lent_again_counts_once_by_its_highest() -> None:
    links = [
        lent(*people, pence, "head-of-service") for people in (("hana", "ines"), ("ines", "ola")) for pence in range(100_00, 700_00, 50)
    ]
    assert found("ola", "officer", *links) == [(699_50, ("ines",)), (699_50, ("hana", "ines"))]


def test_one_giver_of_two_roles_lends_the_higher_authority() -> None:
    links = (lent("hana", "ola", 900_00), lent("hana", "ola", 400_00, "head-of-service"), lent("hana", "ola", 300_00, "head-of-service"))
    assert found("ola", "officer", *links) == [(400_00, ("hana",))]


def test_authority_is_lent_for_the_stage_at_which_it_is_held() -> None:
    assert found("tess", "team-leader", lent("finn", "tess", 900_00, "finance")) == [(500_00, ())]
    assert found("tess", "team-leader", lent("finn", "tess", 900_00, "finance"), stage=2) == [(900_00, ("finn",))]


@pytest.mark.parametrize("office", ["executive-member", "income-manager"])
def test_what_comes_with_an_office_goes_through_hands_of_that_office_alone(office: str) -> None:
    """Of a member, and of whoever records for a body, whatever their role is called."""

    def through(between: str, last: str) -> list[tuple[str, ...]]:
        links = (lent("giver", "between", 900_00, office), lent("between", "last", 900_00, between))
        return [one.on_behalf_of for one in mandates(OFFICES, Act.DECIDE, 1, "last", {last}, links) if one.chain]

    assert through(office, office) == [("between",), ("giver", "between")]
    assert through("officer", office) == through(office, "officer") == through("officer", "officer") == []


def test_who_holds_an_office_lends_what_else_they_may_decide() -> None:
    both = Lent("x", "giver", "ola", 900_00, frozenset({"executive-member", "team-leader"}))
    assert [(one.limit_pence, one.on_behalf_of) for one in mandates(OFFICES, Act.DECIDE, 1, "ola", {"officer"}, [both])] == [
        (500_00, ("giver",))
    ]


def test_releasing_payments_is_not_lent() -> None:
    assert mandates(TABLE, Act.RELEASE, 1, "tess", {"team-leader"}, [lent("finn", "tess", 900_00, "finance")]) == []
    assert mandates(TABLE, Act.RELEASE, 1, "finn", {"finance"}, []) == [Mandate(PAYS, None)]


def test_a_deputy_who_is_away_too_has_their_own_deputy_stand_in() -> None:
    away = {"hana": "ines", "ines": "tess"}
    assert stand_in("hana", away) == "tess"
    assert stand_in("tess", away) == "tess"
    assert covered_by("tess", away) == {"hana", "ines"}
    assert covered_by("ines", away) == frozenset()


def test_where_everybody_is_away_for_each_other_nobody_stands_in() -> None:
    assert stand_in("hana", {"hana": "ines", "ines": "hana"}) is None
