"""Tools for operators: the doctor, the state of the service, the metrics, the schema, companies, labels."""
