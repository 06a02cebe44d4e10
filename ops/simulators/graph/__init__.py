"""Microsoft Graph and its token endpoint for tests and trials: a tenant that can be changed, served as documented."""

from ops.simulators.graph.directory import Directory
from ops.simulators.graph.server import GraphServer

__all__ = ["Directory", "GraphServer"]
