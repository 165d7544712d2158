"""The stations of a capture, as plain functions: assemble → thumbnail → upload → persist → acknowledge.

None of them knows Celery. Each may run twice; `tasks/pipeline.py` runs them in order.
"""
