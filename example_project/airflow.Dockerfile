# Airflow with localhai, for compose.yaml. In a project of your own, two lines do:
#
#     FROM apache/airflow:2.11.2
#     RUN pip install --no-cache-dir localhai && mkdir /opt/airflow/localhai

FROM apache/airflow:2.11.2
COPY --chown=airflow:0 pyproject.toml README.md LICENSE /opt/airflow/source/
COPY --chown=airflow:0 localhai /opt/airflow/source/localhai
# The folder is made here so that the volume on it belongs to the user airflow.
RUN pip install --no-cache-dir /opt/airflow/source && mkdir /opt/airflow/localhai
