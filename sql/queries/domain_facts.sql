SELECT domain, description, fingerprint FROM domain_facts
