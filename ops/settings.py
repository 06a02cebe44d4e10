"""What can be set from outside: environment variables that begin with MUSTER_, and nothing else."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from ops.addresses import local_root

LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(BaseSettings):
    """Read once where a process begins (`load`), handed on as an argument from there."""

    model_config = SettingsConfigDict(env_prefix="MUSTER_", frozen=True, extra="ignore")

    database_url: str = "postgresql:///muster"
    owner_url: str | None = None  # the role that owns the tables; None: the serving role owns them
    redis_url: str = "redis://127.0.0.1:6379/0"

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    public_url: str | None = None  # what IdPs call, when a proxy stands before us
    console_url: str | None = None
    internal_host: str = "127.0.0.1"
    internal_port: int | None = Field(default=None, ge=1, le=65535)  # None: 9090 for ingress, 9091 for workers

    ingress_processes: int = Field(default=1, ge=1)
    worker_processes: int = Field(default=1, ge=1)
    worker_threads: int = Field(default=2, ge=1)

    queue_limit: int = Field(default=4096, ge=1)  # waiting changes; beyond it requests are shed with 503
    max_body: int = Field(default=1_048_576, ge=1024)  # bytes; the largest IdP body seen is a few kilobytes
    metrics_dir: str | None = None
    log_level: LogLevel = "info"

    def public_root(self) -> str:
        """The root of every URL that is shown to an IdP, without a slash at the end."""
        return (self.public_url or local_root(self.host, self.port)).rstrip("/")

    def console_root(self) -> str:
        """The root of the operators' console."""
        return (self.console_url or self.public_root()).rstrip("/")

    def migrations_url(self) -> str:
        """The database as the role that owns its tables."""
        return self.owner_url or self.database_url


def load() -> Settings:
    """The settings of this process."""
    return Settings()
