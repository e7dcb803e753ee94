package changes_test

import data.changes

author := {"person": "author", "issuers": ["root"], "founders": ["root"], "is_machine": false}

person(name, role) := {
	"person": name, "issuers": ["root"], "founders": ["root"], "is_machine": false,
	"role": role, "acknowledged": true, "is_late": false,
}

planned := {
	"act": "apply",
	"state": "planned",
	"is_current": true,
	"effect": "widening",
	"irreversible": false,
	"authors": [author],
	"actor": object.union(author, {"role": "provider", "acknowledged": false, "is_late": false}),
	"actor_roles": ["provider"],
	"consents": [],
	"consents_needed": 0,
	"consents_void": 0,
	"planned_for_s": 0,
	"asks_sign_in": false,
	"signed_in_s": null,
}

with_facts(facts) := object.union(planned, facts)

by(who, facts) := object.union(with_facts(facts), {"actor": who, "actor_roles": [who.role]})

first := person("first", "approver")

second := person("second", "analyst")

third := person("third", "provider")

test_the_default_is_no if {
	not changes.decision.allow with input as {}
	changes.decision.reasons == ["change_not_understood"] with input as {}
}

test_a_fact_more_is_not_understood if {
	changes.decision.reasons == ["change_not_understood"] with input as with_facts({"vip": true})
}
