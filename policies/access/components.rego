package access

# METADATA
# title: Components offered
# description: What the open stage offers, but for what a narrowing takes away.
components_offered := [component |
	some component in components_of_stage
	_no_narrowing_takes(component)
]

# METADATA
# title: Components of the open stage
# description: >
#   A component is the stage's where the open stage names it. Weights are the exception: only the
#   access level that opens them offers them, whatever another stage says.
components_of_stage := [component |
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
	not input.component in components_of_stage
}

# METADATA
# title: The component asked for is offered
component_is_offered if input.component in components_offered
