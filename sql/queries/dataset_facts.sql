SELECT name, fingerprint, facts FROM dataset_facts
