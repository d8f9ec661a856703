"""What people can do with what is kept of them. One module per noun."""
