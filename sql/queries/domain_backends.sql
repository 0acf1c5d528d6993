SELECT definition FROM domain_backends ORDER BY position
