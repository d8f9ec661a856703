"""What can be done with people. One module per noun."""
