package requests

# METADATA
# title: A request may be approved
# description: By somebody who may review and has not approved it yet.
act_may_pass if {
	input.act == "approve"
	input.state in {"awaiting_second_approval", "pending_review"}
	input.takes_requests
	actor_is_a_person
	actor_reviews
	actor_is_new
}

# METADATA
# title: More may be asked of whoever asks
act_may_pass if {
	input.act == "need_info"
	input.state in {"awaiting_second_approval", "pending_review"}
	input.takes_requests
	actor_reviews
}

# METADATA
# title: An authority's word may be recorded
# description: By somebody who may review, where it is awaited.
act_may_pass if {
	input.act == "concur"
	input.state == "awaiting_external_concurrence"
	input.takes_requests
	count(approvals_that_count) > 0
	actor_is_a_person
	actor_reviews
}

# METADATA
# title: A request may be rejected
# description: By one reviewer, at any time while it is open, whatever the release has become.
act_may_pass if {
	input.act == "reject"
	request_is_open
	actor_reviews
}

# METADATA
# title: Where an act leads
# description: >
#   What is approved waits for what is still missing, a second person first, then the authority
#   outside. Nothing is granted before both are there.
# scope: document
leads_to := "submitted" if input.act == "ask"

leads_to := "pending_review" if input.act == "answer"

leads_to := "needs_info" if input.act == "need_info"

leads_to := "rejected" if input.act == "reject"

leads_to := "withdrawn" if input.act == "withdraw"

leads_to := _after_approval if input.act in {"approve", "concur"}

default _after_approval := "awaiting_second_approval"

_after_approval := "granted" if {
	enough_approved
	concurrence_is_there
} else := "awaiting_external_concurrence" if {
	enough_approved
}

# METADATA
# title: Enough people approved
# description: One, or two different ones where the release wants two.
# scope: document
enough_approved if {
	input.second_approval == false
	input.act == "approve"
}

enough_approved if {
	input.second_approval == false
	count(approvals_that_count) > 0
}

enough_approved if {
	input.act == "approve"
	some approval in approvals_that_count
	are_two_reviewers(approval, input.actor)
}

enough_approved if {
	some one in approvals_that_count
	some other in approvals_that_count
	are_two_reviewers(one, other)
}

# METADATA
# title: Whoever must concur did
# scope: document
concurrence_is_there if input.concurrence_missing == false

concurrence_is_there if input.act == "concur"

# METADATA
# title: act_not_possible
obstacles contains "act_not_possible" if {
	input.act in {"approve", "need_info"}
	not input.state in {"awaiting_second_approval", "pending_review"}
}

# METADATA
# title: concurrence_not_awaited
obstacles contains "concurrence_not_awaited" if {
	input.act == "concur"
	input.state != "awaiting_external_concurrence"
}

obstacles contains "act_not_possible" if {
	input.act == "concur"
	input.state == "awaiting_external_concurrence"
	count(approvals_that_count) == 0
}
