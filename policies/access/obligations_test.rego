package access_test

import data.access

under(conditions) := object.union(object.remove(question, ["stage"]), {"stage": object.union(
	object.remove(stage, ["conditions"]),
	{"offers": ["inference.text"], "conditions": conditions},
)})

test_every_condition_is_carried_over if {
	conditions := {
		"log": "metadata+hash",
		"max_output_tokens": 512,
		"requests_per_minute": 1,
		"retain_days": 30,
		"tokens_per_day": 2000000,
	}
	expected := object.union(conditions, {"components": ["inference.text"]})
	access.decision.obligations == expected with input as under(conditions)
}

test_what_is_not_set_is_null_and_logged_as_metadata if {
	access.decision.obligations == {
		"components": ["inference.text"],
		"log": "metadata",
		"max_output_tokens": null,
		"requests_per_minute": null,
		"retain_days": null,
		"tokens_per_day": null,
	} with input as under({"terms": ["aup"]})
}

test_a_condition_that_nothing_keeps_allows_nothing if {
	not access.decision.allow with input as under({"watermark": true})
}

test_conditions_cannot_widen_what_is_offered if {
	conditions := {"components": ["inference.text", "weights.final"]}
	not access.decision.allow with input as under(conditions)
}
