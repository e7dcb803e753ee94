package access

# METADATA
# title: Admitted to open weights
# description: >
#   A release with open weights admits whom an audience admits, mostly everybody, and is the only
#   one whose weights may leave. It is known to whom it admits, to whom the next stage will admit,
#   and, where it is listed, to everybody.
caller_is_admitted if {
	input.stage.access == "open-weights"
	some_audience_admits
}

# METADATA
# title: Known while its weights are open
release_may_be_known if {
	input.stage.access == "open-weights"
	listed_or_awaited
}

# METADATA
# title: Weights may leave
components_of_stage := input.stage.offers if input.stage.access == "open-weights"
