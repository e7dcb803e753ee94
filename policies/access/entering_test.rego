package access_test

import data.access

in_stage(facts) := with_facts({"stage": object.union(stage, facts)})

test_a_place_that_is_held_or_free_lets_enter if {
	every place in ["held", "free", "not_needed"] {
		access.decision.allow with input as in_stage({"place": place})
	}
}

test_a_line_that_is_full_refuses if {
	access.decision == refused(["stage_full"]) with input as in_stage({"place": "full"})
}

test_an_overdue_review_freezes_who_is_new_and_nobody_else if {
	late := {"overdue": true, "if_overdue": "freeze"}
	access.decision == refused(["stage_frozen"]) with input as in_stage(object.union(late, {"place": "free"}))
	access.decision.allow with input as in_stage(object.union(late, {"place": "held"}))
}

test_an_overdue_review_that_only_warns_keeps_nobody_out if {
	access.decision.allow with input as in_stage({"overdue": true, "if_overdue": "warn", "place": "free"})
}

test_an_authority_must_agree_where_one_is_asked if {
	access.decision.allow with input as in_stage({"concurrence": "standing"})
	access.decision == refused(["concurrence_required"]) with input as in_stage({"concurrence": "none"})
	access.decision == refused(["concurrence_ended"]) with input as in_stage({"concurrence": "ended"})
}

test_terms_are_told_before_the_line_that_they_are_asked_for if {
	facts := object.union(in_stage({"place": "full"}), {"terms_missing": ["aup"]})
	access.decision == refused(["terms_not_accepted", "stage_full"]) with input as facts
}

test_terms_are_not_asked_of_whoever_cannot_enter if {
	late := {"place": "free", "overdue": true, "if_overdue": "freeze"}
	every facts in [late, {"concurrence": "none"}, {"place": "full", "concurrence": "none"}] {
		asked := object.union(in_stage(facts), {"terms_missing": ["aup"]})
		told := access.decision.reasons with input as asked
		not "terms_not_accepted" in told
	}
}

test_nobody_is_told_of_a_line_who_is_not_admitted if {
	facts := object.union(in_stage({"place": "full", "concurrence": "none"}), {"audiences": [strangers], "grant": "none"})
	access.decision == refused(["grant_required"]) with input as facts
}

test_a_fact_of_entering_that_is_missing_or_of_another_kind_denies_and_hides if {
	every field in ["place", "concurrence", "overdue", "if_overdue"] {
		facts := object.union(object.remove(question, ["stage"]), {"stage": object.remove(stage, [field])})
		access.decision == hidden with input as facts
	}
	every facts in [{"place": "Held"}, {"concurrence": true}, {"overdue": "no"}, {"if_overdue": "hold"}] {
		access.decision == hidden with input as in_stage(facts)
	}
}
