package requests

# METADATA
# title: Access may be asked for
# description: >
#   For one's own organisation, where the release takes requests, once at a time, and never again
#   after a rejection for good.
act_may_pass if {
	input.act == "ask"
	input.state == ""
	input.takes_requests
	input.same_organisation
	input.has_open_request == false
	input.rejected_finally == false
}

# METADATA
# title: What a reviewer wants to know is answered by the organisation that asked
act_may_pass if {
	input.act == "answer"
	input.state == "needs_info"
	input.takes_requests
	input.same_organisation
}

# METADATA
# title: A request is taken back by the organisation that asked, while it is open
act_may_pass if {
	input.act == "withdraw"
	request_is_open
	input.same_organisation
}

# METADATA
# title: A request is open
request_is_open if {
	input.state in {
		"awaiting_external_concurrence",
		"awaiting_second_approval",
		"needs_info",
		"pending_review",
	}
}

# METADATA
# title: act_not_possible
obstacles contains "act_not_possible" if {
	input.act == "ask"
	input.state != ""
}

obstacles contains "act_not_possible" if {
	input.act == "answer"
	input.state != "needs_info"
}

obstacles contains "act_not_possible" if {
	input.act in {"reject", "withdraw"}
	not request_is_open
}

# METADATA
# title: requests_not_taken
obstacles contains "requests_not_taken" if {
	input.act in {"answer", "approve", "ask", "concur", "need_info"}
	not input.takes_requests
}

# METADATA
# title: rejected_finally
obstacles contains "rejected_finally" if {
	input.act == "ask"
	input.rejected_finally
}

# METADATA
# title: already_asked
obstacles contains "already_asked" if {
	input.act == "ask"
	input.has_open_request
}

# METADATA
# title: not_the_askers
obstacles contains "not_the_askers" if {
	input.act in {"answer", "ask", "withdraw"}
	not input.same_organisation
}
