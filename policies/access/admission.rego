package access

# METADATA
# title: grant_required
# description: An audience asks for a grant, and the caller's organisation never held one.
obstacles contains "grant_required" if {
	_stage_does_not_admit
	_some_audience_wants_a_grant
	input.grant == "none"
}

# METADATA
# title: grant_ended
# description: An audience asks for a grant, and the one that there was has ended.
obstacles contains "grant_ended" if {
	_stage_does_not_admit
	_some_audience_wants_a_grant
	input.grant == "ended"
}

# METADATA
# title: grant_paused
# description: An audience asks for a grant, and the one that there is was paused.
obstacles contains "grant_paused" if {
	_stage_does_not_admit
	_some_audience_wants_a_grant
	input.grant == "paused"
}

# METADATA
# title: grant_recertification_due
# description: An audience asks for a grant, and nobody has looked at the one that there is in time.
obstacles contains "grant_recertification_due" if {
	_stage_does_not_admit
	_some_audience_wants_a_grant
	input.grant == "recertification_due"
}

# METADATA
# title: attribute_unknown
# description: An audience depends on a fact that nobody has asserted.
obstacles contains "attribute_unknown" if {
	_stage_does_not_admit
	_some_audience_does_not_know
}

# METADATA
# title: audience_not_admitted
# description: Every audience says no, and a grant is not what is missing.
obstacles contains "audience_not_admitted" if {
	_stage_does_not_admit
	not _some_audience_does_not_know
	not _a_grant_is_missing
}

_stage_does_not_admit if {
	some_stage_is_open
	not caller_is_admitted
}

_some_audience_wants_a_grant if {
	some audience in input.audiences
	audience.wants_grant
}

_some_audience_does_not_know if {
	some audience in input.audiences
	audience.truth == "unknown"
}

_a_grant_is_missing if {
	_some_audience_wants_a_grant
	input.grant in {"ended", "none", "paused", "recertification_due"}
}
