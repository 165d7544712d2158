"""The stations of a capture, as plain functions: assemble → thumbnail → upload → persist → acknowledge.

They do not depend on Celery. Each may run twice; `tasks/pipeline.py` runs them in order.
"""
