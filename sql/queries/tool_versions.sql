SELECT name, fingerprint, definition FROM domain_tools
