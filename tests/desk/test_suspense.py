"""Suspense on the desk: each payment with what speaks for an account, moved by a row's own form, with the error in that row."""

from rentbook_contracts.ledger import (
    CLEAR_SUSPENSE,
    EXACT_SUGGESTIONS,
    MATCH_RETURN,
    REVERSE_JOURNAL,
    SPLIT_SUSPENSE,
    SUSPENSE,
    UNMATCH_RETURN,
    ClearSuspense,
    ExactAsked,
    ExactSuggestions,
    MatchReturn,
    SplitSuspense,
    Suspense,
    SuspensePart,
    UnmatchReturn,
)

from desk import estate
from desk.conftest import Place
from desk.visitor import visiting

ROW = f"/suspense/{estate.UNPLACED}"
SPLIT = f"{ROW}/split"
EXACT = "/suspense/exact"
FIELD = f"reference-{estate.UNPLACED}"
RETURN = f"/suspense/{estate.RETURNED}/return"
BACK = f"/suspense/moved/{estate.MOVED}/back"


async def test_a_row_says_what_is_known_its_age_and_what_speaks_for_an_account(place: Place) -> None:
    await place.everyone_known()
    async with visiting(place, "asha") as visitor:
        said = await visitor.read("/suspense")
    assert "4 payments, £1,020.80 together, oldest first. 1 has to be taken further. 1 is late for a first look." in said
    assert "£18.00 from NGUYEN T L, 6 days ago" in said
    assert "statement-2026-11-18.xml, line 74" in said
    assert "moved by Ben Moss; its reference, as quoted or with one slip; the payer’s name" in said
    assert "paid for this account before, on" in said
    assert "£1,204.00 from a payer whom the file does not name, 41 days ago" in said
    assert "Nothing in the books looks like it." in said
    assert "£141.20 paid out, 2 days ago" in said
    assert "This is money out." in said
    assert "£60.00 paid out, yesterday" in said
    assert "The bank took a payment back and does not say which." in said
    assert "from R QUILL, taken back by the bank on" in said
    assert "said by Ben Moss, yesterday" in said
    assert "by Ben Moss, yesterday" in said


async def test_what_the_bank_took_back_says_where_it_stood_and_which_line_says_so(place: Place) -> None:
    await place.everyone_known()
    async with visiting(place, "asha") as visitor:
        said = await visitor.read("/suspense")
    assert "from R QUILL: the bank took it back on" in said
    assert f"it came off {estate.IVANOVA.label.names[0]}" in said
    assert "statement-2026-11-18.xml, line 91 brought by you" in said
    assert "it was undone on" in said
    assert "it lay in suspense undone by Ben Moss" in said


