"""The tools. Each module has a function `tool(services)` that gives its Tool, or None where it cannot be had."""
