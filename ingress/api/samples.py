"""Values that examples share: one school, its list and somebody in it."""

from datetime import UTC, datetime

LIST_ID = "k3v9qm2xha"
PERSON_ID = "0197a2c4-5be1-7d10-9f3a-0c1d2e3f4a5b"
OTHER_ID = "0197a2c4-77aa-7c43-8b21-5d6e7f809a1b"
GROUP_ID = "6f1e2d3c-4b5a-4968-8776-655443322110"
WHEN = datetime(2026, 11, 25, 8, 30, tzinfo=UTC)
LATER = datetime(2026, 11, 25, 8, 30, 12, tzinfo=UTC)
OPERATOR = "mila@north.example"
