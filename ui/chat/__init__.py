"""The chat page: HTTP client, conversation, views, texts."""
