"""Directory Sync: pulls users from Microsoft Graph into lists (product rules D1–D3)."""
