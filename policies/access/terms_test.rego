package access_test

import data.access

test_missing_terms_refuse if {
	access.decision == refused(["terms_not_accepted"]) with input as with_facts({"terms_missing": ["aup"]})
}

test_terms_are_not_told_to_whom_they_would_not_help if {
	every facts in [
		{"audiences": [staff]},
		{"component": "inference.embeddings"},
		{"in_scope": false},
	] {
		asked := with_facts(object.union(facts, {"terms_missing": ["aup"]}))
		told := access.decision.reasons with input as asked
		count(told) == 1
		not "terms_not_accepted" in told
	}
}
