package access

# METADATA
# title: Admitted to a release open by API
# description: >
#   A release open by API admits whom an audience admits, mostly everybody. Its weights stay where
#   they are. It is known to whom it admits, to whom the next stage will admit, and, where it is
#   listed, to everybody.
caller_is_admitted if {
	input.stage.access == "api"
	some_audience_admits
}

# METADATA
# title: Known while it is open by API
release_may_be_known if {
	input.stage.access == "api"
	listed_or_awaited
}
