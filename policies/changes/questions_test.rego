package changes_test

import data.changes

test_each_fact_is_needed if {
	every fact in object.keys(planned) {
		not changes.question_is_well_formed with input as object.remove(planned, [fact])
	}
}

test_what_cannot_be_undone_is_never_taken_for_narrowing if {
	facts := {"effect": "narrowing", "irreversible": true}
	not changes.question_is_well_formed with input as with_facts(facts)
}

test_a_consent_of_nobody_is_not_understood if {
	not changes.question_is_well_formed with input as with_facts({"consents": [{"role": "approver"}]})
}
