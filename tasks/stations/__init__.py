"""The stations of a capture: assemble → decode → thumbnail → upload → persist → acknowledge.

They are plain functions without Celery. Each may run twice; `tasks/pipeline.py` runs them in order.
"""
