package access

# METADATA
# title: An audience answers yes
# description: >
#   Audiences answer yes, no or unknown. Whether a caller is admitted is each access level's own
#   rule; what they share is here. Unknown counts for nothing.
some_audience_answers_yes if {
	some audience in input.audiences
	audience.truth == "yes"
}

# METADATA
# title: An audience admits
# description: Unknown counts as the audience says it does.
# scope: document
some_audience_admits if some_audience_answers_yes

some_audience_admits if {
	some audience in input.audiences
	audience.truth == "unknown"
	audience.on_unknown == "allow"
}

# METADATA
# title: The next stage will admit the caller
# description: Who will be admitted may know of the release before.
# scope: document
caller_will_be_admitted if {
	some audience in input.future_audiences
	audience.truth == "yes"
}

caller_will_be_admitted if {
	input.future_access in {"limited", "api", "open-weights"}
	some audience in input.future_audiences
	audience.truth == "unknown"
	audience.on_unknown == "allow"
}
