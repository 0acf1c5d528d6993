SELECT domain, description, fingerprint, lasting_fingerprint FROM domain_facts
