"""Tables that may be laid out as blocks."""

from approvals.web.tables import stackable
from lxml import html
from markupsafe import escape

TABLE = """<table class="govuk-table"><caption>Payments</caption>
<thead><tr><th scope="col">Take in</th>
<th scope="col" class="desk-grow">Refund <b>to</b></th><th scope="col">Amount &amp; day</th></tr></thead>
<tbody><tr><td><input type="checkbox"/></td><td>{who}</td><td>£1.00</td></tr><tr><td colspan="2">nothing</td><td></td></tr></tbody>
<tfoot><tr><th scope="row" colspan="2">Together</th><td>£1.00</td></tr></tfoot></table>"""


def cells(who: str = "Mary") -> list[html.HtmlElement]:
    return list(html.fromstring(str(stackable(TABLE.format(who=escape(who))))).iter("td"))


def test_a_cell_learns_the_name_of_its_column() -> None:
    assert [cell.get("data-label") for cell in cells()] == ["Take in", None, "Amount & day", None, "Amount & day", "Amount & day"]


def test_the_growing_column_leads() -> None:
    assert [cell.text_content() for cell in cells() if cell.get("data-leads")] == ["Mary"]


def test_roles_are_said_in_full() -> None:
    table = html.fromstring(str(stackable(TABLE.format(who="Mary"))))
    assert table.get("role") == "table"
    assert [one.get("role") for one in table.iter("th")] == ["columnheader"] * 3 + ["rowheader"]
    assert {one.get("role") for one in table.iter("tr")} == {"row"}
    assert {one.get("role") for one in table.iter("td")} == {"cell"}


def test_what_was_escaped_stays_escaped() -> None:
    odd = """<script>alert("1 < 2 & 3")</script> 'Ó &amp; &#233;'"""
    assert cells(odd)[1].text_content() == odd
    assert "<script" not in stackable(TABLE.format(who=escape(odd)))


def test_nothing_else_changes() -> None:
    written = TABLE.format(who=escape("<O'Neill>"))
    plain = html.fromstring(str(stackable(written)))
    for element in plain.iter():
        for name in ("role", "data-label", "data-leads"):
            if name in element.attrib:
                del element.attrib[name]
    assert html.tostring(plain) == html.tostring(html.fromstring(written))
