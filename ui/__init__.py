"""Serve the chat page for customers, which depends only on the HTTP API and `chatbot.settings`, and the staff pages."""
