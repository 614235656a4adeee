-- The tables of this revision: a later revision changes them and leaves this file alone.

CREATE TABLE selection (
  id UUID NOT NULL,
  person TEXT NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT selection_pkey PRIMARY KEY (id)
);

CREATE TABLE selection_signed (
  selection_id UUID NOT NULL,
  signed_by TEXT NOT NULL,
  authenticated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  signed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT selection_signed_pkey PRIMARY KEY (selection_id),
  CONSTRAINT selection_signed_selection_id_fkey FOREIGN KEY(selection_id) REFERENCES selection (id)
);

CREATE TABLE selection_line (
  selection_id UUID NOT NULL,
  task_id UUID NOT NULL,
  case_id UUID NOT NULL,
  content_hash TEXT NOT NULL,
  amount_pence BIGINT NOT NULL,
  opened_first BOOLEAN NOT NULL,
  CONSTRAINT selection_line_pkey PRIMARY KEY (selection_id, task_id),
  CONSTRAINT selection_line_selection_id_fkey FOREIGN KEY(selection_id) REFERENCES selection (id),
  CONSTRAINT selection_line_task_id_fkey FOREIGN KEY(task_id) REFERENCES task (id)
);

CREATE TABLE selection_result (
  selection_id UUID NOT NULL,
  task_id UUID NOT NULL,
  decision_id UUID,
  refused TEXT,
  CONSTRAINT selection_result_pkey PRIMARY KEY (selection_id, task_id),
  CONSTRAINT a_result_is_of_a_line FOREIGN KEY(selection_id, task_id) REFERENCES selection_line (selection_id, task_id),
  CONSTRAINT a_line_is_decided_or_says_why_not CHECK ((decision_id IS NULL) = (refused IS NOT NULL)),
  CONSTRAINT selection_result_decision_id_fkey FOREIGN KEY(decision_id) REFERENCES decision (id)
);
