"""Chats out of the exports of other products, and of our own."""
