package access

# METADATA
# title: Admitted to a limited release
# description: >
#   A limited release admits whom an audience admits, mostly by a grant to the caller's
#   organisation. It is known to whom it admits, to whom the next stage will admit, and, where it
#   is listed, to everybody.
caller_is_admitted if {
	input.stage.access == "limited"
	some_audience_admits
}

# METADATA
# title: Known while it is limited
release_may_be_known if {
	input.stage.access == "limited"
	listed_or_awaited
}
