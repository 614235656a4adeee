"""The process that tells the stories."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
from rentbook_local.ports import free_ports
from support.counting import until
from support.servers import Temporal, running_temporal


async def test_it_serves_its_health_and_ends_when_asked(temporal: Temporal, tmp_path: Path) -> None:
    namespace = await temporal.new_namespace()
    [port] = free_ports(1)
    settings = {"RENTBOOK_TEMPORAL_ADDRESS": temporal.address, "RENTBOOK_TEMPORAL_NAMESPACE": namespace, "RENTBOOK_HTTP_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "workflows", env={**os.environ, **settings}, cwd=tmp_path)
    try:
        async with asyncio.timeout(120), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            while not await healthy(http):
                assert process.returncode is None
                await asyncio.sleep(0.1)
            assert "rentbook_workflow_faults_total 0.0" in (await http.get("/metrics")).text
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_its_health_turns_bad_while_temporal_stands_still_and_good_again_by_itself(tmp_path: Path) -> None:
    async with running_temporal() as own:
        [port] = free_ports(1)
        settings = {"RENTBOOK_TEMPORAL_ADDRESS": own.address, "RENTBOOK_HTTP_PORT": str(port), "RENTBOOK_STALL_LIMIT_SECONDS": "3"}
        told = {**os.environ, **settings, "RENTBOOK_TEMPORAL_NAMESPACE": await own.new_namespace()}
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "workflows", env=told, cwd=tmp_path)
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=15) as http:
                await until(lambda: healthy(http), "it is well", 60)
                own.process.send_signal(signal.SIGSTOP)
                try:
                    await until(lambda: ailing(http), "it says that Temporal is silent", 30)
                finally:
                    own.process.send_signal(signal.SIGCONT)
                await until(lambda: healthy(http), "it is well again", 60)
            assert process.returncode is None
        finally:
            process.kill()
            await process.wait()


async def ailing(http: httpx.AsyncClient) -> bool:
    return (await http.get("/health")).status_code == 503


async def healthy(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health")).is_success
    except httpx.TransportError:
        return False
