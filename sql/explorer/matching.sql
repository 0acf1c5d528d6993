-- Dialogues that meet all filters that are set; null is no filter.
FROM memory.main.catalogue
WHERE ($domain IS NULL OR domain = $domain)
  AND ($state IS NULL OR state = $state)
  AND ($stage IS NULL OR stage = $stage)
  AND ($check IS NULL OR check_id = $check)
  AND ($finding IS NULL OR list_contains(checks, $finding))
  AND ($cause IS NULL OR cause_stage = $cause)
  AND ($injection IS NULL OR list_contains(injections, $injection))
  AND ($run IS NULL OR run_id = $run)
  AND ($words IS NULL OR contains(lower(dialogue_id), $words) OR contains(lower(cause), $words))
