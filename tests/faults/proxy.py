"""A TCP proxy before PostgreSQL that misbehaves around a COMMIT: the server has done it, and the client is not told."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle

DELAY_SECONDS = 1.5


class Misdeed(StrEnum):
    """What becomes of the reply to a COMMIT that the server has done."""

    CUT = "both connections are closed"
    HALF_CLOSE = "the client is told that nothing more will come"
    DELAY = "it comes late"


@dataclass
class Done:
    """A misdeed that was done: when, and when it was over, by the monotonic clock.

    A late reply is over when it comes; a reply that never comes, when a COMMIT that was sent after it is answered.
    """

    misdeed: Misdeed
    began: float
    over: float | None = None


class Proxy:
    """Passes everything on. `next_commit` is what it does to the next COMMIT, once; `every` has it do one misdeed each so many COMMITs."""

    def __init__(self, host: str, port: int) -> None:
        self.next_commit: Misdeed | None = None
        self.every: int | None = None
        self.done: list[Done] = []
        self._commits = 0
        self._turns = cycle(Misdeed)
        self._host = host
        self._port = port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(self._host, self._port)
        session = _Session(self)
        ways = [session.up(reader, server_writer), session.down(server_reader, writer)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in (server_writer, writer):
            each.close()

    def misdeed_of_this_commit(self) -> Misdeed | None:
        """What becomes of the reply to the COMMIT that is passed on now."""
        self._commits += 1
        if self.every is not None and self._commits % self.every == 0:
            return next(self._turns)
        once, self.next_commit = self.next_commit, None
        return once

    def does(self, misdeed: Misdeed) -> Done:
        """Note that it is done now."""
        done = Done(misdeed, time.monotonic())
        self.done.append(done)
        return done

    def answered(self, sent: float) -> None:
        """Note what is over now that the reply to a COMMIT of this moment has gone on."""
        for done in self.done:
            if done.over is None and done.misdeed is not Misdeed.DELAY and done.began < sent:
                done.over = time.monotonic()


class _Session:
    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._misdeed: Misdeed | None = None
        self._sent: float | None = None

    async def up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(65536):
            if b"COMMIT" in part:
                self._misdeed, self._sent = self._proxy.misdeed_of_this_commit(), time.monotonic()
            writer.write(part)
            await writer.drain()

    async def down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(65536):
            (misdeed, sent), self._misdeed, self._sent = (self._misdeed, self._sent), None, None
            done = None
            if misdeed is not None:
                # The server speaks again only after it has committed.
                done = self._proxy.does(misdeed)
                if misdeed is Misdeed.CUT:
                    return
                if misdeed is Misdeed.HALF_CLOSE:
                    writer.write_eof()
                    await asyncio.sleep(DELAY_SECONDS)
                    return
                await asyncio.sleep(DELAY_SECONDS)
            writer.write(part)
            await writer.drain()
            if done is not None:
                done.over = time.monotonic()
            if sent is not None:
                self._proxy.answered(sent)


@asynccontextmanager
async def before(host: str, port: int) -> AsyncIterator[tuple[Proxy, int]]:
    """The proxy before this server, and its port."""
    proxy = Proxy(host, port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield proxy, int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


@contextmanager
def beside_us(host: str, port: int) -> Iterator[tuple[Proxy, int]]:
    """The same for a test that runs no event loop of its own: the proxy lives in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    opened = before(host, port)
    try:
        yield asyncio.run_coroutine_threadsafe(opened.__aenter__(), loop).result(30)
    finally:
        asyncio.run_coroutine_threadsafe(opened.__aexit__(None, None, None), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
