"""What `granian ingress.asgi:app` runs: the one module here with an effect when imported."""

from ingress.app import build
from ops import logs, settings

_settings = settings.load()
logs.configure(_settings.log_level)
app = build(_settings)
