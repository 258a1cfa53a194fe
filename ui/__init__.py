"""Chat page for customers. Depends only on the HTTP API and `chatbot.settings`."""
