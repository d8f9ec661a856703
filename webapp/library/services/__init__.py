"""What can be done with the library. One module per noun."""
