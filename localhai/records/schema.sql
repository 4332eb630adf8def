-- Written by scripts/schema.py from the migrations.
CREATE TABLE commits (
	project_id VARCHAR(36) NOT NULL,
	identifier TEXT NOT NULL,
	yaml_path TEXT NOT NULL,
	description TEXT NOT NULL,
	size INTEGER NOT NULL,
	created VARCHAR(27) NOT NULL,
	PRIMARY KEY (project_id, identifier),
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
CREATE TABLE counters (
	project_id VARCHAR(36) NOT NULL,
	noun VARCHAR(32) NOT NULL,
	value INTEGER NOT NULL,
	PRIMARY KEY (project_id, noun),
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
CREATE TABLE data (
	id VARCHAR(36) NOT NULL,
	execution_id VARCHAR(36) NOT NULL,
	project_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	size INTEGER NOT NULL,
	ctime VARCHAR(27) NOT NULL,
	md5 VARCHAR(32) NOT NULL,
	sha1 VARCHAR(40) NOT NULL,
	sha256 VARCHAR(64) NOT NULL,
	uri TEXT NOT NULL,
	properties TEXT NOT NULL,
	purged VARCHAR(27),
	PRIMARY KEY (id),
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
CREATE TABLE dataset_version_aliases (
	parent_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	version_id VARCHAR(36) NOT NULL,
	updated VARCHAR(27) NOT NULL,
	PRIMARY KEY (parent_id, name),
	FOREIGN KEY(parent_id) REFERENCES datasets (id),
	FOREIGN KEY(version_id) REFERENCES dataset_versions (id)
);
CREATE TABLE dataset_version_files (
	version_id VARCHAR(36) NOT NULL,
	datum_id VARCHAR(36) NOT NULL,
	position INTEGER NOT NULL,
	PRIMARY KEY (version_id, datum_id),
	FOREIGN KEY(version_id) REFERENCES dataset_versions (id),
	FOREIGN KEY(datum_id) REFERENCES data (id)
);
CREATE TABLE dataset_versions (
	id VARCHAR(36) NOT NULL,
	parent_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	counter INTEGER NOT NULL,
	created VARCHAR(27) NOT NULL,
	execution_id VARCHAR(36),
	document TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (parent_id, name),
	UNIQUE (parent_id, counter),
	FOREIGN KEY(parent_id) REFERENCES datasets (id)
);
CREATE TABLE datasets (
	id VARCHAR(36) NOT NULL,
	project_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	created VARCHAR(27) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (project_id, name),
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
CREATE TABLE datum_alias_changes (
	id INTEGER NOT NULL,
	project_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	datum_id VARCHAR(36),
	time VARCHAR(27) NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
CREATE TABLE datum_aliases (
	project_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	datum_id VARCHAR(36) NOT NULL,
	created VARCHAR(27) NOT NULL,
	updated VARCHAR(27) NOT NULL,
	PRIMARY KEY (project_id, name),
	FOREIGN KEY(project_id) REFERENCES projects (id),
	FOREIGN KEY(datum_id) REFERENCES data (id)
);
CREATE TABLE datum_tags (
	datum_id VARCHAR(36) NOT NULL,
	tag TEXT NOT NULL,
	position INTEGER NOT NULL,
	PRIMARY KEY (datum_id, tag),
	FOREIGN KEY(datum_id) REFERENCES data (id) ON DELETE CASCADE
);
CREATE TABLE deployment_aliases (
	deployment_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	version_id VARCHAR(36) NOT NULL,
	updated VARCHAR(27) NOT NULL,
	PRIMARY KEY (deployment_id, name),
	FOREIGN KEY(deployment_id) REFERENCES deployments (id),
	FOREIGN KEY(version_id) REFERENCES deployment_versions (id)
);
CREATE TABLE deployment_endpoints (
	version_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	position INTEGER NOT NULL,
	status VARCHAR(16) NOT NULL,
	started VARCHAR(27),
	finished VARCHAR(27),
	stop_requested VARCHAR(27),
	owner_host TEXT,
	owner_pid INTEGER,
	owner_process_start TEXT,
	owner_boot_id TEXT,
	document TEXT NOT NULL,
	PRIMARY KEY (version_id, name),
	FOREIGN KEY(version_id) REFERENCES deployment_versions (id)
);
CREATE TABLE deployment_versions (
	id VARCHAR(36) NOT NULL,
	deployment_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	"commit" TEXT NOT NULL,
	created VARCHAR(27) NOT NULL,
	document TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (deployment_id, name),
	FOREIGN KEY(deployment_id) REFERENCES deployments (id)
);
CREATE TABLE deployments (
	id VARCHAR(36) NOT NULL,
	project_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	created VARCHAR(27) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (project_id, name),
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
CREATE TABLE execution_keys (
	execution_id VARCHAR(36) NOT NULL,
	project_id VARCHAR(36) NOT NULL,
	step TEXT NOT NULL,
	"key" VARCHAR(64) NOT NULL,
	parts TEXT NOT NULL,
	outputs TEXT NOT NULL,
	PRIMARY KEY (execution_id),
	FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE,
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
CREATE TABLE execution_tags (
	execution_id VARCHAR(36) NOT NULL,
	tag TEXT NOT NULL,
	position INTEGER NOT NULL,
	PRIMARY KEY (execution_id, tag),
	FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE
);
CREATE TABLE executions (
	id VARCHAR(36) NOT NULL,
	project_id VARCHAR(36) NOT NULL,
	counter INTEGER NOT NULL,
	status VARCHAR(16) NOT NULL,
	step TEXT NOT NULL,
	image TEXT NOT NULL,
	"commit" TEXT,
	title TEXT,
	environment TEXT,
	created VARCHAR(27) NOT NULL,
	queued VARCHAR(27),
	started VARCHAR(27),
	finished VARCHAR(27),
	exit_code INTEGER,
	owner_host TEXT,
	owner_pid INTEGER,
	owner_process_start TEXT,
	owner_boot_id TEXT,
	stop_requested VARCHAR(27),
	container_id TEXT,
	folder TEXT,
	document TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (project_id, counter),
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
CREATE TABLE input_data (
	execution_id VARCHAR(36) NOT NULL,
	datum_id VARCHAR(36) NOT NULL,
	input TEXT NOT NULL,
	PRIMARY KEY (execution_id, datum_id, input)
);
CREATE TABLE localhai_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT localhai_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "localhai_version" VALUES('0012');
CREATE TABLE model_version_aliases (
	parent_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	version_id VARCHAR(36) NOT NULL,
	updated VARCHAR(27) NOT NULL,
	PRIMARY KEY (parent_id, name),
	FOREIGN KEY(parent_id) REFERENCES models (id),
	FOREIGN KEY(version_id) REFERENCES model_versions (id)
);
CREATE TABLE model_version_files (
	version_id VARCHAR(36) NOT NULL,
	datum_id VARCHAR(36) NOT NULL,
	position INTEGER NOT NULL,
	PRIMARY KEY (version_id, datum_id),
	FOREIGN KEY(version_id) REFERENCES model_versions (id),
	FOREIGN KEY(datum_id) REFERENCES data (id)
);
CREATE TABLE model_versions (
	id VARCHAR(36) NOT NULL,
	parent_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	counter INTEGER NOT NULL,
	created VARCHAR(27) NOT NULL,
	execution_id VARCHAR(36),
	document TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (parent_id, name),
	UNIQUE (parent_id, counter),
	FOREIGN KEY(parent_id) REFERENCES models (id)
);
CREATE TABLE models (
	id VARCHAR(36) NOT NULL,
	project_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	created VARCHAR(27) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (project_id, name),
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
CREATE TABLE page_sessions (
	id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	code_sha256 VARCHAR(64),
	token_sha256 VARCHAR(64),
	created VARCHAR(27) NOT NULL,
	expires VARCHAR(27) NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(user_id) REFERENCES users (id),
	UNIQUE (code_sha256),
	UNIQUE (token_sha256)
);
CREATE TABLE pipeline_changes (
	id INTEGER NOT NULL,
	pipeline_id VARCHAR(36) NOT NULL,
	node TEXT,
	time VARCHAR(27) NOT NULL,
	new_status VARCHAR(16) NOT NULL,
	reason TEXT,
	PRIMARY KEY (id),
	FOREIGN KEY(pipeline_id) REFERENCES pipelines (id) ON DELETE CASCADE
);
CREATE TABLE pipeline_nodes (
	pipeline_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	position INTEGER NOT NULL,
	type VARCHAR(16) NOT NULL,
	status VARCHAR(16) NOT NULL,
	execution_id VARCHAR(36),
	task_id VARCHAR(36),
	approved VARCHAR(27),
	document TEXT NOT NULL,
	PRIMARY KEY (pipeline_id, name),
	FOREIGN KEY(pipeline_id) REFERENCES pipelines (id) ON DELETE CASCADE
);
CREATE TABLE pipelines (
	id VARCHAR(36) NOT NULL,
	project_id VARCHAR(36) NOT NULL,
	counter INTEGER NOT NULL,
	status VARCHAR(16) NOT NULL,
	name TEXT NOT NULL,
	title TEXT,
	"commit" TEXT,
	created VARCHAR(27) NOT NULL,
	started VARCHAR(27),
	finished VARCHAR(27),
	owner_host TEXT,
	owner_pid INTEGER,
	owner_process_start TEXT,
	owner_boot_id TEXT,
	stop_requested VARCHAR(27),
	document TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (project_id, counter),
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
CREATE TABLE processes (
	owner_host TEXT NOT NULL,
	owner_pid INTEGER NOT NULL,
	owner_process_start TEXT NOT NULL,
	owner_boot_id TEXT NOT NULL,
	seen FLOAT NOT NULL,
	given_up BOOLEAN NOT NULL, timeout FLOAT,
	PRIMARY KEY (owner_host, owner_pid, owner_process_start, owner_boot_id)
);
CREATE TABLE project_owners (
	project_id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	description TEXT NOT NULL,
	PRIMARY KEY (project_id),
	FOREIGN KEY(project_id) REFERENCES projects (id),
	FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE TABLE project_variables (
	project_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	secret BOOLEAN NOT NULL,
	PRIMARY KEY (project_id, name),
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
CREATE TABLE projects (
	id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	path TEXT NOT NULL,
	created VARCHAR(27) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (path)
);
CREATE TABLE queue (
	id VARCHAR(36) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	project_id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	priority INTEGER NOT NULL,
	created VARCHAR(27) NOT NULL,
	request TEXT NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(project_id) REFERENCES projects (id),
	FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE TABLE status_changes (
	id INTEGER NOT NULL,
	execution_id VARCHAR(36) NOT NULL,
	time VARCHAR(27) NOT NULL,
	old_status VARCHAR(16),
	new_status VARCHAR(16) NOT NULL,
	changed_by TEXT NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE
);
CREATE TABLE task_children (
	task_id VARCHAR(36) NOT NULL,
	number INTEGER NOT NULL,
	execution_id VARCHAR(36) NOT NULL,
	PRIMARY KEY (task_id, number, execution_id),
	FOREIGN KEY(task_id) REFERENCES tasks (id) ON DELETE CASCADE
);
CREATE TABLE tasks (
	id VARCHAR(36) NOT NULL,
	project_id VARCHAR(36) NOT NULL,
	counter INTEGER NOT NULL,
	status VARCHAR(16) NOT NULL,
	name TEXT NOT NULL,
	step TEXT NOT NULL,
	type VARCHAR(32) NOT NULL,
	"commit" TEXT,
	created VARCHAR(27) NOT NULL,
	finished VARCHAR(27),
	owner_host TEXT,
	owner_pid INTEGER,
	owner_process_start TEXT,
	owner_boot_id TEXT,
	stop_requested VARCHAR(27),
	document TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (project_id, counter),
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
CREATE TABLE users (
	id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	token_sha256 VARCHAR(64) NOT NULL,
	created VARCHAR(27) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name),
	UNIQUE (token_sha256)
);
CREATE INDEX projects_name ON projects (name);
CREATE INDEX execution_tags_tag ON execution_tags (tag);
CREATE INDEX status_changes_execution ON status_changes (execution_id);
CREATE INDEX data_execution ON data (execution_id);
CREATE INDEX data_project ON data (project_id, id);
CREATE INDEX data_sha256 ON data (sha256);
CREATE INDEX datum_aliases_datum ON datum_aliases (datum_id);
CREATE INDEX pipelines_status ON pipelines (status);
CREATE INDEX pipeline_nodes_execution ON pipeline_nodes (execution_id);
CREATE INDEX pipeline_nodes_task ON pipeline_nodes (task_id);
CREATE INDEX pipeline_changes_pipeline ON pipeline_changes (pipeline_id);
CREATE INDEX dataset_versions_execution ON dataset_versions (execution_id);
CREATE INDEX dataset_version_files_datum ON dataset_version_files (datum_id);
CREATE INDEX model_versions_execution ON model_versions (execution_id);
CREATE INDEX model_version_files_datum ON model_version_files (datum_id);
CREATE INDEX input_data_datum ON input_data (datum_id);
CREATE INDEX datum_alias_changes_name ON datum_alias_changes (project_id, name);
CREATE INDEX tasks_status ON tasks (status);
CREATE INDEX task_children_execution ON task_children (execution_id);
CREATE INDEX execution_keys_key ON execution_keys (project_id, "key", execution_id);
CREATE INDEX execution_keys_step ON execution_keys (project_id, step, execution_id);
CREATE INDEX deployment_endpoints_status ON deployment_endpoints (status);
CREATE INDEX executions_project ON executions (project_id, id);
CREATE INDEX executions_project_status ON executions (project_id, status, id);
CREATE INDEX executions_project_step ON executions (project_id, step, id);
CREATE INDEX executions_status ON executions (status, id);
