package requests

# METADATA
# title: The question can be judged
# description: >
#   Every fact is there and of its kind, and there is no fact that these rules do not know.
question_is_well_formed if {
	count(input) == count(_facts)
	object.remove(input, _facts) == {}
	input.act in {"answer", "approve", "ask", "concur", "need_info", "reject", "withdraw"}
	is_string(input.state)
	is_boolean(input.takes_requests)
	is_boolean(input.second_approval)
	is_boolean(input.concurrence_missing)
	is_boolean(input.same_organisation)
	is_boolean(input.has_open_request)
	is_boolean(input.rejected_finally)
	is_array(input.reviewers)
	is_array(input.actor_roles)
	is_array(input.approvals)
	_is_party(input.asker)
	_is_party(input.actor)
	every approval in input.approvals {
		_is_party(approval)
		is_string(approval.role)
	}
}

_facts := [
	"act", "actor", "actor_roles", "approvals", "asker", "concurrence_missing", "has_open_request",
	"rejected_finally", "reviewers", "same_organisation", "second_approval", "state", "takes_requests",
]

_is_party(party) if {
	is_string(party.person)
	party.person != ""
	is_array(party.issuers)
	is_array(party.founders)
	is_boolean(party.is_machine)
}
