"""Commands that print the figures in the documents. Each prints a table and writes JSON to benchmarks/out/."""
