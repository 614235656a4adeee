"""The process that tells the stories."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
from rentbook_local.ports import free_ports
from support.servers import Temporal


async def test_it_serves_its_health_and_ends_when_asked(temporal: Temporal, tmp_path: Path) -> None:
    namespace = await temporal.new_namespace()
    [port] = free_ports(1)
    settings = {"RENTBOOK_TEMPORAL_ADDRESS": temporal.address, "RENTBOOK_TEMPORAL_NAMESPACE": namespace, "RENTBOOK_HTTP_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "workflows", env={**os.environ, **settings}, cwd=tmp_path)
    try:
        async with asyncio.timeout(30), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            while not await healthy(http):
                assert process.returncode is None
                await asyncio.sleep(0.1)
            assert "rentbook_workflow_faults_total 0.0" in (await http.get("/metrics")).text
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def healthy(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health")).is_success
    except httpx.TransportError:
        return False
