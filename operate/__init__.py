"""Tools for operators: the doctor, the state of the service, the metrics, the schema, the health check."""