async def test_a_suggestion_is_accepted_as_it_stands(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read("/suspense")
        said = await visitor.send(ROW)
    assert "The payment is on the account." in said
    assert place.peers.given(CLEAR_SUSPENSE) == [ClearSuspense(item=estate.UNPLACED, reference=estate.NGUYEN.reference, amount_pence=18_00)]
    [call] = [call for call in place.peers.calls if call.path == f"/commands/{CLEAR_SUSPENSE.name}"]
    assert call.person == "asha.officer"
    assert call.form, "a second sending of the form is the same form to the ledger"


async def test_another_reference_is_typed(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read("/suspense")
        await visitor.send(ROW, **{FIELD: " 97 000 023 e "})
    assert place.peers.given(CLEAR_SUSPENSE) == [ClearSuspense(item=estate.UNPLACED, reference="97 000 023 e", amount_pence=18_00)]


async def test_each_form_of_the_page_is_another(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read("/suspense")
        assert visitor.page is not None
        ids = visitor.page.xpath('//input[@name="form_id"]/@value')
    assert len(ids) == len(set(ids)) >= 6


async def test_an_error_stands_in_its_row_with_what_was_typed(place: Place) -> None:
    place.peers.refusals[f"/commands/{CLEAR_SUSPENSE.name}"] = {
        "rule": "NoSuchAccount", "message": "No account has this reference.", "field": "reference",
    }  # fmt: skip
    async with visiting(place, "asha") as visitor:
        await visitor.read("/suspense")
        await visitor.post(ROW, {**visitor.fields(ROW), FIELD: "99999999Z"}, 422)
        assert visitor.summary() == {f"#{FIELD}": "No account has this reference."}
        assert visitor.page is not None
        [row] = visitor.page.xpath(f'//li[@id="item-{estate.UNPLACED}"]')
        assert "No account has this reference." in row.text_content()
        typed = row.xpath(f'.//input[@id="{FIELD}"]')[0]
        assert typed.value == "99999999Z"


async def test_nothing_typed_asks_nobody(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read("/suspense")
        await visitor.post(ROW, {**visitor.fields(ROW), FIELD: " "}, 422)
        assert visitor.summary() == {f"#{FIELD}": "Enter the payment reference of the account"}
    assert place.peers.given(CLEAR_SUSPENSE) == []


async def test_what_was_moved_meanwhile_is_told_on_top(place: Place) -> None:
    place.peers.refusals[f"/commands/{CLEAR_SUSPENSE.name}"] = {
        "rule": "AlreadyMoved", "message": "This payment is not in suspense any more.", "field": "item",
    }  # fmt: skip
    async with visiting(place, "asha") as visitor:
        await visitor.read("/suspense")
        said = await visitor.post(ROW, visitor.fields(ROW), 422)
    assert "There is a problem This payment is not in suspense any more." in said


async def test_a_move_is_put_back(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read("/suspense")
        said = await visitor.send(BACK)
    assert "The payment lies in suspense again." in said
    [asked] = place.peers.given(REVERSE_JOURNAL)
    assert (asked.journal, asked.reason) == (estate.MOVED, "Put back into suspense: it was moved to this account by mistake")


async def test_finance_and_the_auditor_see_and_move_nothing(place: Place) -> None:
    for who in ("grace", "hugo"):
        async with visiting(place, who) as visitor:
            said = await visitor.read("/suspense")
            assert "officers place it" in said
            assert visitor.page is not None
            assert [form.get("action") for form in visitor.page.forms if "/suspense" in (form.get("action") or "")] == []


async def test_a_silent_ledger_never_looks_empty(place: Place) -> None:
    place.peers.silent.add("ledger")
    async with visiting(place, "asha") as visitor:
        said = await visitor.read("/suspense")
    assert "can’t be shown just now: the ledger does not answer" in said
    assert "Nothing lies in suspense" not in said


async def test_nothing_there(place: Place) -> None:
    place.peers.answers[f"/queries/{SUSPENSE.name}"] = lambda _: Suspense(
        items=(), in_all=0, total_pence=0, to_review=0, to_escalate=0, moved=()
    )
    async with visiting(place, "asha") as visitor:
        assert "Nothing lies in suspense: every payment is on an account." in await visitor.read("/suspense")


async def test_exact_suggestions_are_ticked_shown_once_more_and_moved(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(EXACT)
        assert "1 payment, £18.00 together" in said
        assert "£18.00 from NGUYEN T L" in said
        assert "£1,204.00" not in said, "what has no exact suggestion is not offered"
        said = await visitor.send(EXACT)
        assert "Move these payments 1 payment, £18.00" in said
        assert place.peers.given(CLEAR_SUSPENSE) == []
        fields = visitor.fields(f"{EXACT}/move")
        said = await visitor.post(f"{EXACT}/move", fields, 200)
        again = await visitor.post(f"{EXACT}/move", fields, 200)
    assert "What was moved 1 payment, £18.00" in said
    assert "1 payment with an exact suggestion remains." in said
    assert again == said
    moves = [call for call in place.peers.calls if call.path == f"/commands/{CLEAR_SUSPENSE.name}"]
    exact = ClearSuspense(item=estate.UNPLACED, reference=estate.NGUYEN.reference, amount_pence=18_00, as_suggested=True)
    assert place.peers.given(CLEAR_SUSPENSE) == [exact, exact]
    assert moves[0].form == moves[1].form, "the form sent again asks the ledger for the same"


async def test_exact_suggestions_are_paged_through_and_the_confirming_step_totals_what_is_ticked(place: Place) -> None:
    [first] = estate.exact_suggestions(ExactAsked()).items
    many = [first.model_copy(update={"item": estate.an_id(f"exact {number}"), "amount_pence": number}) for number in range(1, 131)]

    def answer(asked: ExactAsked) -> ExactSuggestions:
        those = [one for one in many if not asked.items or one.item in asked.items]
        page = tuple(those[asked.offset : asked.offset + asked.limit])
        return ExactSuggestions(items=page, in_all=len(those), total_pence=sum(one.amount_pence for one in those))

    place.peers.answers[f"/queries/{EXACT_SUGGESTIONS.name}"] = answer
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(EXACT)
        assert "130 payments, £85.15 together; 100 of them on this page" in said
        assert visitor.page is not None
        assert visitor.page.xpath('//a[@rel="next"]/@href') == [f"{EXACT}?offset=100"]
        await visitor.read(f"{EXACT}?offset=100")
        assert len(visitor.page.xpath('//input[@name="item"]')) == 30
        fields = visitor.fields(EXACT)
        fields.pop("item")
        await visitor.post(EXACT, fields, 422)
        assert len(visitor.page.xpath('//input[@name="item"]')) == 30, "the page that was looked at is shown again"
        said = await visitor.post(EXACT, {**visitor.fields(EXACT), "item": str(many[124].item)}, 200)
        assert "Move these payments 1 payment, £1.25" in said
        said = await visitor.read(f"{EXACT}?offset=500")
    assert "Nothing is left on this page. Show the first of 130 payments." in said


async def test_nothing_ticked_moves_nothing(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(EXACT)
        fields = {name: value for name, value in visitor.fields(EXACT).items() if name != "item"}
        await visitor.post(EXACT, fields, 422)
        assert visitor.summary() == {"#item": "Tick at least one payment"}


async def test_what_changed_after_it_was_listed_stays_out(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(EXACT)
        fields = visitor.fields(EXACT)
        place.peers.answers[f"/queries/{EXACT_SUGGESTIONS.name}"] = lambda _: ExactSuggestions(items=(), in_all=0, total_pence=0)
        said = await visitor.post(EXACT, fields, 200)
    assert "1 payment that you ticked has changed meanwhile and stays out" in said
    assert "Move 0" not in said


async def test_what_changed_after_it_was_shown_is_reported_and_left_alone(place: Place) -> None:
    place.peers.refusals[f"/commands/{CLEAR_SUSPENSE.name}"] = {
        "rule": "SuggestionChanged", "message": "The books suggest another account by now.", "field": "item",
    }  # fmt: skip
    async with visiting(place, "asha") as visitor:
        await visitor.read(EXACT)
        await visitor.send(EXACT)
        said = await visitor.post(f"{EXACT}/move", visitor.fields(f"{EXACT}/move"), 200)
    assert "Nothing was moved. 1 payment left alone" in said
    assert f"£18.00 for {estate.NGUYEN.reference}: The books suggest another account by now." in said


async def test_a_payment_is_split_line_by_line(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(SPLIT)
        assert "£30.00 came; £18.00 of it still lies in suspense." in said
        typed = {"reference-1": "97 000 023 e", "amount-1": "10", "reference-3": "90000001E", "amount-3": "£7.50"}
        said = await visitor.send(SPLIT, **typed)
    assert "The payment is split." in said
    parts = (SuspensePart(reference="97 000 023 e", amount_pence=10_00), SuspensePart(reference="90000001E", amount_pence=7_50))
    assert place.peers.given(SPLIT_SUSPENSE) == [SplitSuspense(item=estate.UNPLACED, parts=parts)]


async def test_a_split_keeps_what_was_typed_with_each_error_beside_its_line(place: Place) -> None:
    place.peers.refusals[f"/commands/{SPLIT_SUSPENSE.name}"] = {
        "rule": "NoSuchAccount", "message": "No account has this reference.", "field": "reference-2",
    }  # fmt: skip
    async with visiting(place, "asha") as visitor:
        await visitor.read(SPLIT)
        await visitor.post(SPLIT, visitor.fields(SPLIT), 422)
        assert visitor.summary() == {"#reference-1": "Enter at least one account and its amount"}
        await visitor.post(SPLIT, {**visitor.fields(SPLIT), "reference-2": "97000023E", "amount-3": "ten"}, 422)
        assert visitor.summary() == {
            "#amount-2": "Enter the amount of line 2",
            "#reference-3": "Enter the payment reference of line 3",
            "#amount-3": "The amount of line 3 must be an amount in pounds, like 141.20",
        }
        assert place.peers.given(SPLIT_SUSPENSE) == []
        typed = {"reference-2": "97000023E", "amount-2": "1", "reference-4": "99999999Z", "amount-4": "2"}
        await visitor.post(SPLIT, {**visitor.fields(SPLIT), **typed, "reference-3": "", "amount-3": ""}, 422)
        assert visitor.summary() == {"#reference-4": "No account has this reference."}
        assert visitor.fields(SPLIT)["reference-4"] == "99999999Z"


async def test_what_does_not_lie_there_any_more_is_not_split(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"/suspense/{estate.PAID_OUT}/split", 404)
        await visitor.read(f"/suspense/{estate.MOVED}/split", 404)


async def test_a_return_shows_what_it_may_take_back_and_one_is_chosen_with_a_reason(place: Place) -> None:
    await place.everyone_known()
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(RETURN)
        assert "paid from the same bank account; the same name" in said
        assert "only the amount speaks for it. Against it: paid from another bank account" in said
        assert "it had cleared before the return; it stands on a closed account, onto which nothing is posted" in said
        assert "The 3 likeliest of 71" in said
        assert visitor.page is not None
        choices = visitor.page.xpath('//input[@name="payment"]/@value')
        assert choices == [str(estate.an_id("the cheque")), str(estate.an_id("another cheque"))], "nothing is posted on a closed account"
        said = await visitor.send(RETURN, payment=str(estate.an_id("the cheque")), match_reason=" the bank said so ")
    assert "The payment is undone, and the return lies in suspense no more." in said
    asked = MatchReturn(item=estate.RETURNED, payment=estate.an_id("the cheque"), reason="the bank said so")
    assert place.peers.given(MATCH_RETURN) == [asked]
    [call] = [call for call in place.peers.calls if call.path == f"/commands/{MATCH_RETURN.name}"]
    assert call.form, "a second sending of the form is the same form to the ledger"


async def test_the_payments_of_one_account_alone(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(f"{RETURN}?reference={estate.OKAFOR.reference}")
        assert said.count("Cheque from R QUILL") == 1
        assert visitor.typed("reference") == estate.OKAFOR.reference
        said = await visitor.read(f"{RETURN}?reference=99999999Z")
    assert "No payment of £60.00 that it may be stands on an account with this reference." in said


async def test_nothing_chosen_and_nothing_said_asks_nobody_and_keeps_what_was_typed(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"{RETURN}?reference={estate.OKAFOR.reference}")
        await visitor.post(RETURN, {**visitor.fields(RETURN), "match_reason": " "}, 422)
        assert visitor.summary() == {
            "#payment": "Choose the payment that the bank took back",
            "#match_reason": "Say how you know that it was this payment",
        }
        assert visitor.typed("reference") == estate.OKAFOR.reference
    assert place.peers.given(MATCH_RETURN) == []


async def test_what_the_ledger_refuses_stands_beside_the_choice(place: Place) -> None:
    place.peers.refusals[f"/commands/{MATCH_RETURN.name}"] = {
        "rule": "AlreadyMoved", "message": "This payment was taken back already.", "field": "payment",
    }  # fmt: skip
    async with visiting(place, "asha") as visitor:
        await visitor.read(RETURN)
        typed = {"payment": str(estate.an_id("the cheque")), "match_reason": "the bank said so"}
        await visitor.post(RETURN, {**visitor.fields(RETURN), **typed}, 422)
        assert visitor.summary() == {"#payment": "This payment was taken back already."}
        assert visitor.fields(RETURN)["payment"] == str(estate.an_id("the cheque"))


async def test_what_was_said_of_a_return_is_shown_and_taken_back(place: Place) -> None:
    await place.everyone_known()
    page = f"/suspense/{estate.MATCHED}/return"
    async with visiting(place, "asha") as visitor:
        said = await visitor.read(page)
        assert "“the bank named the cheque”, said Ben Moss, yesterday" in said
        await visitor.post(f"{page}/undo", visitor.fields(f"{page}/undo"), 422)
        assert visitor.summary() == {"#unmatch_reason": "Say why it was another payment"}
        said = await visitor.send(f"{page}/undo", unmatch_reason="the bank corrected itself")
    assert "The payment stands where it stood, and the return lies in suspense again." in said
    assert place.peers.given(UNMATCH_RETURN) == [UnmatchReturn(item=estate.MATCHED, reason="the bank corrected itself")]
