package access

# METADATA
# title: The key reaches this use
# description: A key may be narrower than the rights of its holder, and is then kept to it.
key_reaches_the_use if input.in_scope == true

# METADATA
# title: scope_too_narrow
# description: The caller is admitted, by another key than this one.
obstacles contains "scope_too_narrow" if {
	caller_is_admitted
	not key_reaches_the_use
}
