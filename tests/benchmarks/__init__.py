"""How fast, how responsive, how frugal: `python -m tests.benchmarks` prints the table. Not tests: machines differ."""
