"""What can be done with conversations and turns. One module per noun."""
