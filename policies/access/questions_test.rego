package access_test

import data.access

test_each_missing_fact_denies_and_hides if {
	every fact, _ in question {
		access.decision == hidden with input as object.remove(question, [fact])
	}
}

test_an_unknown_fact_denies_and_hides if {
	access.decision == hidden with input as with_facts({"embargo": true})
}

test_facts_of_another_kind_deny_and_hide if {
	every facts in [
		{"listed": "true"},
		{"in_scope": "true"},
		{"in_scope": 1},
		{"grant": "ACTIVE"},
		{"terms_missing": null},
		{"audiences": {"0": testers}},
		{"audiences": [object.union(testers, {"truth": "Yes"})]},
		{"audiences": [object.union(testers, {"on_unknown": "maybe"})]},
		{"audiences": [object.union(testers, {"wants_grant": 1})]},
		{"future_audiences": "public"},
		{"future": true},
		{"future_access": "api"},
		{"future": true, "future_access": "open"},
		{"stage": at_level("open")},
		{"stage": "limited"},
	] {
		access.decision == hidden with input as with_facts(facts)
	}
}

test_a_stage_without_offers_or_conditions_denies_and_hides if {
	every field in ["access", "conditions", "offers"] {
		facts := object.union(object.remove(question, ["stage"]), {"stage": object.remove(stage, [field])})
		access.decision == hidden with input as facts
	}
}
