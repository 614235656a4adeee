"""The tests of one process compile a query once, as a service does."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine


def test_what_one_engine_compiled_is_there_for_another() -> None:
    query, caches = sa.select(sa.literal(1).label("kept_for_all")), []
    for number in range(2):
        engine = create_async_engine(f"postgresql+asyncpg://nobody@127.0.0.1:1/{number}").sync_engine
        kept = engine.get_execution_options()["compiled_cache"]
        query._compile_w_cache(engine.dialect, compiled_cache=kept, column_keys=[])
        caches.append([compiled for compiled in kept.values() if "kept_for_all" in str(compiled)])
    assert len(caches[0]) == 1
    assert caches[1] == caches[0]
