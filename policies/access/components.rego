package access

# METADATA
# title: Components offered
# description: >
#   A component is offered where the open stage names it. Weights are the exception: only the
#   access level that opens them offers them, whatever another stage says.
components_offered := [component |
	some component in input.stage.offers
	component != "weights.final"
] if {
	input.stage.access in {"api", "closed", "limited"}
}

# METADATA
# title: component_not_offered
# description: The open stage admits the caller, and does not offer the component asked for.
obstacles contains "component_not_offered" if {
	caller_is_admitted
	not component_is_offered
}

# METADATA
# title: The component asked for is offered
component_is_offered if input.component in components_offered
