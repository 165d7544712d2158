"""Mutation testing: change the code in one place at a time, and see whether a test notices.

    python -m mutation [--sample N] [--seed S] [--minutes M] [--only PATH] [--list]

`judges.py` says which files are mutated and which tests judge each. Python is mutated by cosmic-ray's
operators and some of our own (`python_mutants.py`), Lua by ours (`lua_mutants.py`). The tests run on a copy
of the tree. `equivalent.toml` lists mutants that change nothing which is promised.
"""
