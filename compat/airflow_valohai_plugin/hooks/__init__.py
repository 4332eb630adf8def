"""Names of airflow-valohai-plugin; the classes are localhai's."""
