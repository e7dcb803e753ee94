package changes

# METADATA
# title: That a stage opens may be approved
# description: >
#   By anybody who had no hand in writing it or bringing it into force, once, while it waits.
act_may_pass if {
	input.act == "approve_stage"
	actor_may_agree
}

# METADATA
# title: A stage that asks for approvals may open
# description: >
#   Once as many people as it asks for have agreed. Judged again when it opens: who agreed may have
#   become an author since.
act_may_pass if {
	input.act == "open_stage"
	_enough_agreed
}

_enough_agreed if count(consents_that_count) >= input.consents_needed

# METADATA
# title: approvals_missing
obstacles contains "approvals_missing" if {
	input.act == "open_stage"
	not _enough_agreed
}
