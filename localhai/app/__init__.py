"""What any front end asks for, one function each. Knows no click, no HTTP, no Airflow."""
