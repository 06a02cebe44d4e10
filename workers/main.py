"""What `dramatiq workers.main:broker` runs: the one module here with an effect when imported."""

from ops import logs, settings
from workers.app import build

_settings = settings.load()
logs.configure(_settings.log_level)
broker = build(_settings)
