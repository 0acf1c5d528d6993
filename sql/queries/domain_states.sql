SELECT domain, state, since FROM domain_states ORDER BY domain
