"""The demonstration: a synthetic county, and a federation run on one machine.

`generator.generate` is a library for tests and benchmarks as well; everybody it makes up is synthetic.
"""
