"""What a person has told the assistant to be like, and what it remembers. One module per noun."""
