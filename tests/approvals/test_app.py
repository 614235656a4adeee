"""The wiring: every step that the contract promises is offered, and every update has somewhere to be settled."""

from pathlib import Path

from approvals.app import make_app
from approvals.settings import ApprovalsSettings
from rentbook_contracts import approvals as contract
from rentbook_contracts.operation import Operation, Update


def test_the_contract_is_kept_whole(tmp_path: Path) -> None:
    app = make_app(
        ApprovalsSettings(
            database_url="postgresql+asyncpg://approvals_app@127.0.0.1:9/approvals",
            kafka_bootstrap="127.0.0.1:9",
            temporal_address="127.0.0.1:9",
            secrets_dir=tmp_path,
            public_url="http://127.0.0.1:8000/",
            oidc_issuer="http://127.0.0.1:9",
            oidc_client_id="desk",
        )
    )
    promised = [thing for thing in vars(contract).values() if isinstance(thing, Operation)]
    assert {offer.operation.name for offer in app.offers} == {operation.name for operation in promised}
    assert {outcome.update.name for outcome in app.outcomes} == {
        thing.name for thing in vars(contract).values() if isinstance(thing, Update)
    }
