package access_test

import data.access

offering(level) := object.union(at_level(level), {"offers": ["inference.text", "weights.final"]})

test_what_the_stage_does_not_offer_is_refused if {
	facts := with_facts({"component": "inference.embeddings"})
	access.decision == refused(["component_not_offered"]) with input as facts
}

test_weights_leave_where_they_are_open if {
	facts := with_facts({"component": "weights.final", "stage": offering("open-weights")})
	access.decision.obligations.components == ["inference.text", "weights.final"] with input as facts
}

test_weights_leave_nowhere_else_though_a_stage_offers_them if {
	every level in ["api", "closed", "limited"] {
		facts := with_facts({"component": "weights.final", "stage": offering(level)})
		access.decision == refused(["component_not_offered"]) with input as facts
	}
}

test_weights_are_not_among_the_obligations_elsewhere if {
	facts := with_facts({"stage": offering("api")})
	access.decision.obligations.components == ["inference.text"] with input as facts
}
