"""What a process must be told: addresses from the environment (prefix RENTBOOK_), secrets from files."""

from pathlib import Path
from typing import Literal

from pydantic import Field, PostgresDsn, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ProcessSettings(BaseSettings):
    """What any process that speaks to Temporal is told, with a database or without.

    A wrong or missing setting stops the process at its start with the setting's name; the value is never shown.
    """

    model_config = SettingsConfigDict(env_prefix="RENTBOOK_", frozen=True, extra="ignore", hide_input_in_errors=True)

    temporal_address: str = Field(description="host:port of the Temporal frontend")
    temporal_namespace: str = "rentbook"
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=0, ge=0, le=65535, description="0 takes a free port")
    instance: str = Field(default="1", pattern=r"^[a-z0-9-]+$", description="Tells processes of a service apart; stable over restarts")
    log_format: Literal["json", "text"] = "json"
    otlp_endpoint: str | None = Field(default=None, description="Base address of an OpenTelemetry collector (OTLP over HTTP)")
    trace_file: Path | None = Field(default=None, description="File to which finished spans are appended, a JSON object a line")
    start_limit_seconds: float = Field(default=60.0, gt=0, description="How long to wait for PostgreSQL, Kafka and Temporal at the start")
    stop_limit_seconds: float = Field(default=30.0, gt=0, description="How long work in flight may take to finish at the end")
    stall_limit_seconds: float = Field(default=120.0, gt=0, description="Without progress for so long, with work waiting: unhealthy")


class Settings(ProcessSettings):
    """The settings every service shares. A service adds its own in a subclass."""

    database_url: str = Field(description="postgresql+asyncpg:// address of the service's own database, as the role that runs it")
    kafka_bootstrap: str = Field(description="host:port of a Kafka broker, or several with commas")
    kafka_username: str | None = Field(default=None, description="SCRAM-SHA-512 user; None speaks to a broker without passwords")
    topic_prefix: str = Field(default="", description="Before each topic and consumer group, so that tests share one broker")
    peers: dict[str, str] = Field(default_factory=dict, description="Base address of each other service by its name")
    secrets_dir: Path = Field(description="Folder of the files service_token, kafka_password and database_password")
    state_dir: Path | None = Field(default=None, description="Folder of this service's own files")

    pool_size: int = Field(default=10, ge=1, description="Connections for use cases; relays hold two more")
    poll_seconds: float = Field(default=0.5, gt=0, description="How often a relay looks for rows when nobody wakes it")
    retry_budget_seconds: float = Field(default=30.0, gt=0, description="How long a failing batch is tried before it is rewound")
    stories_look_seconds: float = Field(default=20.0, gt=0, description="How often is looked for stories that are gone from Temporal")
    behind_limit_seconds: float = Field(default=30.0, gt=0, description="A consumer whose oldest event is older is said to be catching up")
    peer_limit_seconds: float = Field(default=10.0, gt=0, description="How long to wait for a peer's answer")
    body_limit_bytes: int = Field(default=4 * 1024 * 1024, gt=0, description="The longest query or command that is read")

    @field_validator("database_url")
    @classmethod
    def speaks_asyncpg(cls, url: str) -> str:
        """`postgresql://` alone means another driver in SQLAlchemy 2.1."""
        PostgresDsn(url)
        if not url.startswith("postgresql+asyncpg://"):
            raise ValueError("must begin with postgresql+asyncpg://")
        return url

    def secret(self, name: str) -> str:
        """The content of a file of `secrets_dir`, without the line's end. Errors: FileNotFoundError, named for the file."""
        return (self.secrets_dir / name).read_text(encoding="utf-8").rstrip("\r\n")

    def request_key(self) -> bytes:
        """The key under which the content of commands is hashed: the file `request_key`, which is never changed.

        Without that file it is the services' token; after the token's rotation a repeated form then counts as one of other content.
        """
        own = self.secrets_dir / "request_key"
        return self.secret(own.name if own.exists() else "service_token").encode()


class MigrationSettings(BaseSettings):
    """What `migrate` must be told: the database as the role that owns its tables, and as the one that runs the service."""

    model_config = SettingsConfigDict(env_prefix="RENTBOOK_", frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: str
    owner_database_url: str
