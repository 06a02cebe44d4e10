"""Directory Sync: what is pulled from Microsoft Entra ID into a list, and when (product rules D1–D3)."""
