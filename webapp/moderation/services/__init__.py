"""What the guards and the staff do with a conversation. One module per noun."""
