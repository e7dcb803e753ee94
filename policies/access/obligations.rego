package access

# METADATA
# title: Obligations of an allowed use
# description: >
#   What an allowed use must still keep: the open stage's conditions, but for the terms, which are
#   accepted by then. A limit that is not set is null. A condition that these rules do not know
#   leaves no obligations, and so no allow: it must not be dropped in silence.
obligations := {
	"components": components_offered,
	"log": object.get(conditions, "log", "metadata"),
	"max_output_tokens": object.get(conditions, "max_output_tokens", null),
	"requests_per_minute": object.get(conditions, "requests_per_minute", null),
	"retain_days": object.get(conditions, "retain_days", null),
	"tokens_per_day": object.get(conditions, "tokens_per_day", null),
} if {
	conditions := input.stage.conditions
	object.remove(conditions, _known_conditions) == {}
}

_known_conditions := [
	"log",
	"max_output_tokens",
	"requests_per_minute",
	"retain_days",
	"terms",
	"tokens_per_day",
]
