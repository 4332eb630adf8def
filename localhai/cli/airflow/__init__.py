"""Commands of `localhai airflow`."""
