"""Tools that the assistant can use. One module in `kit/` is one tool; `registry` finds them."""
