"""Build the chat page: HTTP client, conversation, views, texts."""
