SELECT domain, producer, result_path, consumer, parameter, confidence, evidence
FROM tool_links
ORDER BY confidence DESC, producer, consumer, parameter
