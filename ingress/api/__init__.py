"""The admin API: /api/v1, JSON, opened with API keys."""
