"""The chat page: what customers see. Of this project it knows the HTTP API and `chatbot.settings` only."""
